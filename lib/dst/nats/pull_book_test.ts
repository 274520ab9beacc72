/**
 * For tests: the pulls of one client by consumer, what they have said, and the messages to be acknowledged. Holds no test.
 *
 * @module
 */
import type { FeedMessage, FeedStore, Pull } from "../../ports/feed.ts";
import { lineOf } from "./feed_operations_test.ts";

interface Heard {
  readonly key: string;
  readonly line: string;
  readonly message?: FeedMessage;
}

interface OpenPull {
  readonly pull: Pull;
  isLost: boolean;
}

/** The pulls. */
export class PullBook {
  readonly #feed: FeedStore;
  readonly #pulls = new Map<string, OpenPull>();
  readonly #messages: FeedMessage[] = [];
  #heard: Heard[] = [];

  /** @param feed the feed */
  constructor(feed: FeedStore) {
    this.#feed = feed;
  }

  /** How many lines {@linkcode takeHeard} would return. */
  get heardCount(): number {
    return this.#heard.length;
  }

  /** What pulls have said since this was last called. */
  takeHeard(): string[] {
    // Which of two consumers is served first is the server's own affair.
    const heard = this.#heard.sort((a, b) => a.key < b.key ? -1 : Number(a.key > b.key));
    this.#heard = [];
    for (const { message } of heard) if (message !== undefined) this.#messages.push(message);
    return heard.map(({ key, line }) => `${key} ${line}`);
  }

  /** One of the messages that were heard of: mostly a late one, now and then one from long ago. */
  message(pick: number): FeedMessage | undefined {
    const latest = pick % 3 > 0 ? this.#messages.slice(-20) : this.#messages;
    return latest[pick % Math.max(1, latest.length)];
  }

  /** How much a pull has asked for; undefined if there is none. */
  outstanding(key: string): number | undefined {
    return this.#pulls.get(key)?.pull.outstanding;
  }

  /**
   * A pull, the one that is open if there is one.
   *
   * @param key which
   * @param stream the stream
   * @param consumer the consumer
   * @returns the pull
   */
  open(key: string, stream: string, consumer: string): Pull {
    const known = this.#pulls.get(key);
    if (known !== undefined && !known.isLost) return known.pull;
    const pull = this.#feed.pull(stream, consumer, {
      onMessage: (message) => void this.#heard.push({ key, line: lineOf(message), message }),
      onLost: (reason) => {
        open.isLost = true;
        this.#heard.push({ key, line: `lost: ${reason}` });
      },
      onPermission: () => {},
    });
    const open: OpenPull = { pull, isLost: false };
    this.#pulls.set(key, open);
    return pull;
  }

  /** Closes a pull. Returns what came of it, as text. */
  close(key: string): string {
    const open = this.#pulls.get(key);
    this.#pulls.delete(key);
    open?.pull.close();
    return open === undefined ? "none" : "closed";
  }

  /** Closes all. */
  closeAll(): void {
    for (const key of [...this.#pulls.keys()]) this.close(key);
  }
}
