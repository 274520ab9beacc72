/**
 * A bucket whose every operation is timed.
 *
 * @module
 */
import type { Clock } from "../ports/clock.ts";
import type { KvBucket } from "../ports/kv.ts";
import type { WorkerMetrics } from "./collector.ts";

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
  const measure = async <T>(op: string, operation: Promise<T>): Promise<T> => {
    const startedAtMs = clock.monotonicMs();
    let ok = true;
    try {
      return await operation;
    } catch (error) {
      ok = isConflict(error);
      throw error;
    } finally {
      metrics.kvOperation(op, ok, clock.monotonicMs() - startedAtMs);
    }
  };
  return {
    name: bucket.name,
    create: (key, value) => measure("create", bucket.create(key, value)),
    update: (key, value, revision) => measure("update", bucket.update(key, value, revision)),
    put: (key, value) => measure("put", bucket.put(key, value)),
    get: (key) => measure("get", bucket.get(key)),
    remove: (key, revision) => measure("remove", bucket.remove(key, revision)),
    erase: (key) => measure("erase", bucket.erase(key)),
    list: (pattern) => measure("list", bucket.list(pattern)),
    watch: (...args) => measure("watch", bucket.watch(...args)),
  };
}

function isConflict(error: unknown): boolean {
  return (error as { code?: unknown }).code === "PARTI_CONFLICT";
}
