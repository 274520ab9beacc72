/**
 * Taps on the simulated server: the observer is told of every lease, assignment, message and effect in the instant in which the server stores
 * it, whatever the group's own connections do.
 *
 * @module
 */
import { decodeSnapshot } from "../../assignment/snapshot.ts";
import { EPOCH_HEADER, GENERATION_HEADER, INPUT_SEQUENCE_HEADER } from "../../effects.ts";
import { decodeWorkerRecord } from "../../membership/worker_lease.ts";
import { assignmentBucket, CURRENT_KEY, leaseBucket, workerKeyNumber } from "../../names.ts";
import type { KvEntry } from "../../ports/kv.ts";
import type { BucketModel } from "../nats/bucket_model.ts";
import { KvModel } from "../nats/kv_model.ts";
import { StreamsModel } from "../nats/streams_model.ts";
import type { CoreCluster } from "./cluster.ts";
import { FEED, FEED_PREFIX, GROUP, OUTPUT, OUTPUT_PREFIX } from "./member.ts";

/** All taps of a run. */
export class Taps {
  readonly #cluster: CoreCluster;
  #tapped = new WeakSet<BucketModel>();
  /** Leases there are: who holds which key. */
  readonly #leases = new Map<string, string>();

  /** @param cluster whose server is tapped */
  constructor(cluster: CoreCluster) {
    this.#cluster = cluster;
  }

  /** Taps the streams, which must exist; buckets are tapped as soon as somebody has made them. */
  open(): void {
    const { server, observer } = this.#cluster;
    const streams = StreamsModel.of(server);
    streams.stream(FEED, "tap").follow(({ subject, sequence }) => {
      observer.stored(subject.slice(FEED_PREFIX.length), sequence);
    });
    streams.stream(OUTPUT, "tap").follow(({ subject, headers }) => {
      observer.effect({
        partition: subject.slice(OUTPUT_PREFIX.length),
        input: Number(headers[INPUT_SEQUENCE_HEADER]),
        epoch: Number(headers[EPOCH_HEADER]),
        generation: Number(headers[GENERATION_HEADER]),
      });
    });
    server.kernel.addInvariant(() => this.#tapBuckets());
  }

  /** The server has a new process: what followed the old one follows nothing. */
  restarted(): void {
    this.#tapped = new WeakSet();
  }

  /** The leases there are, for people. */
  leases(): string[] {
    const bucket = KvModel.of(this.#cluster.server).find(leaseBucket(GROUP));
    // Older servers say nothing when a key expires.
    return [...this.#leases].filter(([key]) => bucket?.last(key)?.operation === "put")
      .map(([key, holder]) => `lease ${key} of ${holder}`);
  }

  #tapBuckets(): void {
    const model = KvModel.of(this.#cluster.server);
    this.#tap(model.find(leaseBucket(GROUP)), (entry) => this.#onLease(entry));
    this.#tap(model.find(assignmentBucket(GROUP)), (entry) => this.#onAssignment(entry));
  }

  #tap(bucket: BucketModel | undefined, onEntry: (entry: KvEntry) => void): void {
    if (bucket === undefined || this.#tapped.has(bucket)) return;
    this.#tapped.add(bucket);
    bucket.follow({ stored: onEntry, gone: () => {} });
  }

  #onLease(entry: KvEntry): void {
    const { observer, server } = this.#cluster;
    if (workerKeyNumber(entry.key) === undefined) return;
    const record = decodeWorkerRecord(entry);
    if (record === undefined) {
      const worker = this.#leases.get(entry.key);
      if (worker !== undefined) observer.unleased(worker.split(" ")[0]!);
      this.#leases.delete(entry.key);
      return;
    }
    const { worker, instance } = record;
    this.#leases.set(entry.key, `${worker} ${instance}`);
    observer.leased(worker, instance, server.nowMs, this.#cluster.isFit(instance));
  }

  #onAssignment(entry: KvEntry): void {
    if (entry.key !== CURRENT_KEY || entry.operation === "removed") return;
    const snapshot = decodeSnapshot(entry.value);
    if (snapshot !== undefined) this.#cluster.observer.published(snapshot);
  }
}
