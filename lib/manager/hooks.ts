/**
 * What the application is told, and how: one call at a time, in order, awaited.
 *
 * @module
 */
import type { Partition } from "../assignment/partition.ts";
import { describeError, PartiError } from "../errors.ts";
import type { ManagerState } from "./state.ts";

/** What this worker owns. Frozen all through: it is shared, and nobody can change it for others. */
export interface Assignment {
  /** The leader's epoch. */
  readonly epoch: number;
  /** The generation. */
  readonly generation: number;
  /** The partitions, sorted by identity. */
  readonly partitions: readonly Partition[];
}

/** What changed from one assignment to the next. */
export interface AssignmentChange {
  /** Partitions that are this worker's from now on. */
  readonly added: readonly Partition[];
  /** Partitions that are this worker's no longer. */
  readonly removed: readonly Partition[];
  /** All partitions that are this worker's now. */
  readonly all: readonly Partition[];
  /** The epoch and generation that made it so. */
  readonly assignment: Assignment;
}

/** How serious a time in degraded mode has become. */
export type AlertLevel = "info" | "warn" | "error" | "critical";

/**
 * Call-backs into the application. Calls never overlap and come in the order of what they tell. What a hook throws goes to
 * `onError` and changes nothing else. After `Manager.stop()` has returned none is called any more.
 *
 * A hook that waits for the worker itself (`await manager.stop()`, `await manager.waitState(…)`) waits for its own end: start such
 * things without awaiting them.
 */
export interface Hooks {
  /**
   * The assignment changed; called for the first one too, and with everything in `removed` when the worker stops or loses its lease.
   * The worker tells the leader that it has applied a generation, and gives its lease back, only after this has returned, or after
   * `shutdownTimeout`. Nobody else waits for that: where the application consumes by itself, the next owner may be told that a partition is
   * its own while the former one is still being told, or has not heard of it yet.
   */
  onAssignmentChanged?(change: AssignmentChange): void | Promise<void>;
  /** The state changed. */
  onStateChanged?(from: ManagerState, to: ManagerState): void | Promise<void>;
  /** This worker became the leader (with its epoch) or is the leader no longer. */
  onLeadershipChanged?(isLeader: boolean, epoch: number | undefined): void | Promise<void>;
  /** The server has been out of reach for long; repeated at each level. */
  onDegradedAlert?(level: AlertLevel, durationMs: number): void | Promise<void>;
  /**
   * Something failed. The library goes on and tries again; this is for the log. Only a message that failed too often (`PARTI_POISON`) is
   * not tried again by itself. That a handler failed is not told here before: see the log, and `failing` in `consumerHealth`. While a hook does not return, at most 1,000 calls wait
   * because of errors: those that come after are told as one `PARTI_HOOK_STALLED`, with their number as `value` and the last of them
   * as `cause`. All other hooks are called for each event, however many wait.
   */
  onError?(error: unknown): void | Promise<void>;
}

/** Something that happened, for `Manager.events()`. */
export type ManagerEvent =
  | { readonly type: "state"; readonly from: ManagerState; readonly to: ManagerState }
  | { readonly type: "assignment"; readonly change: AssignmentChange }
  | { readonly type: "leadership"; readonly isLeader: boolean; readonly epoch: number | undefined }
  | { readonly type: "alert"; readonly level: AlertLevel; readonly durationMs: number }
  | { readonly type: "error"; readonly error: unknown };

/** An iterator that lags behind by more than this many events loses the oldest. */
const BACKLOG_MAX = 1_000;

/** When so many calls wait, further errors are only counted. */
const WAITING_MAX = 1_000;

/** Errors that are only counted. */
interface Untold {
  count: number;
  last: unknown;
}

/** Calls hooks one after another and feeds the iterators. */
export class HookQueue {
  readonly #hooks: Hooks;
  readonly #feeds = new Set<EventFeed>();
  #tail: Promise<void> = Promise.resolve();
  /** How many calls wait for their turn. */
  #waiting = 0;
  /** Told as one in a call that waits already. */
  #untold: Untold | undefined;
  #closed = false;

  /** @param hooks the application's call-backs */
  constructor(hooks: Hooks) {
    this.#hooks = hooks;
  }

