/** Actors on several processes and a real server, which are killed and stopped: never two lives of one actor at a time. */
import assert from "node:assert/strict";
import { decodeJsonObject } from "../codec.ts";
import { isPartiError } from "../errors.ts";
import { natsTest, type Rig, until } from "../test_support/rig.ts";
import {
  type BusProgramSpec,
  COUNTER,
  JUDGE_SUBJECT,
  type TurnNotice,
} from "../test_support/bus_program.ts";
import { endProgram, startProgram } from "../test_support/worker_program.ts";
import { ActorSystem } from "./actors/actor_system.ts";
import { MessageBus } from "./bus.ts";

const ACTORS = 20;
const LEASE_TTL_MS = 2_000;
const START_TIMEOUT_MS = 60_000;
const CALL_TIMEOUT_MS = 20_000;
const BUS = "processes";
const NOTHING = new Uint8Array();

/** Whether two turns of two lives of one actor were at work at once. */
function overlaps(
  notices: readonly TurnNotice[],
  killedAtMs: ReadonlyMap<string, number>,
): string[] {
  const open = new Map<string, TurnNotice>();
  const turns: { notice: TurnNotice; untilMs: number }[] = [];
  for (const notice of notices) {
    const key = `${notice.actor} ${notice.node} ${notice.token}`;
    const begun = open.get(key);
    if (notice.phase === "begin") open.set(key, notice);
    else if (begun !== undefined) {
      open.delete(key);
      // Whoever was stopped in the middle of it, and finds its right over, has done nothing since.
      if (!notice.fenced) turns.push({ notice: begun, untilMs: notice.atMs });
    }
  }
  for (const notice of open.values()) {
    const untilMs = killedAtMs.get(notice.node);
    if (untilMs !== undefined) turns.push({ notice, untilMs });
  }
  turns.sort((a, b) => a.notice.atMs - b.notice.atMs);
  const last = new Map<string, { notice: TurnNotice; untilMs: number }>();
  const problems: string[] = [];
  for (const turn of turns) {
    const { actor, token, node, atMs } = turn.notice;
    const before = last.get(actor);
    if (before !== undefined && before.untilMs > atMs) {
      problems.push(`${actor}: ${node} under ${token} begins while ${before.notice.node} is at it`);
    }
    if (before !== undefined && before.notice.token > token) {
      problems.push(`${actor}: ${node} under ${token} after ${before.notice.token}`);
    }
    if (before === undefined || before.untilMs < turn.untilMs) last.set(actor, turn);
  }
  return problems;
}

interface Stage {
  readonly actors: ActorSystem;
  readonly bus: MessageBus;
  readonly notices: TurnNotice[];
  readonly start: (node: string) => Promise<Deno.ChildProcess>;
}

/** A caller in this process, on which no actor may live, and processes on which they may. */
async function onStage(rig: Rig, play: (stage: Stage) => Promise<void>): Promise<void> {
  const { world } = await rig.connect();
  const notices: TurnNotice[] = [];
  world.messaging.subscribe(JUDGE_SUBJECT, ({ data }) => {
    notices.push(decodeJsonObject(data) as unknown as TurnNotice);
  });
  await using bus = new MessageBus({ world, bus: BUS, node: "caller" });
  await using actors = new ActorSystem({ world, bus, leaseTtlMs: LEASE_TTL_MS });
  await bus.start();
  await actors.start();
  const children: Deno.ChildProcess[] = [];
  const start = async (node: string): Promise<Deno.ChildProcess> => {
    const { url } = rig.server;
    const spec: BusProgramSpec = { url, bus: BUS, node, leaseTtlMs: LEASE_TTL_MS, workMs: 5 };
    const { child, isReady } = startProgram("bus_program.ts", spec, START_TIMEOUT_MS);
    children.push(child);
    await isReady(node);
    return child;
  };
  try {
    await play({ actors, bus, notices, start });
  } finally {
    await Promise.all(children.map(endProgram));
  }
}

