/**
 * The leader's part in a feed that is made of another stream: it copies, for as long as it leads.
 *
 * That there is one leader only decides who copies, and not that nothing is copied twice: two who copy at the same time do no harm.
 *
 * @module
 */
import type { GroupConfig } from "../config/config.ts";
import { sleep } from "../ports/clock.ts";
import { jitter } from "../ports/random.ts";
import type { World } from "../ports/world.ts";
import { copyToShards } from "../sharding/copying/copy_to_shards.ts";
import type { ShardCopier } from "../sharding/copying/shard_copier.ts";

/** The leader before is gone, or about to hear that it leads no more. */
const TAKE_OVER_AFTER_MS = 1_000;
/** What has failed for good is tried again after this long, in milliseconds, and then after twice as long each time … */
const AGAIN_MS = 1_000;
/** … up to this. */
const AGAIN_MAX_MS = 60_000;

/** Copies while one leads. */
export class LeaderCopy {
  readonly #world: World;
  readonly #config: GroupConfig;
  readonly #onError: (error: unknown) => void;
  readonly #end = new AbortController();
  readonly #running: Promise<void>;

  /**
   * Begins to copy, if the feed is made of another stream.
   *
   * @param world the world
   * @param config the group's configuration
   * @param onError told of what goes wrong; it is tried again
   */
  constructor(world: World, config: GroupConfig, onError: (error: unknown) => void) {
    this.#world = world;
    this.#config = config;
    this.#onError = onError;
    this.#running = this.#run();
  }

  /** Ends it: what is being published is finished. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { clock, random } = this.#world;
    const { signal } = this.#end;
    for (let pauseMs = AGAIN_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, AGAIN_MAX_MS)) {
      try {
        const copier = await this.#copy();
        if (copier === undefined) return;
        await copier.ended();
      } catch (error) {
        if (!signal.aborted) this.#onError(error);
      }
      await sleep(clock, jitter(random, pauseMs), signal);
    }
  }

  async #copy(): Promise<ShardCopier | undefined> {
    const { consumer, kvBuckets } = this.#config;
    if (consumer?.from === undefined || consumer.shards === undefined) return undefined;
    const { stream, subjectTemplate, shards, from } = consumer;
    const { begin } = from;
    return await copyToShards({
      world: this.#world,
      from,
      into: { stream, subjectTemplate, shards },
      ...(begin === undefined ? {} : { begin }),
      replicas: kvBuckets.replicas,
      takeOverAfterMs: TAKE_OVER_AFTER_MS,
      signal: this.#end.signal,
      onError: this.#onError,
    });
  }
}
