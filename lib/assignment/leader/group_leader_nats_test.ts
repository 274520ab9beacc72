/** The leader on a real server, in real time: what only real compare-and-sets, watches and connections can tell. */
import assert from "node:assert/strict";
import { timeout } from "../../membership/fake_bucket_test.ts";
import { answerProbes } from "../../membership/prober.ts";
import { encodeWorkerRecord, type WorkerRecord } from "../../membership/worker_lease.ts";
import { CURRENT_KEY, workerKey } from "../../names.ts";
import type { KvBucket } from "../../ports/kv.ts";
import type { World } from "../../ports/world.ts";
import { type ConnectedWorld, natsTest, type Rig, until } from "../../test_support/rig.ts";
import type { GroupLeader } from "./group_leader.ts";
import {
  assertCovered,
  inForce,
  type LeadOptions,
  partitions,
  record,
  startLeader,
  TestTerm,
} from "./leader_rig_test.ts";
import type { Snapshot } from "../snapshot.ts";
import { staticSource } from "../sources/static_source.ts";

const LONG_LEASES = { preset: "fast", heartbeatTtl: "25s", workerIdTtl: "30s" } as const;

/** A worker written by hand: a lease, and an answer to probes over a connection of its own. */
interface HandMade {
  readonly n: number;
  said: WorkerRecord;
  connection: ConnectedWorld;
  revision: number;
}

/** A group on a real server. */
class NatsGroup {
  readonly workers = new Map<number, HandMade>();
  readonly #leaders: GroupLeader[] = [];

  private constructor(
    readonly rig: Rig,
    readonly world: World,
    readonly leases: KvBucket,
    readonly assignments: KvBucket,
  ) {}

  static async open(rig: Rig): Promise<NatsGroup> {
    const { world } = await rig.connect();
    const options = { replicas: 1, storage: "memory" } as const;
    return new NatsGroup(
      rig,
      world,
      await world.kv.open("leases", { ...options, ttlMs: 30_000 }),
      await world.kv.open("assignments", { ...options, ttlMs: 0 }),
    );
  }

  async join(n: number, changes: Partial<WorkerRecord> = {}): Promise<void> {
    const said = record(n, changes);
    const connection = this.workers.get(n)?.connection ?? await this.rig.connect();
    answerProbes(connection.world.messaging, "g", said.instance, () => ({}));
    const revision = await this.leases.put(workerKey(n), encodeWorkerRecord(said));
    this.workers.set(n, { n, said, connection, revision });
  }

  /** Writes its lease again. */
  async say(n: number, changes: Partial<WorkerRecord> = {}): Promise<void> {
    const worker = this.workers.get(n)!;
    worker.said = { ...worker.said, ...changes };
    worker.revision = await this.leases.put(workerKey(n), encodeWorkerRecord(worker.said));
  }

  /** The process is gone: its connection with it. */
  async kill(n: number): Promise<void> {
    const { connection } = this.workers.get(n)!;
    this.workers.delete(n);
    await connection.nc.close();
  }

  lead(options: LeadOptions = {}): ReturnType<typeof startLeader> {
    const started = startLeader(this.world, this, "g", {
      ...options,
      // Nobody renews unless a test says so, so leases last longer than any test.
      config: { ...LONG_LEASES, ...options.config },
    });
    this.#leaders.push(started.leader);
    return started;
  }

  current(): Promise<Snapshot> {
    return inForce(this.assignments);
  }

