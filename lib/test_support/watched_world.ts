/**
 * A world that counts: every operation on the server, every timer that is pending, everything that is open. It can do something at
 * the n-th operation, such as giving up or failing. Only tests import this.
 *
 * @module
 */
import type { Clock } from "../ports/clock.ts";
import type { World } from "../ports/world.ts";

/** A world and what is known of it. */
export interface WatchedWorld {
  /** The world. */
  readonly world: World;
  /** The names of all operations on the server so far. */
  readonly operations: readonly string[];
  /** How many timers are pending. */
  readonly pendingTimers: number;
  /** How many subscriptions, watches, pulls and status listeners are open. */
  readonly openCount: number;
  /** Called before each operation with its number, from 0. What it throws is what the operation throws. */
  onOperation: (number: number, name: string) => void | Promise<void>;
}

const BUCKET_METHODS = [
  "create",
  "update",
  "put",
  "get",
  "remove",
  "erase",
  "list",
  "watch",
] as const;
const FEED_METHODS = [
  "streamInfo",
  "createConsumer",
  "shrinkConsumer",
  "rewindConsumer",
  "deleteConsumer",
  "consumerInfo",
  "listConsumers",
] as const;

/**
 * Watches a world.
 *
 * @param inner the world
 * @returns the same world, watched
 */
export function watchWorld(inner: World): WatchedWorld {
  const operations: string[] = [];
  const timers = new Set<object>();
  const open = new Set<object>();
  let onOperation: WatchedWorld["onOperation"] = () => {};
  const call = (name: string) => onOperation(operations.push(name) - 1, name);

  const opened = <T extends { close(): unknown }>(thing: T): T => {
    open.add(thing);
    const close = thing.close.bind(thing);
    thing.close = () => {
      open.delete(thing);
      return close();
    };
    return thing;
  };
  /** Counts the calls of these methods, all of which answer with a promise, and replaces others. */
  const counted = <T extends object>(
    what: string,
    target: T,
    names: readonly (keyof T)[],
    replaced: Partial<T> = {},
  ): T =>
    new Proxy(target, {
      get(_, name) {
        const value: unknown = Reflect.get(name in replaced ? replaced : target, name, target);
        if (typeof value !== "function" || name in replaced) return value;
        if (!names.includes(name as keyof T)) return value.bind(target);
        return async (...args: unknown[]) => {
          await call(`${what}.${String(name)}`);
          const result = await value.apply(target, args);
          return name === "watch" ? opened(result) : result;
        };
      },
    });
  const { kv, feed, messaging, clock } = inner;
  const world: World = {
    random: inner.random,
    clock: watchedClock(clock, timers),
    buggify: inner.buggify,
    kv: counted("kv", kv, [], {
      open: async (name, options, onDrift) => {
        await call("kv.open");
        const bucket = await kv.open(name, options, onDrift);
        return counted("bucket", bucket, BUCKET_METHODS);
      },
    }),
    feed: counted("feed", feed, FEED_METHODS, {
      pull: (...args) => opened(feed.pull(...args)),
    }),
    messaging: counted("messaging", messaging, ["request", "flush"], {
      subscribe: (...args) => opened(messaging.subscribe(...args)),
      onStatus: (...args) => opened(messaging.onStatus(...args)),
      onRefused: (...args) => opened(messaging.onRefused(...args)),
    }),
  };
  return {
    world,
    operations,
    get pendingTimers() {
      return timers.size;
    },
    get openCount() {
      return open.size;
    },
    get onOperation() {
      return onOperation;
    },
    set onOperation(value) {
      onOperation = value;
    },
  };
}

function watchedClock(clock: Clock, pending: Set<object>): Clock {
  return {
    monotonicMs: () => clock.monotonicMs(),
    wallMs: () => clock.wallMs(),
    setTimer(delayMs, fire) {
      const key = {};
      pending.add(key);
      const timer = clock.setTimer(delayMs, () => {
        pending.delete(key);
        fire();
      });
      return {
        cancel: () => {
          pending.delete(key);
          timer.cancel();
        },
      };
    },
  };
}
