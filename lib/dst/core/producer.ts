/**
 * A producer: it publishes to each of its partitions in turn and tries each message until the feed has said that it is stored, under one
 * message ID, so that a lost answer stores nothing twice.
 *
 * @module
 */
import { encodeJson } from "../../codec.ts";
import { isPartiError } from "../../errors.ts";
import { sleep } from "../../ports/clock.ts";
import type { World } from "../../ports/world.ts";
import type { Draws } from "../draw.ts";

const RETRY_MS = 200;
const TIMEOUT_MS = 2_000;

/** How a producer goes about it. */
export interface ProducerOptions {
  /** How many messages per second. */
  readonly ratePerSecond: number;
  /** Where to. No other producer may publish there, or nobody knows which message comes first. */
  readonly partitions: () => readonly string[];
  /** The subject of a partition's messages. */
  readonly subjectOf: (partition: string) => string;
  /** The number of its n-th message, which no other message of any producer may have. */
  readonly numberOf: (n: number) => number;
  /** How likely it takes the feed's word for lost although it has it, and publishes the same again. */
  readonly repeats: number;
  /** Decides when. */
  readonly draws: Draws;
  /** Called when the feed says that it had a message already. */
  readonly onDuplicate: () => void;
}

/** Publishes. */
export class Producer {
  readonly #world: World;
  readonly #options: ProducerOptions;
  #stopped = false;
  #next = 0;

  /**
   * @param world its world
   * @param options how it goes about it
   */
  constructor(world: World, options: ProducerOptions) {
    this.#world = world;
    this.#options = options;
  }

  /** Publishes until it is stopped; the message under way is finished. */
  async run(): Promise<void> {
    const { ratePerSecond, partitions } = this.#options;
    if (ratePerSecond === 0) return;
    const { clock } = this.#world;
    let nextMs = clock.monotonicMs();
    while (!this.#stopped) {
      const ids = partitions();
      const n = this.#next++;
      if (ids.length > 0) await this.#publish(ids[(n * 7) % ids.length]!, n);
      // Late it does not hurry: a backlog comes from faults, not from the producer.
      nextMs = Math.max(nextMs + 1_000 / ratePerSecond, clock.monotonicMs());
      await sleep(clock, nextMs - clock.monotonicMs());
    }
  }

  /** Ends it. */
  stop(): void {
    this.#stopped = true;
  }

  /** Publishes one message to each partition, as quickly as it can. */
  async visitAll(): Promise<void> {
    await Promise.all(this.#options.partitions().map((id) => this.#publish(id, this.#next++)));
  }

  async #publish(partition: string, n: number): Promise<void> {
    const { numberOf, repeats, draws } = this.#options;
    const number = numberOf(n);
    await this.#store(partition, number);
    // Before anything else of the partition: what comes twice must not come later than what follows it.
    if (draws.floatAt(n) < repeats) await this.#store(partition, number);
  }

  /** Tries until the feed says that it has it. */
  async #store(partition: string, number: number): Promise<void> {
    const { feed, clock } = this.#world;
    for (;;) {
      try {
        const { duplicate } = await feed.publish(
          this.#options.subjectOf(partition),
          encodeJson({ n: number }),
          { messageId: `message-${number}`, timeoutMs: TIMEOUT_MS },
        );
        if (duplicate) this.#options.onDuplicate();
        return;
      } catch (error) {
        if (!isPartiError(error)) throw error;
        await sleep(clock, RETRY_MS);
      }
    }
  }
}
