/**
 * Who leads, what only the leader does, and what happens when it goes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { staticSource } from "../assignment/sources/static_source.ts";
import { PartiError } from "../errors.ts";
import type {
  Candidacy,
  Candidate,
  ElectionAgent,
  ElectionHandlers,
  Term,
} from "../leadership/election_agent.ts";
import { Manager } from "../manager/manager.ts";
import { assignmentBucket, CURRENT_KEY, leaseBucket, refreshSubject } from "../names.ts";
import { pendingTimers } from "../ports/nats/clock.ts";
import { changedMessaging } from "../test_support/changed_world.ts";
import { Cluster, type Member } from "../test_support/cluster.ts";
import { natsTest, until } from "../test_support/rig.ts";

natsTest(
  "rows 60, 64, 66: the leader is killed: one other leads, all is owned once, nobody is empty",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 20 });
    await cluster.add(4);
    await cluster.untilStable();
    await cluster.whilePublishing(async () => {
      for (let round = 0; round < 2; round++) {
        const { leader } = cluster;
        const { epoch } = cluster.publications.latest!;
        const before = cluster.owners();
        const killedAtMs = performance.now();
        await cluster.kill(leader);
        await cluster.untilStable();
        assert.ok(performance.now() - killedAtMs < 4_000, "failover in time");
        assert.ok(cluster.publications.latest!.epoch > epoch);
        const after = cluster.owners();
        for (const [id, owner] of before) {
          // Partitions that need not move do not.
          if (cluster.running.some(({ manager }) => manager.workerId === owner)) {
            assert.equal(after.get(id), owner, `${id} stays`);
          }
        }
        for (const { manager } of cluster.running) {
          assert.ok(manager.assignment!.partitions.length > 0);
        }
      }
    });
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

natsTest("rows 61, 49: five start at once: one leader, all Stable, one rebalance", async (rig) => {
  await using cluster = await Cluster.open(rig, { partitionCount: 10, idle: true });
  await cluster.add(5);
  await cluster.untilStable();
  assert.equal(cluster.publications.generations.length, 1);
});

natsTest("rows 62, 63: only the leader publishes, and it stays the leader", async (rig) => {
  await using cluster = await Cluster.open(rig, { idle: true });
  await cluster.add(3);
  await cluster.untilStable();
  const { leader } = cluster;
  const { epoch } = cluster.publications.latest!;
  const revision = await leaderRevision(cluster);
  // Five renewals and more than the lease's time.
  await until("the leader has renewed", async () => await leaderRevision(cluster) > revision + 25);
  await cluster.stop(cluster.followers[0]!);
  await cluster.untilStable();
  assert.equal(cluster.leader, leader);
  for (const { leader: writer } of cluster.publications.all) {
    assert.equal(writer, leader.manager.instance);
  }
  assert.equal(cluster.publications.latest!.epoch, epoch);
});

/** The revision of the leader's lease. */
async function leaderRevision(cluster: Cluster): Promise<number> {
  const bucket = await cluster.world.kv.open(leaseBucket(cluster.group), {
    ttlMs: 4_000,
    replicas: 1,
    storage: "file",
  });
  return (await bucket.get("leader"))?.revision ?? 0;
}

natsTest("row 65: versions rise strictly over three leaders", async (rig) => {
  await using cluster = await Cluster.open(rig, { idle: true });
  await cluster.add(4);
  await cluster.untilStable();
  for (let round = 0; round < 3; round++) {
    await cluster.stop(cluster.leader);
    await cluster.untilStable();
  }
  const epochs = new Set(cluster.publications.all.map(({ epoch }) => epoch));
  assert.equal(epochs.size, 4);
});

natsTest(
  "rows 67, 70: leaders come and go; followers keep what they have until something newer comes",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 20, workMs: 2 });
    await cluster.add(3);
    await cluster.untilStable();
    await cluster.whilePublishing(async () => {
      for (let round = 0; round < 3; round++) {
        const { leader } = cluster;
        const newcomer = cluster.add();
        await cluster.stop(leader);
        await newcomer;
        await cluster.untilStable();
      }
    });
    await cluster.untilDrained();
    await cluster.assertEffects();
    // Nobody who stayed was ever told that it has nothing.
    for (const { changes } of cluster.running) {
      for (const change of changes.slice(1)) assert.ok(change.all.length > 0);
    }
  },
);

natsTest(
  "rows 68, 46: the leader goes in the middle of a scale-up: one new leader, all covered",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 20 });
    await cluster.add(3);
    await cluster.untilStable();
    await cluster.whilePublishing(async () => {
      for (const how of ["kill", "stop"] as const) {
        const { leader } = cluster;
        const scaling = leader.manager.waitState("Scaling", 5_000);
        const newcomers = cluster.add(2);
        await scaling;
        await cluster[how](leader);
        await newcomers;
        await cluster.untilStable();
      }
    });
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

