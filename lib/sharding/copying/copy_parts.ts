/**
 * What a copier is made of.
 *
 * @module
 */
import type { World } from "../../ports/world.ts";
import type { ShardedFeed } from "../shards.ts";
import type { CopyClaim } from "./copy_claim.ts";
import type { CopyEnd } from "./copy_end.ts";
import type { CopyConsumers } from "./copy_consumers.ts";
import type { CopyLedger } from "./copy_ledger.ts";
import type { CopySource, SourceSubjects } from "./copy_source.ts";
import type { Pauses } from "./pauses.ts";

/** What of the world a copier needs. */
export type CopyWorld = Pick<World, "clock" | "random" | "kv" | "feed" | "messaging">;

/** The parts of a copier. */
export interface CopyParts {
  /** The world. */
  readonly world: CopyWorld;
  /** The source. */
  readonly from: CopySource;
  /** Where the keys of the source are. */
  readonly subjects: SourceSubjects;
  /** The shards. */
  readonly layout: ShardedFeed;
  /** Which copier this is: no other one ever has the same. */
  readonly holder: string;
  /** The record. */
  readonly ledger: CopyLedger;
  /** The consumers. */
  readonly consumers: CopyConsumers;
  /** Claims the copy. */
  readonly claim: CopyClaim;
  /** Pauses between tries. */
  readonly pauses: Pauses;
  /** Ends it all. */
  readonly end: CopyEnd;
  /** How long a copy with work to do may stand still before another copier takes it over, in milliseconds. */
  readonly takeOverAfterMs: number;
  /** Told of each problem. Must not throw. */
  readonly onError: (error: unknown) => void;
}
