/**
 * Worlds in which some operations do something else: fail, take long, or say more. Only tests import this.
 *
 * @module
 */
import type { FeedStore } from "../ports/feed.ts";
import type { KvBucket, KvStore } from "../ports/kv.ts";
import type { Messaging } from "../ports/messaging.ts";
import type { World } from "../ports/world.ts";

/** A thing with some of its methods replaced. */
function replaced<Thing extends object>(real: Thing, changes: Partial<Thing>): Thing {
  return new Proxy(real, {
    get: (target, name) => {
      const value = Reflect.get(changes, name) ?? Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/**
 * A world whose buckets are changed.
 *
 * @param world the world
 * @param change for each bucket that is opened, the operations that are to be others
 */
export function changedBuckets(
  world: World,
  change: (bucket: KvBucket) => Partial<KvBucket>,
): World {
  const open: KvStore["open"] = async (...args) => {
    const real = await world.kv.open(...args);
    return replaced(real, change(real));
  };
  return { ...world, kv: replaced(world.kv, { open }) };
}

/**
 * A world whose streams are changed.
 *
 * @param world the world
 * @param changes the operations that are to be others
 */
export function changedFeed(world: World, changes: Partial<FeedStore>): World {
  return { ...world, feed: replaced(world.feed, changes) };
}

/**
 * A world whose messaging is changed.
 *
 * @param world the world
 * @param changes the operations that are to be others
 */
export function changedMessaging(world: World, changes: Partial<Messaging>): World {
  return { ...world, messaging: replaced(world.messaging, changes) };
}
