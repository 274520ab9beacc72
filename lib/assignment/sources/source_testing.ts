/**
 * A clock, randomness and a bucket for tests of sources, moved by hand.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { KvBucket, KvEntry, KvWatch, KvWatchHandler } from "../../ports/kv.ts";
import type { Random } from "../../ports/random.ts";

/** A clock that stands still until it is told to go on. */
export class HandClock implements Clock {
  #nowMs = 0;
  #timers: { atMs: number; fire: () => void }[] = [];

  /** How many timers are pending. */
  get pending(): number {
    return this.#timers.length;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, fire };
    this.#timers.push(timer);
    return { cancel: () => this.#timers = this.#timers.filter((one) => one !== timer) };
  }

  /** Lets time pass, fires what is due in order, and lets all promises settle after each. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await settled();
      const next = this.#timers.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (!next || next.atMs > untilMs) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#nowMs = next.atMs;
      next.fire();
    }
    this.#nowMs = untilMs;
  }
}

/** Lets everything run that is ready to run. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

/** Randomness that always is one half. */
export const half: Random = { float: () => 0.5, uuid: () => "00000000" };

/** A bucket in memory whose watches can be lost and whose reads can be behind. */
export class HandBucket implements KvBucket {
  readonly name = "config";
  readonly #entries = new Map<string, KvEntry>();
  readonly watchers = new Set<{ pattern: string; handler: KvWatchHandler }>();
  #revision = 0;
  /** What `get` answers with instead of the truth. */
  stale: KvEntry | undefined;
  /** Refuses to open watches. */
  refuseWatches = false;

  put(key: string, value: Uint8Array): Promise<number> {
    return Promise.resolve(this.#write(key, value, "put"));
  }

  remove(key: string): Promise<void> {
    this.#write(key, new Uint8Array(), "removed");
    return Promise.resolve();
  }

  get(key: string): Promise<KvEntry | undefined> {
    if (this.stale) return Promise.resolve(this.stale);
    const entry = this.#entries.get(key);
    return Promise.resolve(entry?.operation === "put" ? entry : undefined);
  }

  watch(pattern: string, handler: KvWatchHandler): Promise<KvWatch> {
    if (this.refuseWatches) {
      return Promise.reject(new PartiError("PARTI_DISCONNECTED", "no connection"));
    }
    const watcher = { pattern, handler };
    this.watchers.add(watcher);
    const entry = this.#entries.get(pattern);
    if (entry) handler.onEntry(entry);
    handler.onInitialized?.();
    return Promise.resolve({
      close: () => {
        this.watchers.delete(watcher);
        return Promise.resolve();
      },
    });
  }

  /** Ends all watches, as a connection does that is gone for good. */
  loseWatches(error = new PartiError("PARTI_DISCONNECTED", "gone")): void {
    const lost = [...this.watchers];
    this.watchers.clear();
    for (const { handler } of lost) handler.onLost(error);
  }

  /** Removes the bucket and makes it anew; watches notice. */
  remake(): void {
    this.#entries.clear();
    this.#revision = 0;
    this.loseWatches(new PartiError("PARTI_NOT_FOUND", "the bucket was made anew"));
  }

  create(): Promise<number> {
    throw new Error("not needed");
  }

  update(): Promise<number> {
    throw new Error("not needed");
  }

  erase(): Promise<void> {
    throw new Error("not needed");
  }

  list(): Promise<KvEntry[]> {
    throw new Error("not needed");
  }

  #write(key: string, value: Uint8Array, operation: KvEntry["operation"]): number {
    const entry = { key, value, revision: ++this.#revision, operation };
    this.#entries.set(key, entry);
    for (const { pattern, handler } of this.watchers) {
      if (pattern === key) handler.onEntry(entry);
    }
    return this.#revision;
  }
}
