/**
 * Starts that are given up, that fail, or that begin while the server is out of reach.
 *
 * @module
 */
import assert from "node:assert/strict";
import { staticSource } from "../assignment/sources/static_source.ts";
import type { GroupConfigInput } from "../config/config.ts";
import { isPartiError, PartiError } from "../errors.ts";
import { Manager } from "../manager/manager.ts";
import { leaseBucket } from "../names.ts";
import { partitions, TEST_TIMING } from "../test_support/cluster.ts";
import { natsTest, type Rig, until } from "../test_support/rig.ts";
import { type WatchedWorld, watchWorld } from "../test_support/watched_world.ts";

/** A worker over a watched world, all by itself. */
async function lonely(
  rig: Rig,
  group: string,
  config: Partial<GroupConfigInput> = {},
): Promise<{ manager: Manager; watched: WatchedWorld }> {
  const { world } = await rig.connect();
  await world.feed.ensureStream("LONELY", {
    subjects: ["lonely.>"],
    retention: "workqueue",
    storage: "memory",
    replicas: 1,
  });
  const watched = watchWorld(world);
  const manager = new Manager({
    world: watched.world,
    config: {
      ...TEST_TIMING,
      group,
      settle: "20ms",
      ...config,
      consumer: { stream: "LONELY", subjectTemplate: "lonely.{{.PartitionID}}" },
    },
    source: staticSource(partitions(4)),
    handler: () => {},
  });
  return { manager, watched };
}

/** Asserts that a worker that has ended left nothing: no key, no consumer, no timer, nothing open. */
async function assertNothingLeft(watched: WatchedWorld, group: string, when: string) {
  assert.equal(watched.pendingTimers, 0, `timers ${when}`);
  assert.equal(watched.openCount, 0, `open things ${when}`);
  const { kv, feed } = watched.world;
  const leases = await kv.open(leaseBucket(group), { ttlMs: 4_000, replicas: 1, storage: "file" });
  assert.deepEqual((await leases.list(">")).map(({ key }) => key), [], `keys ${when}`);
  assert.deepEqual(
    (await feed.listConsumers("LONELY")).map(({ name }) => name),
    [],
    `lanes ${when}`,
  );
}

/** How many operations a worker needs until it is Stable. */
async function operationsOfStart(rig: Rig): Promise<number> {
  const { manager, watched } = await lonely(rig, "measured");
  await manager.start();
  const count = watched.operations.length;
  await manager.stop();
  await assertNothingLeft(watched, "measured", "after an orderly life");
  return count;
}

/** Starts; tells the code of the error it ends with, or `started`. */
async function codeOfStart(manager: Manager, signal: AbortSignal): Promise<string> {
  try {
    await manager.start({ signal });
    return "started";
  } catch (error) {
    return isPartiError(error) ? error.code : String(error);
  }
}

natsTest(
  "row 30: start given up at every operation on the server ends at once and leaves nothing",
  async (rig) => {
    const count = await operationsOfStart(rig);
    assert.ok(count > 10);
    for (let at = -1; at < count; at++) {
      const { manager, watched } = await lonely(rig, "given-up");
      const abort = new AbortController();
      watched.onOperation = (number) => void (number === at && abort.abort());
      if (at < 0) abort.abort();
      const startedAtMs = performance.now();
      const when = `given up at operation ${at} (${watched.operations[at]})`;
      // At the last operations it may be in already.
      const outcome = await codeOfStart(manager, abort.signal);
      assert.ok(performance.now() - startedAtMs < 1_000, when);
      assert.ok(["started", "PARTI_ABORTED"].includes(outcome), `${outcome} ${when}`);
      await manager.stop();
      assert.equal(manager.state, "Shutdown");
      await assertNothingLeft(watched, "given-up", when);
    }
  },
);

natsTest("row 30: also while the server is silent", async (rig) => {
  const count = await operationsOfStart(rig);
  for (let at = 0; at < count; at++) {
    const { manager, watched } = await lonely(rig, "silent");
    const abort = new AbortController();
    let pausedAtMs = Infinity;
    watched.onOperation = (number) => {
      if (number !== at) return;
      rig.server.pause();
      pausedAtMs = performance.now();
      abort.abort();
    };
    const outcome = await codeOfStart(manager, abort.signal);
    const when = `${outcome} at operation ${at} (${watched.operations[at]})`;
    assert.ok(performance.now() - pausedAtMs < 1_000, when);
    assert.ok(["started", "PARTI_ABORTED"].includes(outcome), when);
    rig.server.resume();
    await manager.stop();
    assert.equal(manager.state, "Shutdown");
    await assertNothingLeft(watched, "silent", when);
  }
});

