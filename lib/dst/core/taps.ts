/**
 * Taps on the simulated server: the observer is told of every lease, assignment, message and effect in the instant in which the server stores
 * it, whatever the group's own connections do.
 *
 * @module
 */
import { decodeSnapshot, type Snapshot } from "../../assignment/snapshot.ts";
import { applyChange, decodeChange } from "../../assignment/snapshot_change.ts";
import { partsOf, type StoredPart } from "../../assignment/snapshot_parts.ts";
import { EPOCH_HEADER, GENERATION_HEADER, INPUT_SEQUENCE_HEADER } from "../../effects/effects.ts";
import { decodeLeader } from "../../leadership/leader_record.ts";
import { EntryReader } from "../../membership/entry_reader.ts";
import { decodeWorkerRecord } from "../../membership/worker_lease.ts";
import {
  assignmentBucket,
  chunkKey,
  CURRENT_KEY,
  laneOwner,
  LEADER_KEY,
  leaseBucket,
  partOfKey,
  workerKeyNumber,
} from "../../names.ts";
import type { ConsumerConfig } from "../../ports/feed.ts";
import type { KvEntry } from "../../ports/kv.ts";
import type { Assertions } from "../assertions/assertions.ts";
import type { BucketFollower, BucketModel } from "../nats/bucket_model.ts";
import { KvModel } from "../nats/kv_model.ts";
import type { ModelServer } from "../nats/server.ts";
import { StreamsModel } from "../nats/streams_model.ts";
import type { CoreCatalog } from "./catalog.ts";
import { type FeedShape, unitsRead } from "./feed_shape.ts";
import type { Fleet } from "./fleet.ts";
import type { LaneFacts } from "./lock_watch.ts";
import { DEAD, DEAD_PREFIX, GROUP, OUTPUT, OUTPUT_PREFIX } from "./names.ts";
import type { Observer } from "./observer.ts";

/** What taps need. */
export interface TapsOptions {
  /** What is tapped. */
  readonly server: ModelServer;
  /** Who is told. */
  readonly observer: Observer;
  /** Who is who. */
  readonly fleet: Fleet;
  /** Told of what was seen at all. */
  readonly assertions: Assertions<CoreCatalog>;
  /** What the feed looks like. */
  readonly shape: FeedShape;
  /** Told when a message may be on its way to an instance, whoever that is. */
  readonly onSent: (instance: string | undefined) => void;
  /** Told of each assignment too, before any worker. */
  readonly onPublished: (snapshot: Snapshot) => void;
}

/** How many buckets a group has. */
const BUCKETS = 2;

/** All taps of a run. */
export class Taps {
  readonly #options: TapsOptions;
  readonly #tapped = new Set<BucketModel>();
  readonly #records = new EntryReader(decodeWorkerRecord);
  /** Which stable ID is in which key. */
  readonly #leases = new Map<string, { readonly worker: string; readonly instance: string }>();
  /** Instances that have said in their lease that they leave: asked to, or because their start has failed. */
  readonly #leavers = new Set<string>();

  /** @param options what they need */
  constructor(options: TapsOptions) {
    this.#options = options;
  }

