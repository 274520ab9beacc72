import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { until } from "../../tasks/until.ts";
import { TestProcess } from "../host/process_rig_test.ts";
import type { NetworkState } from "../run/fault_proxy.ts";
import { nowUs } from "../streams/message.ts";
import type { ChildSpec } from "../wire/wire.ts";
import type { CrashTimes, Ground } from "./ground.ts";
import { GroundKeeper } from "./ground_keeper.ts";
import { connectGround, type KeptGround } from "./kept_ground.ts";

const spec = (process: string) => ({ process, name: process.split("#")[0] }) as ChildSpec;

/** A ground of a server, a network for each name, and processes; and its keeper, which coordinators connect to. */
function rig() {
  const dir = new TempDir();
  const processes = new Map<string, TestProcess>();
  const states = new Map<string, NetworkState>();
  const done: string[] = [];
  const mood = { failing: false };
  const serverEnded = Promise.withResolvers<string>();
  const server = {
    pids: [7],
    kill: () => Promise.resolve(void done.push("kill")),
    restart: () => {
      if (mood.failing) return Promise.reject(new Error("no room"));
      server.pids = [8];
      return Promise.resolve(void done.push("restart"));
    },
  };
  const ground: Ground = {
    urls: ["nats://127.0.0.1:1"],
    server,
    cluster: undefined,
    serverEnded: serverEnded.promise,
    host: {
      spawn: (_role, { process }) => {
        const child = new TestProcess(100 + processes.size);
        processes.set(process, child);
        return child;
      },
    },
    networks: {
      of: (name) => ({
        get well() {
          return Object.keys(states.get(name) ?? {}).length === 0;
        },
        become: (state) => void states.set(name, state),
        cut: () => void done.push(`cut ${name}`),
      }),
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const crashes: CrashTimes[] = [];
  const keeper = new GroundKeeper({
    ground,
    onCrash: (when) => crashes.push(when),
    onOver: () => done.push("over"),
  });
  const path = `${dir.path}/socket`;
  const listener = Deno.listen({ transport: "unix", path });
  let serving: Promise<void> = Promise.resolve();
  const coordinator = async (): Promise<KeptGround> => {
    const connecting = Deno.connect({ transport: "unix", path });
    serving = keeper.serve(await listener.accept());
    return await connectGround(await connecting);
  };
  /** As SIGKILL ends a coordinator: its connection ends, and nothing is said. */
  const die = async (kept: KeptGround) => {
    const killedUs = nowUs();
    await kept[Symbol.asyncDispose]();
    await serving;
    await keeper.endFaults(killedUs);
    return killedUs;
  };
  return {
    ...{ processes, states, done, mood, crashes, serverEnded, coordinator, die },
    [Symbol.dispose]: () => {
      listener.close();
      dir[Symbol.dispose]();
    },
  };
}

Deno.test("ground: a coordinator has processes, networks and servers of its keeper do what it says", async () => {
  using run = rig();
  const kept = await run.coordinator();
  assert.deepEqual(kept.urls, ["nats://127.0.0.1:1"]);
  assert.equal(kept.left, undefined, "nobody was there before");
  const worker = kept.host.spawn("worker", spec("worker-3#1"));
  await until("its number is known", () => worker.pid === 100);
  {
    await using _paused = await worker.pause();
    assert.deepEqual(run.processes.get("worker-3#1")!.seen, ["pause"]);
  }
  worker.kill();
  assert.deepEqual(await worker.exited, { code: 137, signal: "SIGKILL" });
  assert.deepEqual(worker.output, ["its last line"]);
  assert.deepEqual(run.processes.get("worker-3#1")!.seen, ["pause", "resume", "kill"]);
  const network = kept.networks!.of("worker-3")!;
  network.become({ refused: true });
  network.cut();
  assert.equal(network.well, false);
  await kept.server!.kill();
  await kept.server!.restart();
  assert.deepEqual(run.states.get("worker-3"), { refused: true });
  assert.deepEqual(run.done, ["cut worker-3", "kill", "restart"]);
  assert.deepEqual(kept.server!.pids, [8]);
  await kept.crash!({ afterMs: 1, downMs: 2 });
  assert.deepEqual(run.crashes, [{ afterMs: 1, downMs: 2 }]);
  await kept.over();
  assert.equal(run.done.at(-1), "over");
  await run.die(kept);
});

Deno.test("ground: what a dead coordinator has done to others ends, and the next one finds who lives and is told of the rest", async () => {
  using run = rig();
  const first = await run.coordinator();
  for (const name of ["worker-0#1", "worker-1#1", "producer-0#1"]) {
    first.host.spawn(name.split("-")[0] as "worker", spec(name));
  }
  await first.host.spawn("worker", spec("worker-1#2")).pause();
  first.networks!.of("worker-0")!.become({ up: "held" });
  await first.server!.kill();
  const killedUs = await run.die(first);
  assert.deepEqual(run.processes.get("worker-1#2")!.seen, ["pause", "resume"]);
  assert.deepEqual(run.states.get("worker-0"), {});
  assert.deepEqual(run.done, ["kill", "restart"]);
  // It ends while nobody is there to be told.
  run.processes.get("worker-1#1")!.terminate();
  await run.processes.get("worker-1#1")!.exited;

  const second = await run.coordinator();
  const { left } = second;
  assert.ok(left !== undefined);
  assert.equal(left.killedUs, killedUs);
  assert.deepEqual([...left.living].sort(), ["producer-0#1", "worker-0#1", "worker-1#2"]);
  assert.deepEqual(await left.processes.get("worker-1#1")!.exited, { code: 0, signal: null });
  assert.equal(left.processes.get("worker-0#1")!.pid, 100);
  assert.deepEqual(left.faults.map(({ kind, process }) => [kind, process]), [
    ["stoodStill", "worker-1#2"],
    ["network", "worker-0#1"],
    ["outage", ""],
  ]);
  for (const { fromUs, untilUs } of left.faults) {
    assert.ok(fromUs <= killedUs && untilUs >= killedUs, "until it was dead");
  }
  left.processes.get("producer-0#1")!.kill();
  assert.equal((await left.processes.get("producer-0#1")!.exited).code, 137);
  await run.die(second);
});

Deno.test("ground: that a server has ended by itself is told whoever is there, and whoever comes", async () => {
  using run = rig();
  const first = await run.coordinator();
  run.serverEnded.resolve("it ended");
  assert.equal(await first.serverEnded, "it ended");
  await run.die(first);
  const second = await run.coordinator();
  assert.equal(await second.serverEnded, "it ended");
  await run.die(second);
});

Deno.test("ground: what is refused is told, and without a keeper nothing is waited for", async () => {
  using run = rig();
  const kept = await run.coordinator();
  assert.equal(kept.cluster, undefined);
  run.mood.failing = true;
  await assert.rejects(kept.server!.restart(), (error) => {
    return isPartiError(error, "PARTI_REFUSED") && /no room/.test(error.message);
  });
  await run.die(kept);
  await assert.rejects(kept.server!.kill(), (error) => {
    return isPartiError(error, "PARTI_DISCONNECTED");
  });
});
