import assert from "node:assert/strict";
import { isPartiError, PartiError } from "../errors.ts";
import type { ConsumerHealth } from "../consumption/worker_consumer.ts";
import { HandOver } from "./hand_over.ts";
import type { Assignment } from "../manager/hooks.ts";
import { FakeBucket, timeout } from "../membership/fake_bucket_test.ts";
import { encodeWorkerRecord } from "../membership/worker_lease.ts";
import { workerKey } from "../names.ts";
import { ManualClock } from "../test_support/manual_clock.ts";

function assignment(...names: string[]): Assignment {
  return { epoch: 1, generation: 7, partitions: names.map((name) => ({ keys: [name] })) };
}

/** A leaver under a clock driven by hand. */
function rig(
  options: {
    owned?: Assignment;
    letGo?: () => Promise<void>;
    health?: Pick<ConsumerHealth, "lanes" | "running" | "waiting">;
  } = {},
) {
  const clock = new ManualClock();
  const leases = new FakeBucket();
  const log: string[] = [];
  const errors: unknown[] = [];
  const end = new AbortController();
  const deadline = new AbortController();
  const applier = {
    assignment: options.owned,
    letGo: () => {
      log.push("let go");
      return options.letGo?.();
    },
  };
  const handOver = new HandOver({
    clock,
    leases,
    instance: "me",
    applier,
    consumer: () => {
      const { health } = options;
      return health && { health: () => health as ConsumerHealth };
    },
    announce: () => {
      log.push("announce");
      return Promise.resolve();
    },
    events: {
      onAssignment: ({ generation, partitions }) => {
        log.push(`told ${partitions.length} of ${generation}`);
        return Promise.resolve();
      },
      onError: (error) => void errors.push(error),
    },
    signal: end.signal,
  });
  /** Somebody's lease. */
  const join = (idNumber: number, instance: string, leaving = false) => {
    const said = { worker: `worker-${idNumber}`, instance, host: "", capacity: 1, labels: {} };
    const data = encodeWorkerRecord({ ...said, leaving, applied: 0 });
    leases.poke(workerKey(idNumber), JSON.parse(new TextDecoder().decode(data)));
  };
  return { clock, leases, log, errors, end, deadline, applier, handOver, join };
}

Deno.test("hand-over: announced first; when others have it, let go, and the application is told last", async () => {
  const { clock, log, deadline, applier, handOver, join } = rig({ owned: assignment("a", "b") });
  join(0, "me", true);
  join(1, "heir");
  const running = handOver.run(deadline.signal);
  await clock.advance(1_000);
  assert.deepEqual(log, ["announce"]);
  applier.assignment = assignment();
  handOver.emptied();
  assert.equal(await running, true);
  assert.deepEqual(log, ["announce", "let go", "told 0 of 7"]);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("hand-over: without an heir it waits for nobody; leavers, itself and the unreadable are none", async () => {
  const { leases, log, deadline, handOver, join } = rig({ owned: assignment("a") });
  join(0, "me");
  join(1, "leaver", true);
  leases.poke(workerKey(2), { v: 99 });
  assert.equal(await handOver.run(deadline.signal), true);
  assert.deepEqual(log, ["announce", "let go", "told 0 of 7"]);
});

Deno.test("hand-over: who was never given anything tells nothing", async () => {
  const { log, deadline, handOver, join } = rig();
  join(1, "heir");
  assert.equal(await handOver.run(deadline.signal), true);
  assert.deepEqual(log, ["announce", "let go"]);
});

Deno.test("hand-over: heirs that cannot be looked up are looked for again", async () => {
  const { clock, leases, errors, deadline, handOver } = rig({ owned: assignment("a") });
  let failures = 2;
  leases.before = () => {
    if (failures-- > 0) throw timeout();
  };
  const running = handOver.run(deadline.signal);
  await clock.advance(500);
  assert.equal(await running, true);
  assert.deepEqual(errors.map((error) => isPartiError(error, "PARTI_TIMEOUT")), [true, true]);
});

Deno.test("hand-over: without a connection nobody can take anything: no waiting", async () => {
  const { leases, log, errors, deadline, handOver } = rig({ owned: assignment("a") });
  leases.before = () => {
    throw new PartiError("PARTI_DISCONNECTED", "not connected");
  };
  assert.equal(await handOver.run(deadline.signal), true);
  assert.deepEqual(log, ["announce", "let go", "told 0 of 7"]);
  assert.ok(isPartiError(errors[0], "PARTI_DISCONNECTED"));
});

Deno.test("hand-over: a handler that never comes back is a shutdown timeout, and something is still held", async () => {
  const { clock, log, errors, deadline, handOver } = rig({
    owned: assignment("a"),
    letGo: () => new Promise(() => {}),
  });
  const running = handOver.run(deadline.signal);
  await clock.advance(100);
  deadline.abort();
  assert.equal(await running, false);
  assert.deepEqual(log, ["announce", "let go"]);
  assert.ok(isPartiError(errors[0], "PARTI_SHUTDOWN_TIMEOUT"));
});

Deno.test("hand-over: out of time, what counts is whether something is held", async () => {
  const nothing = { lanes: 0, running: 0, waiting: [] };
  const cases = [
    [nothing, true],
    [{ ...nothing, lanes: 1 }, false],
    [{ ...nothing, running: 1 }, false],
    [{ ...nothing, waiting: ["a"] }, false],
  ] as const;
  for (const [health, isOver] of cases) {
    const { handOver, join } = rig({ owned: assignment("a"), health });
    join(1, "heir");
    assert.equal(await handOver.run(AbortSignal.abort()), isOver, JSON.stringify(health));
  }
});

Deno.test("hand-over: what fails on the way is told as it is", async () => {
  const error = new Error("the consumer");
  const { errors, deadline, handOver } = rig({
    owned: assignment("a"),
    letGo: () => Promise.reject(error),
  });
  assert.equal(await handOver.run(deadline.signal), false);
  assert.deepEqual(errors, [error]);
});

Deno.test("hand-over: a session that ends meanwhile waits no longer and tells nothing", async () => {
  const { clock, log, deadline, end, handOver, join } = rig({ owned: assignment("a") });
  join(1, "heir");
  const running = handOver.run(deadline.signal);
  await clock.advance(100);
  end.abort();
  await clock.advance(250);
  assert.equal(await running, true);
  assert.deepEqual(log, ["announce", "let go"]);
});