  /**
   * Tells an event. Does nothing after {@linkcode close}.
   *
   * @param event the event
   * @returns when the hook has returned, however it did
   */
  emit(event: ManagerEvent): Promise<void> {
    if (this.#closed) return this.#tail;
    for (const feed of this.#feeds) feed.push(event);
    const isFull = this.#untold !== undefined || this.#waiting >= WAITING_MAX;
    // Errors come as often as something is tried; all else is seldom, and somebody goes by each of it.
    return event.type === "error" && isFull ? this.#count(event.error) : this.#enqueue(() => event);
  }

  /** Resolves when every hook called so far has returned. */
  idle(): Promise<void> {
    return this.#tail;
  }

  /** A new iterator over what happens from now on. It ends with the worker, and at once if that has ended. */
  iterate(): AsyncIterableIterator<ManagerEvent> {
    const feed = new EventFeed(() => this.#feeds.delete(feed));
    if (this.#closed) feed.end();
    else this.#feeds.add(feed);
    return feed;
  }

  /** Ends all iterators and calls no hook any more, also none that waits for its turn. */
  close(): void {
    this.#closed = true;
    for (const feed of this.#feeds) feed.end();
    this.#feeds.clear();
  }

  #enqueue(next: () => ManagerEvent): Promise<void> {
    this.#waiting++;
    this.#tail = this.#tail.then(() => {
      this.#waiting--;
      return this.#call(next());
    });
    return this.#tail;
  }

  #count(error: unknown): Promise<void> {
    if (this.#untold !== undefined) {
      this.#untold.count++;
      this.#untold.last = error;
      return this.#tail;
    }
    const untold: Untold = { count: 1, last: error };
    this.#untold = untold;
    return this.#enqueue(() => {
      this.#untold = undefined;
      return { type: "error", error: asOne(untold) };
    });
  }

  async #call(event: ManagerEvent): Promise<void> {
    if (this.#closed) return;
    try {
      await this.#dispatch(event);
    } catch (error) {
      for (const feed of this.#feeds) feed.push({ type: "error", error });
      // What the error hook throws must not come back to it; and it may have taken until after the end.
      if (event.type === "error" || this.#closed) return;
      try {
        await this.#hooks.onError?.(error);
      } catch {
        // An error hook that throws has nobody left to be told.
      }
    }
  }

  #dispatch(event: ManagerEvent): void | Promise<void> {
    switch (event.type) {
      case "state":
        return this.#hooks.onStateChanged?.(event.from, event.to);
      case "assignment":
        return this.#hooks.onAssignmentChanged?.(event.change);
      case "leadership":
        return this.#hooks.onLeadershipChanged?.(event.isLeader, event.epoch);
      case "alert":
        return this.#hooks.onDegradedAlert?.(event.level, event.durationMs);
      case "error":
        return this.#hooks.onError?.(event.error);
    }
  }
}

function asOne({ count, last }: Untold): unknown {
  if (count === 1) return last;
  const message = `${count} errors came while a hook did not return; the last: ${
    describeError(last)
  }`;
  return new PartiError("PARTI_HOOK_STALLED", message, {
    value: count,
    cause: last,
    hint:
      "a hook is awaited before the next one is called: start what takes long without awaiting it",
  });
}

class EventFeed implements AsyncIterableIterator<ManagerEvent> {
  readonly #backlog: ManagerEvent[] = [];
  readonly #waiters: ((result: IteratorResult<ManagerEvent>) => void)[] = [];
  readonly #onEnd: () => void;
  #ended = false;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  push(event: ManagerEvent): void {
    if (this.#ended) return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) return waiter({ value: event, done: false });
    this.#backlog.push(event);
    if (this.#backlog.length > BACKLOG_MAX) this.#backlog.shift();
  }

  end(): void {
    this.#ended = true;
    for (const waiter of this.#waiters.splice(0)) waiter({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<ManagerEvent>> {
    const event = this.#backlog.shift();
    if (event !== undefined) return Promise.resolve({ value: event, done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  return(): Promise<IteratorResult<ManagerEvent>> {
    this.#backlog.length = 0;
    this.end();
    this.#onEnd();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
