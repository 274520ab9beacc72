/**
 * A mark: how far a partition has come in its stream.
 *
 * The sequence alone does not say which message it is. A stream that is made anew, or whose server comes back without its last writes,
 * gives sequences out again. What tells the messages apart is when they were stored: of two with one sequence the later one is
 * another message, and so is one that has a lower sequence and is later all the same. A server whose clock goes back just then is the one
 * thing this does not see.
 *
 * @module
 */
import type { FeedMessage } from "../../ports/feed.ts";

/** What says which message of a stream it is. */
type Stored = Pick<FeedMessage, "streamSequence" | "storedAtMs">;

/** How far a partition has come. */
export class Mark {
  #sequence = 0;
  #storedAtMs = 0;

  /** The stream sequence of the message it was set to last; 0 before the first. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Whether a message comes after everything it was set to. */
  isBefore({ streamSequence, storedAtMs }: Stored): boolean {
    return streamSequence > this.#sequence || storedAtMs > this.#storedAtMs;
  }

  /** Moves on to a message. The time never goes back: within one stream the server's clock may have. */
  moveTo({ streamSequence, storedAtMs }: Stored): void {
    this.#sequence = streamSequence;
    this.#storedAtMs = Math.max(this.#storedAtMs, storedAtMs);
  }

  /** Takes over where another one is. */
  set(other: Mark): void {
    this.#sequence = other.#sequence;
    this.#storedAtMs = other.#storedAtMs;
  }
}

/**
 * Whether two deliveries are of one message.
 *
 * @param a a delivery
 * @param b a delivery from a stream of the same name
 * @returns true if they are
 */
export function isSameMessage(a: Stored, b: Stored): boolean {
  return a.streamSequence === b.streamSequence && a.storedAtMs === b.storedAtMs;
}
