/**
 * The producer: it publishes to every partition in turn and tries each message until the feed has said that it is stored, under one message
 * ID, so that a lost answer stores nothing twice.
 *
 * @module
 */
import { encodeJson } from "../../codec.ts";
import { isPartiError } from "../../errors.ts";
import { sleep } from "../../ports/clock.ts";
import type { World } from "../../ports/world.ts";
import { FEED_PREFIX } from "./names.ts";

const RETRY_MS = 200;
const TIMEOUT_MS = 2_000;

/** Publishes. */
export class Producer {
  readonly #world: World;
  readonly #ratePerSecond: number;
  readonly #partitions: () => readonly string[];
  #stopped = false;
  #published = 0;
  /** The number of the next message. */
  #next = 0;

  /**
   * @param world its world
   * @param ratePerSecond how many messages per second
   * @param partitions where to
   */
  constructor(world: World, ratePerSecond: number, partitions: () => readonly string[]) {
    this.#world = world;
    this.#ratePerSecond = ratePerSecond;
    this.#partitions = partitions;
  }

  /** How many messages the feed has said it stored. */
  get published(): number {
    return this.#published;
  }

  /** Publishes until it is stopped; the message under way is finished. */
  async run(): Promise<void> {
    if (this.#ratePerSecond === 0) return;
    const { clock } = this.#world;
    let nextMs = clock.monotonicMs();
    while (!this.#stopped) {
      const ids = this.#partitions();
      const n = this.#next++;
      if (ids.length > 0) await this.#publish(ids[(n * 7) % ids.length]!, n);
      // Late it does not hurry: a backlog comes from faults, not from the producer.
      nextMs = Math.max(nextMs + 1_000 / this.#ratePerSecond, clock.monotonicMs());
      await sleep(clock, nextMs - clock.monotonicMs());
    }
  }

  /** Ends it. */
  stop(): void {
    this.#stopped = true;
  }

  /** Publishes one message to each partition, as quickly as it can. */
  async visitAll(): Promise<void> {
    await Promise.all(this.#partitions().map((id) => this.#publish(id, this.#next++)));
  }

  async #publish(partition: string, n: number): Promise<void> {
    const { feed, clock } = this.#world;
    for (;;) {
      try {
        await feed.publish(FEED_PREFIX + partition, encodeJson({ n }), {
          messageId: `message-${n}`,
          timeoutMs: TIMEOUT_MS,
        });
        this.#published++;
        return;
      } catch (error) {
        if (!isPartiError(error)) throw error;
        await sleep(clock, RETRY_MS);
      }
    }
  }
}
