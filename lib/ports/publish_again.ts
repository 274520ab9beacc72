/**
 * Publishing that tries again by itself, where that is safe: with the same message ID, or on the same expected sequence. A try whose
 * answer is lost may have been stored; then the stream says "duplicate" to the next one and keeps the first.
 *
 * @module
 */
import { isPartiError, OUTAGE_CODES, PartiError } from "../errors.ts";
import { sleep } from "./clock.ts";
import type { FeedStore, PublishAck, PublishOptions } from "./feed.ts";
import { DEFAULT_MAX_WAITING, tooManyWaiting } from "./publish_limit.ts";
import { jitter } from "./random.ts";
import type { World } from "./world.ts";

/** How to try again. */
export interface PublishAgainOptions {
  /** How often at most, the first time included; 5 unless given. */
  readonly tries?: number;
  /** The first pause between two tries, in milliseconds; it doubles, and jitter makes it up to half as long; 100 unless given. */
  readonly pauseMs?: number;
  /** The longest pause, in milliseconds; 2,000 unless given. */
  readonly pauseMaxMs?: number;
  /** How many publications may be under way at once, those between two tries included; 65,536 unless given. */
  readonly maxWaiting?: number;
  /** Ends it early: no further try is made, and the last failure is thrown. */
  readonly signal?: AbortSignal;
}

/**
 * A publisher that tries again while nobody answers: during an election in a cluster, a restart of the server, a reconnect. Publications
 * without a message ID and without an expected sequence are tried once, since each further try might store the message again.
 *
 * All tries together must be over within the stream's duplicate window. A server that was killed forgets the IDs of messages that were
 * consumed, so of a WorkQueue stream that is killed itself a message may come twice. Where messages of one subject are published
 * without waiting for each outcome, a second try comes behind those that were published meanwhile.
 *
 * @param world where streams are, time and jitter
 * @param options how to try again
 * @returns what publishes; it throws as {@linkcode FeedStore.publish} does, of the last try. A guarded publication without an ID whose
 * outcome was unknown once may have been refused because of itself: it throws `PARTI_TIMEOUT` with the refusal as its cause. With as many
 * under way as may be it throws `PARTI_OVERLOADED`, and nothing was sent
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for fewer than one try or one that may wait, or a pause below 0
 */
export function publishAgain(
  world: Pick<World, "feed" | "clock" | "random">,
  options: PublishAgainOptions = {},
): Pick<FeedStore, "publish"> {
  const { tries = 5, pauseMs = 100, pauseMaxMs = 2_000, signal } = options;
  const { maxWaiting = DEFAULT_MAX_WAITING } = options;
  if (
    !Number.isSafeInteger(tries) || tries < 1 || !(maxWaiting >= 1) || !(pauseMs >= 0) ||
    !(pauseMaxMs >= pauseMs)
  ) {
    throw new PartiError("PARTI_INVALID_CONFIG", "publishAgain cannot be configured like this", {
      value: options,
      hint:
        "tries and maxWaiting must be at least 1, and the pauses at least 0, with pauseMs not above pauseMaxMs",
    });
  }
  const { feed, clock, random } = world;
  let underWay = 0;
  const persist = async (
    subject: string,
    data: Uint8Array,
    how: PublishOptions = {},
  ): Promise<PublishAck> => {
    let unknown = false;
    for (let tried = 1;; tried++) {
      try {
        return await feed.publish(subject, data, how);
      } catch (error) {
        if (unknown && isPartiError(error, "PARTI_CONFLICT")) throw perhapsOwn(subject, error);
        const isLast = tried === tries || !isSafe(how);
        if (isLast || !isPartiError(error, ...OUTAGE_CODES)) throw error;
        unknown ||= error.code === "PARTI_TIMEOUT";
        const longestMs = Math.min(pauseMs * 2 ** (tried - 1), pauseMaxMs);
        await sleep(clock, jitter(random, longestMs), signal);
        if (signal?.aborted) throw error;
      }
    }
  };
  const publish = async (
    subject: string,
    data: Uint8Array,
    how?: PublishOptions,
  ): Promise<PublishAck> => {
    if (underWay >= maxWaiting) throw tooManyWaiting(subject, maxWaiting);
    underWay++;
    try {
      return await persist(subject, data, how);
    } finally {
      underWay--;
    }
  };
  return { publish };
}

function isSafe(options: PublishOptions): boolean {
  const { messageId, expectedLastSubjectSequence, expectedLastSequence } = options;
  return messageId !== undefined || expectedLastSubjectSequence !== undefined ||
    expectedLastSequence !== undefined;
}

function perhapsOwn(subject: string, refusal: PartiError): PartiError {
  return new PartiError(
    "PARTI_TIMEOUT",
    `publish to ${subject}: an earlier try may have been stored, and this one was refused because of it`,
    {
      cause: refusal,
      value: subject,
      hint: "read the last message of the subject and compare, or publish with a message ID",
    },
  );
}