natsTest(
  "row 69: a follower dies, then the leader during the emergency: two survivors hold all",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 20 });
    await cluster.add(4);
    await cluster.untilStable();
    const { leader } = cluster;
    const emergency = leader.manager.waitState("Emergency", 5_000);
    await cluster.publish(20);
    await cluster.kill(cluster.followers[0]!);
    await emergency;
    await cluster.kill(leader);
    await cluster.untilStable();
    assert.equal(cluster.running.length, 2);
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

natsTest("the last one to leave is the leader, and leaves nothing behind", async (rig) => {
  await using cluster = await Cluster.open(rig);
  await cluster.add(3);
  await cluster.untilStable();
  await cluster.publish(3);
  await cluster.untilDrained();
  // All at once: nobody is there to take over.
  const startedAtMs = performance.now();
  await cluster.stop(...cluster.running);
  assert.ok(performance.now() - startedAtMs < 3_000, "nobody waits for heirs that never come");
  const leases = await cluster.world.kv.open(leaseBucket(cluster.group), {
    ttlMs: 4_000,
    replicas: 1,
    storage: "file",
  });
  assert.deepEqual((await leases.list(">")).map(({ key }) => key), []);
  assert.deepEqual(await cluster.world.feed.listConsumers(cluster.feed), []);
});

/** An election by decree: the test says who leads. */
class Decree {
  readonly candidates = new Map<string, { candidate: Candidate; handlers: ElectionHandlers }>();
  readonly ended: string[] = [];
  #epoch = 0;
  #term: { epoch: number; valid: boolean; confirm: () => Promise<boolean> } | undefined;

  agent(): ElectionAgent {
    return {
      run: (candidate, handlers): Promise<Candidacy> => {
        this.candidates.set(candidate.instance, { candidate, handlers });
        const end = (how: string) => {
          this.ended.push(how);
          this.candidates.delete(candidate.instance);
          return Promise.resolve();
        };
        return Promise.resolve({
          suspect: () => {},
          resign: () => end("resign"),
          abandon: () => end("abandon"),
        });
      },
    };
  }

