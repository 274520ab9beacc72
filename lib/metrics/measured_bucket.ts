/**
 * A bucket whose every operation is timed.
 *
 * @module
 */
import type { Clock } from "../ports/clock.ts";
import type { KvBucket, KvEntry, KvWatch } from "../ports/kv.ts";
import type { WorkerMetrics } from "./collector.ts";

class MeasuredBucket implements KvBucket {
  readonly name: string;
  readonly #bucket: KvBucket;
  readonly #clock: Clock;
  readonly #metrics: Pick<WorkerMetrics, "kvOperation">;

  constructor(bucket: KvBucket, clock: Clock, metrics: Pick<WorkerMetrics, "kvOperation">) {
    this.name = bucket.name;
    this.#bucket = bucket;
    this.#clock = clock;
    this.#metrics = metrics;
  }

  create(key: string, value: Uint8Array): Promise<number> {
    return this.#measure("create", this.#bucket.create(key, value));
  }
  update(key: string, value: Uint8Array, revision: number): Promise<number> {
    return this.#measure("update", this.#bucket.update(key, value, revision));
  }
  put(key: string, value: Uint8Array): Promise<number> {
    return this.#measure("put", this.#bucket.put(key, value));
  }
  get(key: string): Promise<KvEntry | undefined> {
    return this.#measure("get", this.#bucket.get(key));
  }
  remove(key: string, revision?: number): Promise<void> {
    return this.#measure("remove", this.#bucket.remove(key, revision));
  }
  erase(key: string): Promise<void> {
    return this.#measure("erase", this.#bucket.erase(key));
  }
  list(pattern: string): Promise<KvEntry[]> {
    return this.#measure("list", this.#bucket.list(pattern));
  }
  watch(...args: Parameters<KvBucket["watch"]>): Promise<KvWatch> {
    return this.#measure("watch", this.#bucket.watch(...args));
  }

  async #measure<T>(op: string, operation: Promise<T>): Promise<T> {
    const startedAtMs = this.#clock.monotonicMs();
    let ok = true;
    try {
      return await operation;
    } catch (error) {
      ok = isConflict(error);
      throw error;
    } finally {
      this.#metrics.kvOperation(op, ok, this.#clock.monotonicMs() - startedAtMs);
    }
  }
}

/**
 * Wraps a bucket so that each operation is reported with how long it took. A lost compare counts as `ok`: the bucket answered.
 *
 * @param bucket the bucket
 * @param clock time
 * @param metrics who is told
 * @returns the same bucket, measured
 */
export function measuredBucket(
  bucket: KvBucket,
  clock: Clock,
  metrics: Pick<WorkerMetrics, "kvOperation">,
): KvBucket {
  return new MeasuredBucket(bucket, clock, metrics);
}

function isConflict(error: unknown): boolean {
  return (error as { code?: unknown }).code === "PARTI_CONFLICT";
}
