/**
 * The real world: everything the library needs, over one NATS connection.
 *
 * @module
 */
import type { World } from "../world.ts";
import type { NatsConnection } from "./client_types.ts";
import { systemClock } from "./clock.ts";
import { natsFeed, type NatsFeedOptions } from "./feed.ts";
import { natsKv, type NatsKvOptions } from "./kv.ts";
import { natsMessaging } from "./messaging.ts";
import { systemRandom } from "./random.ts";

export type { ConnectionOptions, NatsConnection } from "./client_types.ts";
export { connectNats, recommendedConnectionOptions } from "./connect.ts";
export type { NatsFeedOptions } from "./feed.ts";
export type { NatsKvOptions } from "./kv.ts";
export type { PullOptions } from "./pull.ts";

/** How the adapters behave. */
export interface NatsWorldOptions {
  /** Buckets. */
  readonly kv?: NatsKvOptions;
  /** Streams and consumers. */
  readonly feed?: NatsFeedOptions;
}

/**
 * The real world over a connection. It holds one subscription and one status listener on the connection, which end
 * with it; there is nothing else to close.
 *
 * @param nc the connection, best made with {@linkcode recommendedConnectionOptions}
 * @param options how the adapters behave
 * @returns the world
 */
export function natsWorld(nc: NatsConnection, options: NatsWorldOptions = {}): World {
  return {
    clock: systemClock,
    random: systemRandom,
    kv: natsKv(nc, options.kv),
    feed: natsFeed(nc, options.feed),
    messaging: natsMessaging(nc),
  };
}
