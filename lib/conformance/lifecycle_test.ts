/**
 * One worker's life: start, stop, and everything that can come between. What can go wrong with a start is in `start_test.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { staticSource } from "../assignment/sources/static_source.ts";
import { isPartiError, type PartiError } from "../errors.ts";
import type { ManagerEvent } from "../manager/hooks.ts";
import type { ElectionAgent } from "../leadership/election_agent.ts";
import { Manager } from "../manager/manager.ts";
import { leaseBucket } from "../names.ts";
import { Cluster, partitions, TEST_TIMING } from "../test_support/cluster.ts";
import { natsTest, until } from "../test_support/rig.ts";
import type { WatchedWorld } from "../test_support/watched_world.ts";

const JOINING = ["Init", "ClaimingID", "Election", "WaitingAssignment"];

natsTest("row 73: a cold start goes through exactly these states", async (rig) => {
  await using cluster = await Cluster.open(rig);
  await cluster.add(3);
  await cluster.untilStable();
  assert.deepEqual(cluster.leader.states, [...JOINING, "Scaling", "Rebalancing", "Stable"]);
  for (const { states } of cluster.followers) {
    assert.deepEqual(states, [...JOINING, "Rebalancing", "Stable"]);
  }
  assert.equal(cluster.publications.generations.length, 1);
  assert.equal(cluster.publications.latest!.reason, "cold_start");
});

natsTest(
  "rows 71, 31: start, stop: Stable with an ID, then Shutdown; drained, nothing comes again",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { workMs: 5 });
    const [first, second] = await cluster.add(2) as [
      typeof cluster.members[0],
      typeof cluster.members[0],
    ];
    await cluster.untilStable();
    assert.deepEqual([first, second].map((m) => m.manager.workerId).sort(), [
      "worker-0",
      "worker-1",
    ]);
    await cluster.whilePublishing(async () => {
      await until("both have work", () => cluster.oracle.startedCount > 100);
      const startedAtMs = performance.now();
      await cluster.stop(first);
      assert.ok(performance.now() - startedAtMs < 5_000);
      assert.equal(first.manager.state, "Shutdown");
      await cluster.untilStable();
    });
    await cluster.untilDrained();
    await cluster.assertEffects();
    assert.equal(cluster.oracle.repeatedCount, 0);
    assert.equal(cluster.publications.latest!.reason, "planned_scale");
  },
);

natsTest("row 72: three workers are Stable, with one leader", async (rig) => {
  await using cluster = await Cluster.open(rig, { idle: true });
  await cluster.add(3);
  await cluster.untilStable();
  assert.equal(cluster.followers.length, 2);
  assert.equal(cluster.leader.manager.instance, cluster.publications.latest!.leader);
});

natsTest(
  "row 27: of ten concurrent starts one starts, nine are told that it was started",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { idle: true });
    const member = await cluster.make();
    member.running = true;
    const starts = await Promise.allSettled(
      Array.from({ length: 10 }, () => member.manager.start()),
    );
    assert.equal(starts.filter(({ status }) => status === "fulfilled").length, 1);
    for (const start of starts) {
      if (start.status === "rejected") assert.equal(start.reason.code, "PARTI_ALREADY_STARTED");
    }
    assert.equal(member.manager.state, "Stable");
  },
);

natsTest(
  "row 28: concurrent stops all return, also without a start; a stopped worker cannot start",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { idle: true });
    const [member] = await cluster.add();
    await Promise.all(Array.from({ length: 10 }, () => cluster.stop(member!)));
    assert.equal(member!.manager.state, "Shutdown");
    await assert.rejects(member!.manager.start(), { code: "PARTI_ALREADY_STARTED" });
    const never = await cluster.make();
    await Promise.all([never.manager.stop(), never.manager.stop()]);
    await assert.rejects(never.manager.start(), { code: "PARTI_STOPPED" });
    await assert.rejects(never.manager.waitState("Stable", 100), { code: "PARTI_STOPPED" });
    assert.deepEqual(never.states, ["Init", "Shutdown"]);
  },
);

natsTest(
  "row 29: a worker stopped while partitions move; all are covered afterwards",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { workMs: 3 });
    await cluster.add(2);
    await cluster.untilStable();
    await cluster.whilePublishing(async () => {
      for (const phase of ["Scaling", "Rebalancing"] as const) {
        const newcomer = await cluster.make();
        const { leader } = cluster;
        const inPhase = leader.manager.waitState(phase, 5_000);
        const starting = cluster.start(newcomer);
        await inPhase;
        await cluster.stop(newcomer);
        await starting.catch((error) =>
          assert.ok(isPartiError(error, "PARTI_ABORTED"), `${error}`)
        );
        await cluster.untilStable();
      }
    });
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

natsTest("row 33: stop ends in time although a handler and a hook never come back", async (rig) => {
  await using cluster = await Cluster.open(rig, {
    // Time to drain until the very end: nothing is let go before it is given up.
    config: { shutdownTimeout: "1s", drainTimeout: "1s" },
  });
  let stuck = false;
  const [member] = await cluster.add(1, {
    handler: () => {
      stuck = true;
      return new Promise(() => {});
    },
    hooks: {
      onAssignmentChanged: ({ removed }) =>
        removed.length === 0 ? undefined : new Promise(() => {}),
    },
  });
  await cluster.publish();
  await until("a handler is stuck", () => stuck);
  const startedAtMs = performance.now();
  await cluster.stop(member!);
  assert.ok(performance.now() - startedAtMs < 1_500, `${performance.now() - startedAtMs} ms`);
  assert.equal(member!.manager.state, "Shutdown");
  assert.deepEqual(
    member!.changes.at(-1)!.all,
    [],
    "the application was told that nothing is left",
  );
  // What was not done is done by the next worker, once.
  await cluster.add(1);
  await cluster.untilDrained();
  await cluster.assertEffects();
});

natsTest(
  "an ID pool that stays full fails the start by name, and a freed ID is taken",
  async (rig) => {
    await using cluster = await Cluster.open(rig, {
      idle: true,
      config: { workerIdMin: 3, workerIdMax: 3 },
    });
    const [first] = await cluster.add();
    assert.equal(first!.manager.workerId, "worker-3");
    const late = await cluster.make({ config: { startupTimeout: "1s" } });
    await assert.rejects(late.manager.start(), { code: "PARTI_NO_FREE_ID" });
    assert.equal(late.manager.state, "Shutdown");
    const patient = await cluster.make();
    const starting = cluster.start(patient);
    await until("it looks for an ID", () => patient.manager.state === "ClaimingID");
    await cluster.stop(first!);
    await starting;
    assert.equal(patient.manager.workerId, "worker-3");
  },
);

natsTest("a start that takes too long says so, and in which state it was", async (rig) => {
  const { world } = await rig.connect();
  const never = { list: () => new Promise<never>(() => {}) };
  const manager = new Manager({
    world,
    config: { ...TEST_TIMING, group: "slow", startupTimeout: "700ms", operationTimeout: "300ms" },
    source: never,
  });
  await assert.rejects(manager.start(), (error: PartiError) => {
    assert.equal(error.code, "PARTI_STARTUP_TIMEOUT");
    assert.match(error.message, /700 ms; the last state was WaitingAssignment/);
    assert.match(error.message, /the last error was PARTI_SOURCE_FAILED/);
    assert.ok(isPartiError(error.cause, "PARTI_SOURCE_FAILED"));
    return true;
  });
});

natsTest(
  "hooks: the first assignment is told (W-9), what a hook throws goes to onError and changes nothing",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { idle: true, partitionCount: 6 });
    const told: string[] = [];
    const [member] = await cluster.add(1, {
      hooks: {
        onAssignmentChanged: ({ added, removed, all }) => {
          told.push(`+${added.length} -${removed.length} =${all.length}`);
          throw new Error("the application is broken");
        },
        onStateChanged: () => {
          throw new Error("and so is this");
        },
      },
    });
    await cluster.untilStable();
    assert.deepEqual(told, ["+6 -0 =6"]);
    cluster.setPartitions([...partitions(5), { keys: ["new"] }]);
    await until("the swap is told", () => told.length === 2);
    assert.equal(told[1], "+1 -1 =6");
    await cluster.stop(member!);
    assert.equal(told[2], "+0 -6 =0");
    const texts = member!.errors.map(String).join("\n");
    assert.match(texts, /the application is broken/);
    assert.match(texts, /and so is this/);
  },
);

natsTest(
  "a hook is awaited: the generation is acknowledged, and Stable shown, only after it",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { idle: true });
    const { promise, resolve } = Promise.withResolvers<void>();
    const member = await cluster.make({ hooks: { onAssignmentChanged: () => promise } });
    const starting = cluster.start(member);
    await until("the hook is called", () => member.changes.length === 1);
    assert.equal(member.manager.state, "Rebalancing");
    resolve();
    await starting;
    assert.equal(member.manager.state, "Stable");
  },
);

natsTest("events() tells the same as the hooks and ends with the worker", async (rig) => {
  await using cluster = await Cluster.open(rig, { idle: true });
  const member = await cluster.make();
  const events: ManagerEvent[] = [];
  const reading = (async () => {
    for await (const event of member.manager.events()) events.push(event);
  })();
  await cluster.start(member);
  await cluster.stop(member);
  await reading;
  const states = events.flatMap((event) => event.type === "state" ? [event.to] : []);
  assert.deepEqual(["Init", ...states], member.states);
  assert.equal(states.at(-1), "Shutdown");
  const changes = events.flatMap((event) => event.type === "assignment" ? [event.change] : []);
  assert.deepEqual(changes, member.changes);
  assert.deepEqual(
    events.flatMap((event) => event.type === "leadership" ? [event.isLeader] : []),
    [true, false],
  );
  assert.equal((await member.manager.events().next()).done, true);
});

natsTest("what a worker shows cannot be changed, and is gone after the stop", async (rig) => {
  await using cluster = await Cluster.open(rig, { idle: true });
  const [member] = await cluster.add();
  const { manager } = member!;
  const assignment = manager.assignment!;
  assert.throws(() => (assignment.partitions as unknown[]).push(1), TypeError);
  assert.throws(() => (assignment.partitions[0]!.keys as string[])[0] = "other", TypeError);
  assert.throws(() => (member!.changes[0]!.all as unknown[]).pop(), TypeError);
  assert.equal(manager.isLeader, true);
  assert.equal(await manager.refreshPartitions(), assignment.generation);
  await cluster.stop(member!);
  assert.equal(manager.isLeader, false);
  assert.equal(manager.workerId, undefined);
  assert.equal(manager.assignment, undefined);
  await assert.rejects(manager.refreshPartitions(), { code: "PARTI_NOT_STARTED" });
});

natsTest(
  "waitState says when it is not reached, and sees states that last for an instant",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { idle: true });
    const member = await cluster.make();
    const seen = Promise.all(
      (["Election", "Scaling", "Rebalancing"] as const).map((state) =>
        member.manager.waitState(state, 5_000)
      ),
    );
    await cluster.start(member);
    await seen;
    await assert.rejects(member.manager.waitState("Emergency", 20), (error: PartiError) => {
      assert.equal(error.code, "PARTI_TIMEOUT");
      assert.match(error.message, /not Emergency within 20 ms but Stable/);
      return true;
    });
  },
);

natsTest(
  "a worker whose election never ends hands over what it was given, and leaves like any other",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { workMs: 5 });
    await cluster.add();
    await cluster.untilStable();
    const endless: ElectionAgent = { run: () => new Promise(() => {}) };
    const second = await cluster.make({ election: () => endless });
    second.running = true;
    const starting = assert.rejects(second.manager.start(), { code: "PARTI_ABORTED" });
    await cluster.whilePublishing(async () => {
      await until("it handles messages all the same", () => cluster.oracle.hasHandled("worker-1"));
      await cluster.stop(second);
      await cluster.untilStable();
    });
    await starting;
    assert.equal(second.manager.state, "Shutdown");
    await cluster.untilDrained();
    await cluster.assertEffects();
    assert.equal(cluster.oracle.repeatedCount, 0);
    const leases = await cluster.world.kv.open(leaseBucket(cluster.group), {
      ttlMs: 4_000,
      replicas: 1,
      storage: "file",
    });
    assert.deepEqual((await leases.list("worker.>")).map(({ key }) => key), ["worker.0"]);
  },
);

natsTest(
  "a worker whose election fails when it has been given partitions: the application is told that they are not its any more",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { idle: true });
    await cluster.add();
    await cluster.untilStable();
    const failing: ElectionAgent = {
      run: async () => {
        await until("it has been told", () => second.changes.length > 0);
        throw new Error("no election today");
      },
    };
    const second = await cluster.make({ election: () => failing });
    await assert.rejects(second.manager.start(), /no election today/);
    const held = second.changes.map(({ all }) => all.length);
    assert.deepEqual(held, [6, 0]);
  },
);

Deno.test("a handler without a stream is refused when the manager is made", async () => {
  await Promise.resolve();
  assert.throws(
    () =>
      new Manager({
        world: {} as WatchedWorld["world"],
        config: { group: "g" },
        source: staticSource([]),
        handler: () => {},
      }),
    { code: "PARTI_INVALID_CONFIG" },
  );
});
