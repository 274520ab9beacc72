/**
 * What a new leader goes on from when it takes the assignment over.
 *
 * @module
 */
import { isPartiError } from "../../errors.ts";
import type { Term } from "../../leadership/election_agent.ts";
import type { KvBucket, KvEntry } from "../../ports/kv.ts";
import { compareSnapshots, type Snapshot, weightTable } from "../snapshot.ts";
import { partsOf, type StoredPart } from "../snapshot_parts.ts";
import { type Layout, readSnapshot, type StoredSnapshot } from "../snapshot_store.ts";

/** What taking over the assignment needs. */
export interface ClaimOptions {
  /** The assignment bucket. */
  readonly bucket: KvBucket;
  /** Who leads. */
  readonly leader: Snapshot["leader"];
  /** Its term: the token, and whether it still leads. */
  readonly term: Term;
  /** The wall clock, in milliseconds since 1970. */
  readonly nowMs: number;
  /** The newest snapshot the leader knows of, however it came by it: what it goes on from where the bucket was lost. */
  readonly remembered?: Snapshot | undefined;
  /** Go on without the partitions' owners if a part of the snapshot in force stays missing. */
  readonly acceptLoss?: boolean;
  /** When a snapshot is written as what; `LAYOUT` unless given. */
  readonly layout?: Layout;
  /** Where each part is noted before it is written. What earlier tries of the same term have noted there is removed once one succeeds. */
  readonly written?: StoredPart[];
}

/**
 * What a new leader goes on from: the snapshot in force, or a newer one it remembers, which then lies nowhere; undefined at the very
 * beginning. All parts are read, whatever is remembered of them: what is built on them is of use only where they are there.
 *
 * @param options of the claim
 * @param entry what lies under `current`
 * @returns the snapshot, and its parts if it is the one in the bucket
 * @throws {PartiError} `PARTI_NOT_FOUND` if a part is missing, and the loss is not accepted; or what reading throws
 */
export async function baseOf(
  options: ClaimOptions,
  entry: KvEntry | undefined,
): Promise<StoredSnapshot | undefined> {
  const { bucket, remembered, acceptLoss } = options;
  const parts = entry === undefined ? [] : partsOf(entry);
  let stored: StoredSnapshot | undefined;
  try {
    if (entry !== undefined) stored = { snapshot: await readSnapshot(bucket, entry), parts };
  } catch (error) {
    const newest = parts.at(-1);
    if (!acceptLoss || newest === undefined || !isPartiError(error, "PARTI_NOT_FOUND")) {
      throw error;
    }
    stored = { snapshot: afterLoss(options, newest), parts: [] };
  }
  if (stored !== undefined) {
    const isNewest = remembered === undefined || compareSnapshots(stored.snapshot, remembered) >= 0;
    if (isNewest) return stored;
  }
  return remembered && { snapshot: remembered, parts: [] };
}

/**
 * A chunk is lost for good. Epoch and generation go on, since a generation never has two contents; who owned what is forgotten as far as it
 * is not remembered, which costs moves, not safety.
 */
function afterLoss(
  { remembered, leader, nowMs: atMs }: ClaimOptions,
  { epoch, generation }: StoredPart,
): Snapshot {
  return {
    epoch,
    generation: generation + 1,
    leader,
    reason: "cold_start",
    atMs,
    workers: remembered?.workers ?? [],
    weights: remembered?.weights ?? weightTable([]),
  };
}
