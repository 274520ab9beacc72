/**
 * The leader's part in a feed that is made of another stream: it copies, for as long as it leads.
 *
 * That there is one leader only decides who copies, and not that nothing is copied twice: two who copy at the same time do no harm.
 *
 * @module
 */
import type { GroupConfig } from "../config/config.ts";
import { sleep, type Timer } from "../ports/clock.ts";
import { jitter } from "../ports/random.ts";
import type { World } from "../ports/world.ts";
import { copyToShards } from "../sharding/copying/copy_to_shards.ts";
import type { CopierState, ShardCopier } from "../sharding/copying/shard_copier.ts";
import type { SessionEvents } from "./session_options.ts";

/** How the copy into a group's shards goes, as the leader knows it. */
export interface CopyHealth {
  /** What the leader's copier does; `waiting` also before it has begun, and `failed` until it is tried anew. */
  readonly state: CopierState;
  /** How many messages of the source wait to be copied; undefined unless it copies. */
  readonly lag: number | undefined;
  /** Up to which sequence of the source all is copied or recorded; undefined before it has begun. */
  readonly upTo: number | undefined;
  /** Why it failed last; undefined if it has not. */
  readonly failure: unknown;
}

/** How often it is told how the copy goes, in milliseconds. */
const TELL_MS = 1_000;
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
  readonly #events: Pick<SessionEvents, "onError" | "onCopy">;
  #copier: ShardCopier | undefined;
  #failure: unknown;
  #telling: Timer | undefined;
  readonly #end = new AbortController();
  readonly #running: Promise<void>;

  /**
   * Begins to copy, if the feed is made of another stream.
   *
   * @param world the world
   * @param config the group's configuration
   * @param events told of what goes wrong and is tried again, and how the copy goes
   */
  constructor(
    world: World,
    config: GroupConfig,
    events: Pick<SessionEvents, "onError" | "onCopy">,
  ) {
    this.#world = world;
    this.#config = config;
    this.#events = events;
    this.#running = this.#run();
    this.#tell();
  }

  /** How it goes. */
  get health(): CopyHealth {
    const { state = this.#failure === undefined ? "waiting" : "failed", lag, upTo } =
      this.#copier ?? {};
    return { state, lag, upTo, failure: this.#failure };
  }

  /** Ends it: what is being published is finished. */
  async close(): Promise<void> {
    this.#end.abort();
    this.#telling?.cancel();
    await this.#running;
    this.#events.onCopy(false, 0);
  }

  #tell(): void {
    const { state, lag = 0 } = this.health;
    this.#events.onCopy(state === "copying", lag);
    this.#telling = this.#world.clock.setTimer(TELL_MS, () => this.#tell());
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { clock, random } = this.#world;
    const { signal } = this.#end;
    for (let pauseMs = AGAIN_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, AGAIN_MAX_MS)) {
      try {
        this.#copier = await this.#copy();
        if (this.#copier === undefined) return;
        this.#failure = undefined;
        await this.#copier.ended();
        this.#failure = this.#copier.failure;
      } catch (error) {
        if (signal.aborted) return;
        this.#copier = undefined;
        this.#failure = error;
        this.#events.onError(error);
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
      onError: (error) => this.#events.onError(error),
    });
  }
}
