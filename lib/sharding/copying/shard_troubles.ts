/**
 * What can be wrong with shards that a copy is written to, in words, and what a failure proves.
 *
 * @module
 */
import { describeError, isPartiError, PartiError } from "../../errors.ts";

/** JetStream's own code of an answer; undefined if the error is none. */
function answerCode({ value }: PartiError): number | undefined {
  if (typeof value !== "object" || value === null || !("errCode" in value)) return undefined;
  return typeof value.errCode === "number" ? value.errCode : undefined;
}

/**
 * What kind of failure an error is, whichever message it was about.
 *
 * @param error what was caught
 * @returns equal for those of one kind
 */
export function kindOf(error: unknown): string {
  return isPartiError(error) ? `${error.code} ${answerCode(error)}` : describeError(error);
}

/** The stream is full. */
const FULL = 10_077;

/**
 * Whether an error proves that nothing was stored, nor counted. A refusal for another reason does not: nats-server 2.10.27 counts up the last
 * sequence it compares with, and stores nothing, where the account's limits refuse a message. All that is sent on the same place afterwards
 * is refused as if a stranger's lay there.
 */
export function isDefinite(error: unknown): boolean {
  if (!isPartiError(error)) return false;
  const answer = answerCode(error);
  if (answer === FULL || isPartiError(error, "PARTI_CONFLICT", "PARTI_TOO_LARGE")) return true;
  return answer === undefined &&
    isPartiError(error, "PARTI_NO_RESPONDERS", "PARTI_DISCONNECTED", "PARTI_OVERLOADED");
}

const SOLE_WRITER =
  "the copier has to be the only one who publishes to the shards: stop the other one, call forgetCopy, and begin anew with new shards";

/** A message was refused, and nothing explains it but a message that lies where it should. */
export function foreign(cause: PartiError): PartiError {
  return new PartiError("PARTI_CONFLICT", "somebody else publishes to the shards of this copy", {
    ...{ cause, value: cause.value, hint: SOLE_WRITER },
  });
}

/** A message is refused for ever, and nothing proves why. */
export function stuck(cause: PartiError): PartiError {
  return new PartiError(
    "PARTI_CONFLICT",
    `a message of the copy is refused again and again, and the shard has not come so far: ${cause.message}`,
    {
      ...{ cause, value: cause.value },
      hint:
        "it is tried again. nats-server 2.10 miscounts once the account's limits have refused a message: raise them or let the workers catch up, and restart that server",
    },
  );
}

/** A shard has more than the copy has put there. */
export function beyond(stream: string, last: number, known: number): PartiError {
  return new PartiError(
    "PARTI_CONFLICT",
    `stream ${stream} has a message ${last}, where the copy has put none beyond ${known}: somebody else publishes to it`,
    { value: last, hint: SOLE_WRITER },
  );
}

/** A shard begins anew, and nothing was on its way there. */
export function forgotten(stream: string, known: number): PartiError {
  return new PartiError(
    "PARTI_CONFLICT",
    `stream ${stream} begins anew, and had come to ${known}: the copy goes on, since nothing was on its way there`,
    { value: stream, hint: "an output guarded by these sequences has to begin anew, too" },
  );
}

/** A shard has less than the copy has put there. */
export function lost(stream: string, last: number, known: number): PartiError {
  return new PartiError(
    "PARTI_CONFLICT",
    `stream ${stream} ends at ${last}, and the copy has come to ${known} there: it was made anew, or has lost its last writes`,
    { value: last, hint: "call forgetCopy, and begin anew with new shards" },
  );
}

/** A message was stored elsewhere than at its place. */
export function wentAstray(subject: string): PartiError {
  return new PartiError(
    "PARTI_CONFLICT",
    `a message for ${subject} was stored where nobody sent it`,
    {
      value: subject,
      hint:
        "let no mapping of subjects lead away from the shards; nats-server 2.10 does it once the account's limits have refused a message: call forgetCopy, and begin anew with new shards",
    },
  );
}
