/**
 * What the tests of planner, publication and leader share: a group whose members are leases put by hand, in memory under a clock
 * driven by hand or on a real server. No test of its own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { resolveConfig } from "../../config/config.ts";
import { PartiError } from "../../errors.ts";
import type { Term } from "../../leadership/election_agent.ts";
import { FakeBucket, plainRandom } from "../../membership/fake_bucket_test.ts";
import type { Member } from "../../membership/roster.ts";
import { encodeWorkerRecord, type WorkerRecord } from "../../membership/worker_lease.ts";
import { CURRENT_KEY, workerKey } from "../../names.ts";
import type { Clock } from "../../ports/clock.ts";
import type { FeedStore } from "../../ports/feed.ts";
import type { KvBucket } from "../../ports/kv.ts";
import type { Messaging } from "../../ports/messaging.ts";
import { NO_BUGGIFY } from "../../ports/buggify.ts";
import type { World } from "../../ports/world.ts";
import { ManualClock, settle } from "../../test_support/manual_clock.ts";
import type { GroupConfigInput } from "../../config/config_input.ts";
import { GroupLeader, type GroupLeaderOptions } from "./group_leader.ts";
import type { AssignmentStrategy, Partition, PartitionSource } from "../partition.ts";
import { roundRobin } from "../strategies/round_robin.ts";
import type { Snapshot } from "../snapshot.ts";
import { readSnapshot } from "../snapshot_store.ts";
import { SourceView } from "./source_view.ts";
import { staticSource } from "../sources/static_source.ts";
import { stickyBalanced } from "../strategies/sticky_balanced.ts";

export { settle } from "../../test_support/manual_clock.ts";

/** A term that a test ends by hand. */
export class TestTerm implements Term {
  valid = true;
  /** What {@linkcode confirm} answers. */
  confirmed = true;
  /** How often it was asked. */
  confirmations = 0;
  constructor(readonly epoch: number) {}
  confirm(): Promise<boolean> {
    this.confirmations++;
    return Promise.resolve(this.confirmed && this.valid);
  }
}

/**
 * @param n the number of its stable ID
 * @param changes what is special
 * @returns what a worker's lease says
 */
export function record(n: number, changes: Partial<WorkerRecord> = {}): WorkerRecord {
  return {
    worker: `worker-${n}`,
    instance: `i${n}`,
    host: "",
    capacity: 1,
    labels: {},
    leaving: false,
    applied: 0,
    ...changes,
  };
}

/**
 * @param n the number of its stable ID
 * @param changes what is special
 * @param revision of its lease
 * @returns a member as the roster gives it
 */
export function member(n: number, changes: Partial<WorkerRecord> = {}, revision = n + 1): Member {
  return { idNumber: n, record: record(n, changes), revision, seenAtMs: 0 };
}

/**
 * @param count how many
 * @param prefix what their names begin with
 * @returns partitions
 */
export function partitions(count: number, prefix = "p"): Partition[] {
  return Array.from(
    { length: count },
    (_, n) => ({ keys: [`${prefix}${String(n).padStart(4, "0")}`] }),
  );
}

/** Core messaging of which only requests matter: whoever is there answers. */
export class TestMessaging implements Messaging {
  connected = true;
  /** Instances with a connection. */
  readonly there = new Set<string>();
  /** Instances whose process is stopped. */
  readonly paused = new Set<string>();
  readonly published: { subject: string; data: Uint8Array }[] = [];
  readonly maxPayloadBytes = 1_048_576;
  requests = 0;
  constructor(readonly clock: Clock) {}
  publish(subject: string, data: Uint8Array): void {
    this.published.push({ subject, data });
  }
  subscribe(): { close(): void } {
    return { close() {} };
  }
  async request(subject: string, _data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    this.requests++;
    if (!this.connected) throw new PartiError("PARTI_DISCONNECTED", "not connected");
    const instance = subject.split(".").at(-1)!;
    if (!this.there.has(instance)) throw new PartiError("PARTI_NO_RESPONDERS", "nobody there");
    if (this.paused.has(instance)) {
      await new Promise<void>((resolve) => void this.clock.setTimer(timeoutMs, resolve));
      throw new PartiError("PARTI_TIMEOUT", "no answer");
    }
    return new Uint8Array();
  }
  unserved(subjects: readonly string[]): Promise<readonly string[]> {
    this.requests++;
    if (!this.connected) {
      return Promise.reject(new PartiError("PARTI_DISCONNECTED", "not connected"));
    }
    return Promise.resolve(
      subjects.filter((subject) => !this.there.has(subject.split(".").at(-1)!)),
    );
  }
  flush(): Promise<void> {
    return Promise.resolve();
  }
  onStatus(): { close(): void } {
    return { close() {} };
  }
  onRefused(): { close(): void } {
    return { close() {} };
  }
}

