/**
 * The simulated world: everything the library needs, over one simulated connection.
 *
 * @module
 */
import { type Buggify, NO_BUGGIFY } from "../../ports/buggify.ts";
import type { World } from "../../ports/world.ts";
import type { SimLink } from "./link.ts";
import type { ModelServer } from "./server.ts";
import { simFeed, type SimFeedOptions } from "./sim_feed.ts";
import { simKv } from "./sim_kv.ts";
import { simMessaging } from "./sim_messaging.ts";

/** How the adapters behave. */
export interface SimWorldOptions {
  /** Streams and consumers. */
  readonly feed?: SimFeedOptions;
  /** Decides for a process which places of the library misbehave; none do unless given. */
  readonly buggify?: (owner: string) => Buggify;
}

/**
 * Makes worlds over connections to one server. Time and randomness are those of the process a connection belongs to.
 *
 * @param server the server; what it keeps is shared by all its worlds
 * @param options how the adapters behave
 * @returns makes the world of a connection
 */
export function simWorld(
  server: ModelServer,
  options: SimWorldOptions = {},
): (link: SimLink) => World {
  const feedOf = simFeed(server, options.feed);
  return (link) => ({
    clock: link.owner.clock,
    random: link.owner.random,
    // Subscriptions have to be renewed before a watch acts on the news that the connection is back.
    messaging: simMessaging(link),
    kv: simKv(link),
    feed: feedOf(link),
    buggify: options.buggify?.(link.owner.name) ?? NO_BUGGIFY,
  });
}