natsTest(
  "row 30: given up, a worker is stopped in time by a server that stays silent",
  async (rig) => {
    const { manager, watched } = await lonely(rig, "mute", {
      shutdownTimeout: "500ms",
      drainTimeout: "200ms",
    });
    const abort = new AbortController();
    watched.onOperation = (_number, name) => {
      if (name !== "bucket.create") return;
      rig.server.pause();
      abort.abort();
    };
    assert.equal(await codeOfStart(manager, abort.signal), "PARTI_ABORTED");
    const stoppedAtMs = performance.now();
    await manager.stop();
    assert.ok(performance.now() - stoppedAtMs < 1_000);
    assert.equal(manager.state, "Shutdown");
    rig.server.resume();
    await until("what was begun is undone", () => watched.openCount + watched.pendingTimers === 0);
    await assertNothingLeft(watched, "mute", "after all");
  },
);

natsTest("row 30: stop at every operation of a start leaves nothing", async (rig) => {
  const count = await operationsOfStart(rig);
  for (let at = 0; at < count; at++) {
    const { manager, watched } = await lonely(rig, "stopped");
    let stopping: Promise<void> | undefined;
    watched.onOperation = (number) => void (number === at && (stopping = manager.stop()));
    await manager.start().catch((error) => assert.equal(error.code, "PARTI_ABORTED"));
    await (stopping ?? manager.stop());
    await assertNothingLeft(watched, "stopped", `stopped at operation ${at}`);
  }
});

natsTest(
  "row 32: whichever operation of a start fails, the worker is in or leaves nothing",
  async (rig) => {
    const count = await operationsOfStart(rig);
    let failed = 0;
    for (let at = 0; at < count; at++) {
      const { manager, watched } = await lonely(rig, "failing");
      watched.onOperation = (number, name) => {
        if (number === at) throw new PartiError("PARTI_REFUSED", `planted at ${name}`);
      };
      try {
        await manager.start();
      } catch (error) {
        assert.match(String(error), /planted/);
        failed++;
      }
      await manager.stop();
      await assertNothingLeft(watched, "failing", `failed at ${at}: ${watched.operations[at]}`);
    }
    assert.ok(failed > 0, "some operations cannot be done without");
  },
);

natsTest("start: during a restart of the server it waits for it", async (rig) => {
  const { world } = await rig.connect();
  await rig.server.kill();
  await until("it is noticed", () => !world.messaging.connected);
  const errors: unknown[] = [];
  await using manager = new Manager({
    world,
    config: { ...TEST_TIMING, group: "g" },
    source: staticSource(partitions(4)),
    hooks: { onError: (error) => void errors.push(error) },
  });
  const starting = manager.start();
  await until("it has tried", () => errors.length > 0);
  assert.ok(isPartiError(errors[0], "PARTI_DISCONNECTED"), `${errors[0]}`);
  await rig.server.restart();
  await starting;
  assert.equal(manager.state, "Stable");
});

natsTest(
  "a leader has started when it holds what is its own, however long the others take",
  async (rig) => {
    const held = Promise.withResolvers<void>();
    const begin = async (hooks: ConstructorParameters<typeof Manager>[0]["hooks"]) => {
      const { world } = await rig.connect();
      return new Manager({
        world,
        config: { ...TEST_TIMING, group: "busy", coldStartWindow: "2s", startupTimeout: "5s" },
        source: staticSource(partitions(4)),
        ...(hooks === undefined ? {} : { hooks }),
      });
    };
    const leader = await begin(undefined);
    // It never says that it has applied anything, as one of many that come one after the other would not.
    const other = await begin({ onAssignmentChanged: () => held.promise });
    const leading = leader.start();
    await until("it leads", () => leader.isLeader);
    const joining = other.start().catch(() => {});
    await leading;
    assert.equal(leader.assignment?.partitions.length, 2);
    assert.notEqual(leader.state, "Stable", "the other has not applied its part");
    held.resolve();
    await joining;
    await Promise.all([leader.stop(), other.stop()]);
  },
);