const NOT_USED = "not used by these tests";

/** A feed in memory of which only the lanes' names and owners matter. */
export class TestFeed {
  readonly lanes = new Map<string, Record<string, string>>();
  failing = false;
  readonly store = {
    listConsumers: () => {
      if (this.failing) return Promise.reject(new PartiError("PARTI_TIMEOUT", "no answer"));
      return Promise.resolve([...this.lanes].map(([name, metadata]) => ({ name, metadata })));
    },
    deleteConsumer: (_stream: string, name: string) => Promise.resolve(this.lanes.delete(name)),
  } as unknown as FeedStore;
}

/** What a leader told. */
export interface Told {
  readonly published: { snapshot: Snapshot; movedCount: number }[];
  readonly errors: unknown[];
  readonly failed: string[];
  readonly phases: string[];
  readonly evicted: string[];
  readonly stale: unknown[];
  readonly unable: unknown[];
}

/** How a leader of a test differs. */
export interface LeadOptions {
  readonly self?: number;
  readonly instance?: string;
  readonly term?: TestTerm;
  readonly source?: PartitionSource;
  readonly strategy?: AssignmentStrategy;
  readonly assignments?: KvBucket;
  readonly leases?: KvBucket;
  readonly config?: Partial<GroupConfigInput>;
  readonly remembered?: () => Snapshot | undefined;
  readonly allowEmpty?: boolean;
  readonly holdForMs?: number;
  readonly recoveringUntilMs?: () => number;
}

/**
 * Starts a leader.
 *
 * @param world the world
 * @param buckets leases and assignment
 * @param group the group
 * @param options how it differs
 * @returns the leader, its term, and what it tells
 */
export function startLeader(
  world: World,
  buckets: { leases: KvBucket; assignments: KvBucket },
  group: string,
  options: LeadOptions = {},
): { leader: GroupLeader; term: TestTerm; told: Told } {
  const told: Told = {
    published: [],
    errors: [],
    failed: [],
    phases: [],
    evicted: [],
    stale: [],
    unable: [],
  };
  const n = options.self ?? 0;
  const term = options.term ?? new TestTerm(10);
  const config = resolveConfig({ group, ...options.config });
  const all: GroupLeaderOptions = {
    world,
    config,
    self: { worker: `worker-${n}`, instance: options.instance ?? `i${n}` },
    term,
    leases: options.leases ?? buckets.leases,
    assignments: options.assignments ?? buckets.assignments,
    openBuckets: () => Promise.resolve(),
    source: new SourceView({
      source: options.source ?? staticSource(partitions(12)),
      clock: world.clock,
      timeoutMs: 5_000,
      allowEmpty: options.allowEmpty ?? false,
      onProblem: (error) => told.errors.push(error),
    }),
    strategy: options.strategy ?? stickyBalanced(),
    ...(options.remembered === undefined ? {} : { remembered: options.remembered }),
    holdForMs: options.holdForMs ?? 0,
    recoveringUntilMs: options.recoveringUntilMs ?? (() => undefined),
    onPhase: (phase) => told.phases.push(phase),
    onPublished: (snapshot, movedCount) => told.published.push({ snapshot, movedCount }),
    onRebalanceFailed: (reason) => told.failed.push(reason),
    onStale: (error) => told.stale.push(error),
    onUnable: (error) => told.unable.push(error),
    onError: (error) => told.errors.push(error),
    onEvicted: (evicted, reason) => told.evicted.push(`${evicted.record.instance}: ${reason}`),
  };
  return { leader: new GroupLeader(all), term, told };
}

/**
 * The assignment in a bucket.
 *
 * @param bucket the bucket
 * @returns the snapshot in force
 */
export async function inForce(bucket: KvBucket): Promise<Snapshot> {
  const entry = await bucket.get(CURRENT_KEY);
  assert.ok(entry !== undefined, "nothing is assigned");
  return await readSnapshot(bucket, entry);
}

/**
 * @param key of a chunk
 * @returns it without the hash, such as `chunk.5.1.0`
 */
export function plainKey(key: string): string {
  return key.replace(/\.[0-9a-f]{16}\./, ".");
}

/**
 * @param bucket where it is
 * @param plain the key of a chunk without its hash
 * @returns the key with the hash
 */