  appoint(member: Member): Term {
    if (this.#term !== undefined) this.#term.valid = false;
    const term = {
      epoch: this.#epoch += 10,
      valid: true,
      confirm: () => Promise.resolve(term.valid),
    };
    this.#term = term;
    for (const [instance, { handlers }] of this.candidates) {
      if (instance === member.manager.instance) handlers.onElected(term);
      else handlers.onDeposed("by decree");
    }
    return term;
  }
}

natsTest(
  "another election agent is really used: its word decides, its epochs are published",
  async (rig) => {
    const decree = new Decree();
    await using cluster = await Cluster.open(rig, {
      idle: true,
      options: { election: () => decree.agent() },
    });
    const [first, second] = [await cluster.make(), await cluster.make()];
    const starting = Promise.all([cluster.start(first!), cluster.start(second!)]);
    await until("both run", () => decree.candidates.size === 2);
    await until("both have an ID", () => second!.manager.workerId !== undefined);
    // Nobody leads before it is said.
    assert.deepEqual(cluster.publications.all, []);
    decree.appoint(second!);
    await starting;
    await cluster.untilStable();
    assert.equal(cluster.leader, second);
    assert.equal(cluster.publications.latest!.epoch, 10);
    decree.appoint(first!);
    await until("the new one has taken over", () => cluster.publications.latest!.epoch === 20);
    await cluster.untilStable();
    assert.equal(cluster.leader, first);
    assert.deepEqual((await leaseKeys(cluster)).sort(), ["worker.0", "worker.1"]);
    await cluster.stop(...cluster.running);
    assert.deepEqual(decree.ended, ["resign", "resign"]);
  },
);

async function leaseKeys(cluster: Cluster): Promise<string[]> {
  const bucket = await cluster.world.kv.open(leaseBucket(cluster.group), {
    ttlMs: 4_000,
    replicas: 1,
    storage: "file",
  });
  return (await bucket.list(">")).map(({ key }) => key);
}

natsTest(
  "isLeader is judged now: it is false as soon as the term has ended, event or not",
  async (rig) => {
    const decree = new Decree();
    await using cluster = await Cluster.open(rig, {
      idle: true,
      options: { election: () => decree.agent() },
    });
    const member = await cluster.make();
    const starting = cluster.start(member);
    await until("it runs", () => member.manager.workerId !== undefined);
    const term = decree.appoint(member) as { valid: boolean };
    await starting;
    assert.equal(member.manager.isLeader, true);
    term.valid = false;
    assert.equal(member.manager.isLeader, false);
  },
);

natsTest("an epoch far above ours, written by a mistake, does not end the group", async (rig) => {
  await using cluster = await Cluster.open(rig, { idle: true });
  await cluster.add(2);
  await cluster.untilStable();
  const before = cluster.publications.latest!;
  const bucket = await cluster.world.kv.open(assignmentBucket(cluster.group), {
    ttlMs: 0,
    replicas: 1,
    storage: "file",
  });
  const entry = (await bucket.get(CURRENT_KEY))!;
  const usurped = new TextDecoder().decode(entry.value)
    .replace(`"epoch":${before.epoch}`, `"epoch":${before.epoch + 1_000_000}`);
  await bucket.put(CURRENT_KEY, new TextEncoder().encode(usurped));
  const [newcomer] = await cluster.add();
  await until(
    "somebody leads above it",
    () => cluster.publications.latest!.epoch > before.epoch + 1_000_000,
  );
  // The usurper wrote in a name that was not its own; from here on all must be orderly again.
  cluster.publications.violations.length = 0;
  await cluster.untilStable();
  assert.ok(cluster.publications.latest!.workers.has(newcomer!.manager.instance!));
});

natsTest(
  "elected and unable to lead, a worker gives the office up and runs anew (W-18)",
  async (rig) => {
    const decree = new Decree();
    await using cluster = await Cluster.open(rig, {
      idle: true,
      options: { election: () => decree.agent() },
    });
    const member = await cluster.make();
    const starting = cluster.start(member);
    await until("it runs", () => member.manager.workerId !== undefined);
    // A term that is over before it begins.
    (decree.appoint(member) as { valid: boolean }).valid = false;
    await until("the office is given up", () => decree.ended.length === 1);
    assert.deepEqual(decree.ended, ["resign"]);
    await until("it runs again", () => decree.candidates.size === 1);
    assert.ok(member.errors.some((error) => /no longer the leader/.test(String(error))));
    decree.appoint(member);
    await starting;
    await cluster.untilStable();
  },
);

natsTest("a leader that cannot take requests leaves nothing behind", async (rig) => {
  const before = pendingTimers();
  const { world: real } = await rig.connect();
  let failures = 2;
  const world = changedMessaging(real, {
    subscribe: (subject, ...told) => {
      if (subject !== refreshSubject("g") || failures-- <= 0) {
        return real.messaging.subscribe(subject, ...told);
      }
      throw new PartiError("PARTI_DISCONNECTED", "planted");
    },
  });
  const source = staticSource([{ keys: ["a"] }]);
  const manager = new Manager({ world, config: { group: "g", preset: "fast" }, source });
  await manager.start();
  assert.ok(failures < 0 && manager.isLeader);
  await manager.stop();
  await until("no timer is left", () => pendingTimers() === before, 1_000);
});

natsTest(
  "an election that fails when partitions were given already: the application is told that they are gone",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { idle: true });
    await cluster.add();
    const gate = Promise.withResolvers<never>();
    const second = await cluster.make({ election: () => ({ run: () => gate.promise }) });
    const starting = assert.rejects(second.manager.start(), /no election/);
    await until("it was given its part", () => second.changes.length > 0);
    gate.reject(new Error("no election"));
    await starting;
    assert.deepEqual(second.changes.map(({ all }) => all.length), [6, 0]);
  },
);

natsTest(
  "an election that takes its time is not left behind when the worker stops meanwhile",
  async (rig) => {
    const gate = Promise.withResolvers<void>();
    const ended: string[] = [];
    await using cluster = await Cluster.open(rig, {
      idle: true,
      config: { shutdownTimeout: "700ms", drainTimeout: "100ms" },
      options: {
        election: () => ({
          run: async () => {
            await gate.promise;
            return {
              suspect: () => {},
              resign: () => Promise.resolve(void ended.push("resign")),
              abandon: () => Promise.resolve(void ended.push("abandon")),
            };
          },
        }),
      },
    });
    const member = await cluster.make();
    const starting = cluster.start(member);
    await until("it waits for the election", () => member.manager.state === "Election");
    const stoppedAtMs = performance.now();
    await cluster.stop(member);
    assert.ok(performance.now() - stoppedAtMs < 1_500);
    await assert.rejects(starting, { code: "PARTI_ABORTED" });
    assert.deepEqual(ended, []);
    gate.resolve();
    await until("the candidacy is ended", () => ended.length === 1);
    await until("the lease is given back", async () => (await leaseKeys(cluster)).length === 0);
  },
);
