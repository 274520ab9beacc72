/**
 * Dead letters: a message that failed too often goes to another subject, with its headers and the reason, before its partition goes on.
 * Where the server does not take a letter because it is too large they are left out, and then the data
 * too, and the letter says so in `Parti-Left-Out`.
 *
 * @module
 */
import type { PartitionId } from "../../assignment/partition.ts";
import type { GroupConsumerConfig } from "../../config/config.ts";
import { describeError, isPartiError, PartiError } from "../../errors.ts";
import { type LaneOwner, partitionSubject } from "../../names.ts";
import type { FeedMessage } from "../../ports/feed.ts";
import type { World } from "../../ports/world.ts";
import type { Slot } from "./slot.ts";

/** Header values must stay on one line and below the server's limits. */
const REASON_LENGTH_MAX = 512;

/** What NATS reads in a header is meant for the stream the message came from: a letter must not be refused or expire by it. */
const SERVER_HEADER = /^nats-/i;

/** What of its message a dead letter leaves out. */
export type LeftOut = "nothing" | "headers" | "headers and data";

/** What of a message goes into its dead letter. */
interface Form {
  readonly leftOut: LeftOut;
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** What is needed to publish one. */
export interface DeadLetterOptions {
  /** The world. */
  readonly world: Pick<World, "feed" | "clock" | "random">;
  /** Where dead letters go. */
  readonly config: Pick<
    GroupConsumerConfig,
    "stream" | "deadLetterSubject" | "onPoison" | "retryMaxMs"
  >;
  /** Who gives it up. */
  readonly owner: LaneOwner;
  /** How long it may take, in milliseconds. */
  readonly operationTimeoutMs: number;
}

/**
 * Publishes a dead letter and waits until a stream has stored it. The message ID follows from stream, sequence and time, so a
 * second try is stored once, and a message that got the same sequence in a stream made anew is stored too.
 *
 * @param options the world, the configuration and whose message it was
 * @param from the partition, and the stream its messages lie in
 * @param message the message
 * @param error why it failed the last time
 * @returns what of the message the letter leaves out
 * @throws {PartiError} `PARTI_NO_RESPONDERS` if no stream has its subject, or what the stream says: the caller must not acknowledge
 * the message then
 */
export async function deadLetter(
  options: DeadLetterOptions,
  { id, stream }: Pick<Slot, "id" | "stream">,
  message: FeedMessage,
  error: unknown,
): Promise<LeftOut> {
  const { world, config, owner, operationTimeoutMs } = options;
  const subject = partitionSubject(config.deadLetterSubject, id);
  const own = {
    "Parti-Reason": headerValue(describeError(error)),
    "Parti-Subject": message.subject,
    "Parti-Stream": stream,
    "Parti-Stream-Sequence": String(message.streamSequence),
    "Parti-Group": owner.group,
    "Parti-Worker": owner.worker,
  };
  let tooLarge: unknown;
  for (const { leftOut, data, headers } of formsOf(message)) {
    try {
      await world.feed.publish(subject, data, {
        messageId: `dead:${stream}:${message.streamSequence}:${message.storedAtMs}`,
        timeoutMs: operationTimeoutMs,
        headers: { ...headers, ...own },
      });
      return leftOut;
    } catch (cause) {
      if (isPartiError(cause, "PARTI_NO_RESPONDERS")) throw homeless(id, message, subject, cause);
      if (!isPartiError(cause, "PARTI_TOO_LARGE")) throw cause;
      tooLarge = cause;
    }
  }
  throw tooLarge;
}

/** The forms of a letter, the fullest first. The last one does not depend on how large the message is. */
function formsOf(message: FeedMessage): readonly Form[] {
  const { data } = message;
  const forms: Form[] = [
    { leftOut: "headers", data, headers: { "Parti-Left-Out": "headers" } },
    {
      leftOut: "headers and data",
      data: new Uint8Array(0),
      headers: { "Parti-Left-Out": "headers and data", "Parti-Data-Bytes": String(data.length) },
    },
  ];
  const headers = carriedHeaders(message);
  return headers === undefined ? forms : [{ leftOut: "nothing", data, headers }, ...forms];
}

/** The message's own headers; undefined if they cannot be read. */
function carriedHeaders(message: FeedMessage): Readonly<Record<string, string>> | undefined {
  try {
    const all = Object.entries(message.headers);
    return Object.fromEntries(all.filter(([name]) => !SERVER_HEADER.test(name)));
  } catch {
    // That is what is wrong with the message, maybe. The letter says that they are left out.
    return undefined;
  }
}

/** Nothing is wrong with the server, so nothing gets better by itself: somebody has to be told what to do. */
function homeless(
  id: PartitionId,
  message: FeedMessage,
  subject: string,
  cause: PartiError,
): PartiError {
  const { streamSequence } = message;
  return new PartiError(
    "PARTI_NO_RESPONDERS",
    `no stream takes ${subject}, the dead letter of sequence ${streamSequence} of partition ${id}; the partition waits until one does`,
    {
      cause,
      value: subject,
      hint:
        `create a stream with ${subject} among its subjects, set consumer.deadLetterSubject to a subject that a stream has, or ` +
        "set consumer.onPoison to stop",
    },
  );
}

/** One line: a line's end would be taken for the end of the header. */
function headerValue(text: string): string {
  return text.replaceAll(/[\s\p{Cc}]+/gu, " ").slice(0, REASON_LENGTH_MAX).trim();
}
