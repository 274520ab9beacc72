/**
 * For tests: snapshots to publish, and where. Holds no test.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isPartiError, type PartiError } from "../../errors.ts";
import type { KvBucket } from "../../ports/kv.ts";
import type { Rig } from "../../test_support/rig.ts";
import { type Snapshot, weightTable } from "../snapshot.ts";
import type { Publication } from "./publication.ts";

/**
 * A snapshot with one worker.
 *
 * @param bytes about how long its text is
 * @param epoch its epoch
 * @param generation its generation, which is in its partitions' names
 * @returns the snapshot
 */
export function large(bytes: number, epoch = 1, generation = 1): Snapshot {
  const names = Array.from({ length: Math.ceil(bytes / 64) }, (_, n) => `${generation}-${n}`);
  return ofOne(epoch, generation, names.map((name) => name.padStart(61, "x")));
}

/**
 * @param epoch its epoch
 * @param generation its generation
 * @param partitions the partitions of its one worker
 * @returns the snapshot
 */
export function ofOne(epoch: number, generation: number, partitions: string[] = []): Snapshot {
  return {
    epoch,
    generation,
    leader: { worker: "worker-0", instance: "i0" },
    reason: "refresh",
    atMs: 1,
    workers: [{ id: "worker-0", instance: "i0", partitions }],
    weights: weightTable([]),
  };
}

/**
 * @param rig a real server
 * @returns a bucket for assignments
 */
export async function openBucket(rig: Rig): Promise<KvBucket> {
  const { world } = await rig.connect();
  return await world.kv.open("assignments", { ttlMs: 0, replicas: 1, storage: "memory" });
}

/**
 * @param publication a pen
 * @param parts the partitions of each worker
 * @returns what it may publish next
 */
export function next(publication: Publication, ...parts: string[][]): Snapshot {
  return {
    ...publication.snapshot,
    generation: publication.nextGeneration,
    workers: parts.map((part, n) => ({ id: `worker-${n}`, instance: `i${n}`, partitions: part })),
  };
}

/**
 * @param promise what must be refused
 * @param code why
 */
export function refuses(promise: Promise<unknown>, code: PartiError["code"]): Promise<void> {
  return assert.rejects(promise, (error) => isPartiError(error, code));
}
