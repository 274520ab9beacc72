/**
 * The real world: everything the library needs, over one NATS connection.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import { NO_BUGGIFY } from "../buggify.ts";
import type { World } from "../world.ts";
import type { NatsConnection } from "./client_types.ts";
import { systemClock } from "./clock.ts";
import { natsDepartures } from "./departures.ts";
import { natsFeed, type NatsFeedOptions } from "./feed.ts";
import { natsKv, type NatsKvOptions } from "./kv.ts";
import { linkOf } from "./link.ts";
import { natsMessaging } from "./messaging.ts";
import { systemRandom } from "./random.ts";

export type { ConnectionOptions, NatsConnection } from "./client_types.ts";
export { connectNats, recommendedConnectionOptions } from "./connect.ts";
export type { NatsFeedOptions } from "./feed.ts";
export type { NatsKvOptions } from "./kv.ts";
export type { PullOptions } from "./pull.ts";

/** How the adapters behave. */
export interface NatsWorldOptions {
  /**
   * How long a call to a bucket, a stream or a consumer may take, in milliseconds; 5,000 unless given. It holds for the connection, so
   * for all worlds over it.
   */
  readonly timeoutMs?: number;
  /** Buckets. */
  readonly kv?: NatsKvOptions;
  /** Streams and consumers. */
  readonly feed?: NatsFeedOptions;
}

/**
 * The real world over a connection. It holds one subscription and one status listener on the connection, which end
 * with it; there is nothing else to close. Several managers of one process may share a connection, over one world or over one each: they
 * then share what they watch, which saves memory and messages, and a connection that goes is gone for all of them.
 *
 * @param nc the connection, best made with {@linkcode recommendedConnectionOptions}
 * @param options how the adapters behave
 * @returns the world
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for a timeout that is not above 0, pulls that no server serves, or a connection with `noEcho`
 */
export function natsWorld(nc: NatsConnection, options: NatsWorldOptions = {}): World {
  if ((nc as { options?: { noEcho?: boolean } }).options?.noEcho === true) {
    throw new PartiError("PARTI_INVALID_CONFIG", "the connection has noEcho", {
      hint:
        "leave it out: workers over one connection would not hear each other, and take each other for dead",
    });
  }
  const { timeoutMs } = options;
  if (timeoutMs !== undefined) {
    if (!Number.isFinite(timeoutMs) || timeoutMs <= 0) {
      throw new PartiError("PARTI_INVALID_CONFIG", `timeoutMs is ${timeoutMs}`, {
        value: timeoutMs,
        hint: "it must be a number of milliseconds above 0",
      });
    }
    linkOf(nc).timeoutMs = timeoutMs;
  }
  return {
    clock: systemClock,
    random: systemRandom,
    kv: natsKv(nc, options.kv),
    feed: natsFeed(nc, options.feed),
    messaging: natsMessaging(nc),
    departures: natsDepartures(nc),
    buggify: NO_BUGGIFY,
  };
}
