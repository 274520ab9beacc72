/**
 * Everything `lib/` needs of the world, in one bundle.
 *
 * @module
 */
import type { Buggify } from "./buggify.ts";
import type { Clock } from "./clock.ts";
import type { Departures } from "./departures.ts";
import type { FeedStore } from "./feed.ts";
import type { KvStore } from "./kv.ts";
import type { Messaging } from "./messaging.ts";
import type { Random } from "./random.ts";

/** The world a worker lives in: the real one from `nats/world.ts`, or a simulated one. */
export interface World {
  /** Time. */
  readonly clock: Clock;
  /** Randomness. */
  readonly random: Random;
  /** Buckets. */
  readonly kv: KvStore;
  /** Streams and consumers. */
  readonly feed: FeedStore;
  /** Core messaging. */
  readonly messaging: Messaging;
  /** Hints that somebody has gone. Without them all goes as well, only the death of one of many is noticed later. */
  readonly departures?: Departures;
  /** Places that may misbehave on purpose; in production {@linkcode NO_BUGGIFY}. */
  readonly buggify: Buggify;
}