/** Calls all actors again and again until told to stop; returns how many calls had a value. */
async function callAll(actors: ActorSystem, isOver: () => boolean): Promise<number> {
  let values = 0;
  await Promise.all(
    Array.from({ length: ACTORS }, async (_, n) => {
      for (let call = 0; !isOver(); call++) {
        try {
          const idempotencyKey = `${n}-${call}`;
          const options = { timeoutMs: CALL_TIMEOUT_MS, idempotencyKey };
          await actors.request(`${COUNTER}/${n}`, "add", NOTHING, options);
          values++;
        } catch (error) {
          // A save that was refused: another life had begun.
          if (!isPartiError(error, "PARTI_CALL_FAILED", "PARTI_TIMEOUT")) throw error;
        }
      }
    }),
  );
  return values;
}

async function answersFromAll(actors: ActorSystem): Promise<void> {
  for (let n = 0; n < ACTORS; n++) {
    const options = { timeoutMs: CALL_TIMEOUT_MS, idempotencyKey: `last-${n}` };
    await actors.request(`${COUNTER}/${n}`, "add", NOTHING, options);
  }
}

for (const version of ["the usual nats-server", "2.10"] as const) {
  const binary = version === "2.10" ? Deno.env.get("PARTI_NATS_SERVER_2_10") : undefined;
  if (version === "2.10" && binary === undefined) continue;
  natsTest(
    `bus on ${version}: nodes are killed and stopped, and no actor ever has two lives`,
    (rig) =>
      onStage(rig, async ({ actors, bus, notices, start }) => {
        const killedAtMs = new Map<string, number>();
        const [first, second] = await Promise.all(["a", "b", "c"].map(start));
        let isOver = false;
        const calling = callAll(actors, () => isOver);
        const served = (count: number) => () => notices.length > count;
        await until("there is work", served(100));
        // One is killed in the middle of it.
        first!.kill("SIGKILL");
        killedAtMs.set("a", Date.now());
        await start("d");
        await until("work goes on", served(notices.length + 400));
        // Another is stopped for longer than its lease lasts, and comes back.
        second!.kill("SIGSTOP");
        const stoppedAt = notices.length;
        const others = () => new Set(notices.slice(stoppedAt).map(({ actor }) => actor)).size;
        await until("all actors work without it", () => others() === ACTORS, 30_000);
        second!.kill("SIGCONT");
        await until("it works again", () =>
          notices.slice(stoppedAt).some(({ node, phase, fenced }) =>
            node === "b" && phase === "begin" && !fenced
          ) || notices.length > stoppedAt + 2_000, 30_000);
        isOver = true;
        assert.ok(await calling > 100);
        await answersFromAll(actors);
        assert.deepEqual(overlaps(notices, killedAtMs), []);
        assert.equal(bus.pending, 0);
      }),
    binary === undefined ? {} : { binary },
  );
}

Deno.test("the judge sees an overlap, and a life that goes back", () => {
  const turn = (node: string, token: number, atMs: number, untilMs: number): TurnNotice[] => {
    const about = { actor: "x", node, token, fenced: false };
    return [{ ...about, phase: "begin", atMs }, { ...about, phase: "end", atMs: untilMs }];
  };
  const sound = [...turn("a", 1, 0, 10), ...turn("b", 2, 10, 20)];
  assert.deepEqual(overlaps(sound, new Map()), []);
  const at = [...turn("a", 1, 0, 10), ...turn("b", 2, 5, 20)].sort((x, y) => x.atMs - y.atMs);
  assert.equal(overlaps(at, new Map()).length, 1);
  assert.equal(overlaps([...turn("a", 2, 0, 10), ...turn("b", 1, 10, 20)], new Map()).length, 1);
  const killed = turn("a", 1, 0, 10).slice(0, 1);
  assert.equal(overlaps([...killed, ...turn("b", 2, 4, 6)], new Map([["a", 5]])).length, 1);
  assert.equal(overlaps([...killed, ...turn("b", 2, 6, 8)], new Map([["a", 5]])).length, 0);
});