export function chunkNamed(bucket: FakeBucket, plain: string): string {
  const entry = bucket.history.find(({ key }) => plainKey(key) === plain);
  assert.ok(entry !== undefined, `${plain} was never written`);
  return entry.key;
}

/**
 * Checks that an assignment gives every partition to exactly one worker.
 *
 * @param snapshot the assignment
 * @param count how many partitions there are
 * @param ids the workers that have some, as `worker-0 worker-1`
 */
export function assertCovered(snapshot: Snapshot, count: number, ids?: string): void {
  const all = snapshot.workers.flatMap((worker) => worker.partitions);
  assert.equal(all.length, count);
  assert.equal(new Set(all).size, count);
  if (ids === undefined) return;
  const busy = snapshot.workers.filter((worker) => worker.partitions.length > 0);
  assert.equal(busy.map((worker) => worker.id).join(" "), ids);
}

/** A group in memory whose time is driven by hand. */
export class MemoryGroup {
  readonly clock = new ManualClock();
  readonly leases = new FakeBucket();
  readonly assignments = new FakeBucket();
  readonly messaging = new TestMessaging(this.clock);
  readonly feed = new TestFeed();
  readonly #leaders: GroupLeader[] = [];
  readonly #renewed = new Map<number, WorkerRecord>();

  readonly world: World = {
    clock: this.clock,
    random: plainRandom(),
    kv: {
      open: () => Promise.reject(NOT_USED),
      identify: () => Promise.reject(NOT_USED),
      destroy: () => Promise.reject(NOT_USED),
    },
    feed: this.feed.store,
    messaging: this.messaging,
    buggify: NO_BUGGIFY,
  };

  /** Workers join, or say something new of themselves. */
  join(numbers: readonly number[], changes: Partial<WorkerRecord> = {}): void {
    for (const n of numbers) {
      const said = record(n, changes);
      this.messaging.there.add(said.instance);
      this.#renewed.set(n, said);
      this.#put(n, said);
    }
  }

  /** Workers acknowledge a generation. */
  apply(numbers: readonly number[], generation: number): void {
    for (const n of numbers) this.join([n], { ...this.#renewed.get(n), applied: generation });
  }

  /** The revision of a worker's lease. */
  revisionOf(n: number): number {
    return this.leases.peek(workerKey(n))!.revision;
  }

  /** Processes die: nobody renews, nobody answers. */
  kill(numbers: readonly number[]): void {
    for (const n of numbers) {
      this.messaging.there.delete(this.#renewed.get(n)!.instance);
      this.#renewed.delete(n);
    }
  }

  /** Processes stop: nobody renews, the connection stays. */
  pause(n: number): void {
    this.messaging.paused.add(this.#renewed.get(n)!.instance);
    this.#renewed.delete(n);
  }

  /** A worker gives its lease back. */
  async leave(n: number): Promise<void> {
    this.kill([n]);
    await this.leases.remove(workerKey(n));
  }

  /** Starts a leader. */
  lead(options: LeadOptions = {}): { leader: GroupLeader; term: TestTerm; told: Told } {
    const started = startLeader(this.world, this, "g", options);
    this.#leaders.push(started.leader);
    return started;
  }

  /** Lets time pass; everybody who is there renews every second. */
  async pass(durationMs: number): Promise<void> {
    for (let leftMs = durationMs; leftMs > 0; leftMs -= 1_000) {
      await this.clock.advance(Math.min(1_000, leftMs));
      if (leftMs >= 1_000) { for (const [n, said] of this.#renewed) this.#put(n, said); }
    }
    await settle();
  }

  /** The assignment in force. */
  current(): Promise<Snapshot> {
    return inForce(this.assignments);
  }

  /** Closes all leaders and checks that nothing is left. */
  async close(): Promise<void> {
    await Promise.all(this.#leaders.map((leader) => leader.close()));
    // What a probe or a paused worker's answer still waits for.
    await this.clock.advance(10_000);
    assert.equal(this.clock.pendingTimers, 0, "timers were left behind");
    assert.equal(this.leases.watchCount + this.assignments.watchCount, 0, "watches were left");
  }

  #put(n: number, said: WorkerRecord): void {
    this.leases.poke(workerKey(n), JSON.parse(new TextDecoder().decode(encodeWorkerRecord(said))));
  }
}

/**
 * A test of a group in memory.
 *
 * @param name what holds
 * @param run the test
 */
export function memoryTest(name: string, run: (group: MemoryGroup) => Promise<void>): void {
  Deno.test(name, async () => {
    const group = new MemoryGroup();
    await run(group);
    await group.close();
  });
}

/** A strategy whose answers are easy to foresee. */
export const simple: AssignmentStrategy = roundRobin();