  async close(): Promise<void> {
    await Promise.all(this.#leaders.map((leader) => leader.close()));
  }
}

function groupTest(name: string, run: (group: NatsGroup) => Promise<void>): void {
  natsTest(name, async (rig) => {
    const group = await NatsGroup.open(rig);
    try {
      await run(group);
    } finally {
      await group.close();
    }
  });
}

groupTest(
  "leader on a server: ten join, one leaves, one is killed: one rebalance each",
  async (group) => {
    await Promise.all(Array.from({ length: 10 }, (_, n) => group.join(n)));
    const { told } = group.lead({ source: staticSource(partitions(100)) });
    await until("the first assignment", () => told.published.length === 1);
    assertCovered(await group.current(), 100);
    assert.equal((await group.current()).workers.length, 10);

    await group.say(4, { leaving: true });
    await until("the leaver has handed over", () => told.published.length === 2);
    assert.equal((await group.current()).workers[4]!.partitions.length, 0);
    const { connection } = group.workers.get(4)!;
    group.workers.delete(4);
    await group.leases.remove(workerKey(4));
    await connection.nc.close();

    const killedAtMs = performance.now();
    await group.kill(7);
    await until("the killed worker's partitions have moved", () => told.published.length === 3);
    const tookMs = performance.now() - killedAtMs;
    const snapshot = await group.current();
    assert.equal(snapshot.reason, "emergency");
    assertCovered(snapshot, 100);
    assert.ok(snapshot.workers.every((worker) => worker.id !== "worker-7"));
    assert.deepEqual(told.evicted, ["i7: no responders"]);
    // Far below the TTL: it was probed, not waited for.
    assert.ok(tookMs < 5_000, `${tookMs} ms`);
    assert.equal(await group.leases.get(workerKey(7)), undefined);
    assert.deepEqual(told.errors, []);
  },
);

groupTest(
  "leader on a server: whoever stays silent for a TTL is over, rows 34 and 35",
  async (group) => {
    await group.join(0);
    await group.join(1);
    const { told } = group.lead({ config: { heartbeatTtl: "1500ms" } });
    await until("the first assignment", () => told.published.length === 1);
    // It answers probes and renews no more: a process whose event loop still turns and whose lease does not.
    const silent = group.workers.get(1)!;
    group.workers.delete(1);
    await until("it was evicted", () => told.published.length === 2);
    assert.deepEqual(told.evicted, ["i1: lease not renewed"]);
    assertCovered(await group.current(), 12, "worker-0");
    // Its next renewal is refused: it is fenced.
    await assert.rejects(
      group.leases.update(workerKey(1), encodeWorkerRecord(silent.said), silent.revision),
    );
  },
);

groupTest(
  "leader on a server: eviction and renewal race, and both believe the same",
  async (group) => {
    await group.join(0);
    await group.join(1);
    const { told, leader } = group.lead();
    await until("the first assignment", () => told.published.length === 1);
    for (let round = 0; round < 25; round++) {
      const worker = group.workers.get(1)!;
      const before = told.evicted.length;
      const { published } = told;
      const generations = published.length;
      const renewing = (async () => {
        await Promise.all(
          Array.from({ length: round % 4 }, () => group.world.messaging.flush(1_000)),
        );
        return await group.leases.update(
          workerKey(1),
          encodeWorkerRecord(worker.said),
          worker.revision,
        );
      })().then((revision) => ({ revision }), () => undefined);
      leader.markDead(worker.said.instance, "a test", worker.revision);
      const renewed = await renewing;
      if (renewed !== undefined) {
        worker.revision = renewed.revision;
        // Alive by the renewal; unless the verdict was carried out after the renewal was seen.
        await until("one of them holds", async () =>
          told.evicted.length > before ||
          (await group.leases.get(workerKey(1)))?.revision === worker.revision);
      } else {
        await until("it was evicted", () => told.evicted.length > before);
      }
      const lease = await group.leases.get(workerKey(1));
      if (lease === undefined) {
        await until("its part has moved", () => published.length > generations);
        await group.join(1, { instance: `life-${round}` });
        await until(
          "it is back",
          async () =>
            (await group.current()).workers.some((each) => each.instance === `life-${round}`),
        );
      } else {
        assert.equal(lease.revision, worker.revision);
      }
    }
    assertCovered(await group.current(), 12, "worker-0 worker-1");
  },
);

groupTest(
  "leader on a server: writes fail and time out, and the group follows, W-17",
  async (group) => {
    let writes = 0;
    // Of three writes one is refused before it is sent, and of one the answer is lost.
    const faulty: KvBucket = {
      name: group.assignments.name,
      create: (...args) => group.assignments.create(...args),
      put: (...args) => group.assignments.put(...args),
      get: (...args) => group.assignments.get(...args),
      remove: (...args) => group.assignments.remove(...args),
      erase: (...args) => group.assignments.erase(...args),
      list: (...args) => group.assignments.list(...args),
      watch: (...args) => group.assignments.watch(...args),
      update: async (...args) => {
        const turn = writes++ % 3;
        if (turn === 0) throw timeout();
        const revision = await group.assignments.update(...args);
        if (turn === 1) throw timeout();
        return revision;
      },
    };
    await group.join(0);
    await group.join(1);
    await group.join(2);
    const { told } = group.lead({ assignments: faulty });
    const hasWorkers = async (ids: string) => {
      if (await group.assignments.get(CURRENT_KEY) === undefined) return false;
      const { workers } = await group.current();
      return workers.filter((each) => each.partitions.length > 0).map((each) => each.id).join(
        " ",
      ) === ids;
    };
    await until("all have some", () => hasWorkers("worker-0 worker-1 worker-2"));
    await group.kill(1);
    await until("two have some", () => hasWorkers("worker-0 worker-2"));
    await group.join(3);
    await until("three have some", () => hasWorkers("worker-0 worker-2 worker-3"));
    assertCovered(await group.current(), 12);
    assert.ok(told.failed.length > 0);
    assert.deepEqual(told.stale, []);
  },
);

groupTest(
  "leader on a server: of two leaders only the newer one's word is published, row 40",
  async (group) => {
    await group.join(0);
    await group.join(1);
    const old = group.lead();
    await until("the first assignment", () => old.told.published.length === 1);
    const other = (await group.rig.connect()).world;
    const options = { replicas: 1, storage: "memory" } as const;
    const young = startLeader(
      other,
      {
        leases: await other.kv.open("leases", { ...options, ttlMs: 30_000 }),
        assignments: await other.kv.open("assignments", { ...options, ttlMs: 0 }),
      },
      "g",
      { self: 1, term: new TestTerm(99), config: LONG_LEASES },
    );
    await until("the new leader has taken over", async () => (await group.current()).epoch === 99);
    old.term.confirmed = false;
    await group.join(2);
    await until("the new leader has published", () => young.told.published.length === 1);
    await until(
      "the old one has noticed",
      () => old.told.errors.length > 0 || old.told.failed.length > 0,
    );
    const snapshot = await group.current();
    assert.equal(snapshot.epoch, 99);
    assert.equal(snapshot.leader.instance, "i1");
    assert.equal(old.told.published.length, 1);
    await young.leader.close();
  },
);

groupTest(
  "leader on a server: 20,000 partitions travel in chunks, and refresh finds them",
  async (group) => {
    const source = staticSource(partitions(10, "few-"));
    for (const n of [0, 1, 2, 3]) await group.join(n);
    const { told, leader } = group.lead({ source });
    await until("the first assignment", () => told.published.length === 1);
    source.update(partitions(20_000, "a-partition-with-quite-a-long-name-"));
    const generation = await leader.refresh();
    const snapshot = await group.current();
    assert.equal(snapshot.generation, generation);
    assertCovered(snapshot, 20_000, "worker-0 worker-1 worker-2 worker-3");
    assert.ok((await group.assignments.list("chunk.>")).length >= 2);
  },
);

groupTest("leader on a server: acknowledgements end the rebalance", async (group) => {
  await group.join(0);
  await group.join(1);
  const { told } = group.lead();
  await until("the first assignment", () => told.published.length === 1);
  await group.say(0, { applied: 1 });
  assert.equal(told.phases.at(-1), "rebalancing");
  await group.say(1, { applied: 1 });
  await until("it is idle", () => told.phases.at(-1) === "idle");
});
