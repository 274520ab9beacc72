/**
 * Dead letters: a message that failed too often goes to another subject, with the reason, before its partition goes on.
 *
 * @module
 */
import type { PartitionId } from "../../assignment/partition.ts";
import type { GroupConsumerConfig } from "../../config/config.ts";
import { describeError, isPartiError, PartiError } from "../../errors.ts";
import { type LaneOwner, partitionSubject } from "../../names.ts";
import type { FeedMessage } from "../../ports/feed.ts";
import type { World } from "../../ports/world.ts";

/** Header values must stay on one line and below the server's limits. */
const REASON_LENGTH_MAX = 512;

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
 * @param id the partition
 * @param message the message
 * @param error why it failed the last time
 * @throws {PartiError} `PARTI_NO_RESPONDERS` if no stream has its subject, or what the stream says: the caller must not acknowledge
 * the message then
 */
export async function deadLetter(
  options: DeadLetterOptions,
  id: PartitionId,
  message: FeedMessage,
  error: unknown,
): Promise<void> {
  const { world, config, owner, operationTimeoutMs } = options;
  const reason = headerValue(describeError(error));
  const subject = partitionSubject(config.deadLetterSubject, id);
  try {
    await world.feed.publish(subject, message.data, {
      messageId: `dead:${config.stream}:${message.streamSequence}:${message.storedAtMs}`,
      timeoutMs: operationTimeoutMs,
      headers: {
        "Parti-Reason": reason,
        "Parti-Subject": message.subject,
        "Parti-Stream": config.stream,
        "Parti-Stream-Sequence": String(message.streamSequence),
        "Parti-Group": owner.group,
        "Parti-Worker": owner.worker,
      },
    });
  } catch (cause) {
    throw isPartiError(cause, "PARTI_NO_RESPONDERS")
      ? homeless(id, message, subject, cause)
      : cause;
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
