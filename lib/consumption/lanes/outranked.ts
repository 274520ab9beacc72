/**
 * Outranked partitions: wanted here, and written by somebody newer. Usually this worker is behind, and the next assignment takes the
 * partition away or gives it back for good. Where that does not come, somebody has to be told, and somebody has to try again.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { Slot } from "../dispatch/slot.ts";

/**
 * How long an outranked partition is left alone before it is tried again, in milliseconds; jitter makes it up to half as long. Trying
 * it in vain keeps the newer owner, if there is one, from it for a moment.
 */
export const OUTRANKED_MS = 5_000;

/**
 * What is told when a fenced write has shown that somebody newer owns a wanted partition.
 *
 * @param slot the partition
 * @param cause what the handler threw
 * @returns `PARTI_FENCED` with the partition as its value
 */
export function outrankedError(slot: Slot, cause: unknown): PartiError {
  const { epoch, generation } = slot.ownership;
  return new PartiError(
    "PARTI_FENCED",
    `partition ${slot.id} is assigned to this worker in epoch ${epoch}, generation ${generation}, but its output was written under ` +
      "a newer assignment; it is left alone until the next one, and tried now and then",
    {
      cause,
      value: slot.id,
      hint:
        "harmless if said once while workers come and go; if it goes on, the group's buckets were deleted while the output stream " +
        "was kept, and its epochs are behind the output's: purge the output stream too, or this partition's subject in it",
    },
  );
}
