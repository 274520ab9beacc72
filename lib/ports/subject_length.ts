/**
 * How long a subject may be. A server ends a connection that says a longer line than it takes, and all that waits on it.
 *
 * @module
 */
import { PartiError } from "../errors.ts";

/**
 * The longest subject, in bytes. A server takes lines of 4,096 bytes unless told otherwise, and where the answer goes and how large the
 * message is stand in the same line.
 */
export const SUBJECT_MAX_BYTES = 3_968;

/** In UTF-8 a character of JavaScript's takes no more bytes than that. */
const BYTES_PER_CHARACTER = 3;

const encoder = new TextEncoder();

/**
 * Refuses a subject for which a server would end the connection.
 *
 * @param subject the subject
 * @param what what is tried with it, for the error
 * @throws {PartiError} `PARTI_REFUSED` if it is too long
 */
export function refuseLong(subject: string, what: string): void {
  if (subject.length * BYTES_PER_CHARACTER <= SUBJECT_MAX_BYTES) return;
  const bytes = encoder.encode(subject).length;
  if (bytes <= SUBJECT_MAX_BYTES) return;
  throw new PartiError(
    "PARTI_REFUSED",
    `${what} ${subject.slice(0, 50)}…: the subject is too long`,
    {
      value: bytes,
      hint: `a subject may have ${SUBJECT_MAX_BYTES} bytes: take a hash of what is longer`,
    },
  );
}