  /** Taps the streams, which must exist; buckets are tapped as soon as somebody has made them. */
  open(): void {
    const { server, observer: { messages }, shape, onSent } = this.#options;
    const streams = StreamsModel.of(server);
    for (const name of shape.streams) {
      streams.stream(name, "tap").follow(
        ({ subject, sequence }) => {
          const partition = shape.partitionOf(subject);
          messages.stored(partition, sequence);
          onSent(messages.locks.holderOf(partition));
        },
        (before, after) => messages.locks.changed(laneOf(name, before), laneOf(name, after)),
      );
    }
    streams.stream(OUTPUT, "tap").follow(({ subject, headers }) => {
      messages.effect({
        partition: subject.slice(OUTPUT_PREFIX.length),
        input: Number(headers[INPUT_SEQUENCE_HEADER]),
        epoch: Number(headers[EPOCH_HEADER]),
        generation: Number(headers[GENERATION_HEADER]),
      });
    });
    streams.stream(DEAD, "tap").follow(({ subject, headers }) => {
      const input = Number(headers["Parti-Stream-Sequence"]);
      messages.deadLetter(subject.slice(DEAD_PREFIX.length), input);
    });
    server.kernel.addInvariant(() => {
      if (this.#tapped.size < BUCKETS) this.#tapBuckets();
    });
  }

  /**
   * What followed the server's buckets has forgotten them with its process. They are on disk, so they are the same afterwards. Lanes are
   * not.
   */
  serverCrashed(): void {
    const { observer, fleet } = this.#options;
    observer.messages.lanesForgotten(
      fleet.alive.flatMap(({ instance }) => instance === undefined ? [] : [instance]),
    );
    this.#tapped.clear();
    this.#tapBuckets();
  }

  #tapBuckets(): void {
    const { server, observer } = this.#options;
    const model = KvModel.of(server);
    this.#tap(model.find(leaseBucket(GROUP)), {
      stored: (entry) => this.#onLease(entry),
      // An old server leaves no marker, and a dead holder's lease ends all the same.
      expired: (key) => this.#onLeaseGone(key),
      gone: () => {},
    });
    this.#tap(model.find(assignmentBucket(GROUP)), {
      stored: (entry) => this.#onAssignment(entry),
      erased: (key) => {
        const part = partOfKey(key);
        if (part !== undefined) observer.assignments.chunkErased(part);
      },
      gone: () => {},
    });
  }

  #tap(bucket: BucketModel | undefined, follower: BucketFollower): void {
    if (bucket === undefined || this.#tapped.has(bucket)) return;
    this.#tapped.add(bucket);
    bucket.follow(follower);
  }

  #onLease(entry: KvEntry): void {
    const { observer, server, fleet } = this.#options;
    if (entry.key === LEADER_KEY) return this.#onLeader(entry);
    if (workerKeyNumber(entry.key) === undefined) return;
    const record = this.#records.read(entry);
    if (record === undefined) return this.#onLeaseGone(entry.key);
    const before = this.#leases.get(entry.key);
    const { worker, instance } = record;
    if (before !== undefined && before.instance !== instance) this.#seeTaken(before.instance);
    const isNew = before?.instance !== instance;
    if (isNew) this.#leases.set(entry.key, { worker, instance });
    if (record.leaving) this.#leavers.add(instance);
    // Each worker says in its lease in which process it lives.
    const member = fleet.ofProcess(record.host);
    if (isNew) member?.hasLeased(instance);
    observer.leased(record, {
      nowMs: server.nowMs,
      isFit: member !== undefined && !member.owner.paused && member.link.flows,
      following: member?.following(instance)?.generation,
      holders: isNew ? this.#holdersOf(worker) : [],
    });
  }

  #onLeader(entry: KvEntry): void {
    const { observer: { leaders }, server, fleet } = this.#options;
    const leader = decodeLeader(entry);
    if (leader === undefined) return leaders.unleased();
    leaders.leased(leader.instance, server.nowMs, (instance) => {
      const member = fleet.ofInstance(instance);
      return member?.wanted === true && member.manager.instance === instance &&
        member.manager.isLeader;
    });
  }

  #onLeaseGone(key: string): void {
    if (key === LEADER_KEY) return this.#options.observer.leaders.unleased();
    const before = this.#leases.get(key);
    if (before === undefined) return;
    const { observer, server } = this.#options;
    this.#leases.delete(key);
    this.#seeTaken(before.instance);
    observer.unleased(before.worker, server.nowMs);
  }

  /** A lease has gone that its holder has not given back. */
  #seeTaken(instance: string): void {
    const { fleet, assertions, observer, server } = this.#options;
    const member = fleet.ofInstance(instance);
    // One that has found out by itself has no session as this instance any more.
    const isUnaware = member?.wanted === true && member.manager.instance === instance;
    // One whose start takes too long gives its lease back, and says so only afterwards.
    if (!isUnaware || member.givesUp) return;
    assertions.reachable("somebody was evicted alive");
    if (!this.#leavers.has(instance)) observer.evicted(instance, server.nowMs);
  }

  /**
   * Who acts under a stable ID and does not leave: a leaver knows last that its lease has gone, and so does one whose start takes too long.
   */
  #holdersOf(worker: string): string[] {
    return this.#options.fleet.wanted.flatMap(({ manager: { workerId, instance }, givesUp }) =>
      workerId === worker && instance !== undefined && !givesUp && !this.#leavers.has(instance)
        ? [instance]
        : []
    );
  }

  #onAssignment(entry: KvEntry): void {
    const { observer, server, assertions, onPublished } = this.#options;
    if (entry.operation === "removed") return;
    const chunkOf = partOfKey(entry.key);
    if (chunkOf !== undefined) observer.assignments.chunkStored(chunkOf);
    if (entry.key !== CURRENT_KEY) return;
    const parts = partsOf(entry);
    const texts = parts.length === 0 ? [entry.value] : parts.map((part) => this.#textOf(part));
    const snapshot = putTogether(texts);
    if (snapshot === undefined) return observer.assignments.unreadable(joined(texts));
    if (parts.length > 0) assertions.reachable("an assignment was in parts");
    if (parts.length > 1) assertions.reachable("an assignment was a change");
    observer.assignments.published(snapshot, server.nowMs, parts);
    onPublished(snapshot);
  }

  /** A part of an assignment: all of it is there before the pointer to it is. */
  #textOf(part: StoredPart): Uint8Array {
    const bucket = KvModel.of(this.#options.server).find(assignmentBucket(GROUP))!;
    return joined(Array.from(
      { length: part.chunks },
      (_, n) => bucket.last(chunkKey(part, n))?.value ?? new Uint8Array(0),
    ));
  }
}

/** As somebody reads it who knows nothing yet. */
function putTogether([whole, ...changes]: readonly Uint8Array[]): Snapshot | undefined {
  let snapshot = decodeSnapshot(whole!);
  for (const text of changes) {
    const change = decodeChange(text);
    snapshot = snapshot && change && applyChange(snapshot, change);
  }
  return snapshot;
}

function joined(texts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(texts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const text of texts) {
    whole.set(text, offset);
    offset += text.length;
  }
  return whole;
}

function laneOf(stream: string, consumer: ConsumerConfig | undefined): LaneFacts | undefined {
  if (consumer === undefined) return undefined;
  const { metadata, filterSubjects } = consumer;
  return {
    instance: laneOwner(metadata)?.instance ?? consumer.name,
    units: unitsRead(stream, filterSubjects),
  };
}
