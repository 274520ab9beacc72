/**
 * How a message that failed too often is told to the application.
 *
 * @module
 */
import type { PartitionId } from "../../assignment/partition.ts";
import { describeError, isPartiError, PartiError } from "../../errors.ts";
import type { FeedMessage } from "../../ports/feed.ts";

/**
 * The error for a message that was given up.
 *
 * @param id its partition
 * @param message the message
 * @param error why it failed the last time
 * @param deadLetterSubject where it went; undefined if it stopped its partition
 * @returns the error; its value holds partition and sequence
 */
export function poisonError(
  id: PartitionId,
  message: FeedMessage,
  error: unknown,
  deadLetterSubject: string | undefined,
): PartiError {
  const { streamSequence: sequence } = message;
  const [outcome, hint] = deadLetterSubject === undefined
    ? ["its partition is stopped", `when it can be handled, call resumePartition("${id}")`]
    : [`it is a dead letter on ${deadLetterSubject}`, "its headers say where it was and why"];
  const reason = error instanceof Error ? error.cause ?? error : error;
  // What nobody could handle was not even tried.
  const what = isPartiError(error, "PARTI_INVALID_PARTITION")
    ? `cannot be handled, ${outcome}`
    : `failed too often, ${outcome}; the last time`;
  return new PartiError(
    "PARTI_POISON",
    `sequence ${sequence} of partition ${id} ${what}: ${describeError(reason)}`,
    { value: { partition: id, sequence }, hint, cause: error },
  );
}
