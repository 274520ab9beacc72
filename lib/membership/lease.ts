/**
 * A lease: one key of a bucket, held by compare-and-set and renewed before it ends.
 *
 * The holder counts the end from before the last good renewal was *sent*, on its own monotonic clock, and a little short; an
 * observer counts from when it *saw* the renewal. So the holder has always stopped before anybody else may think so, without
 * comparing two clocks (Gray and Cheriton 1989, with the write-side fence of Kleppmann's "How to do distributed locking").
 *
 * @module
 */
import { decodeJsonObject } from "../codec.ts";
import { describeError, isPartiError } from "../errors.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { KvBucket, KvEntry } from "../ports/kv.ts";

/** The holder stops this much before the observers' time is over: room for clocks of unequal speed. */
const DRIFT_MARGIN = 0.05;

/** What a lease needs. */
export interface LeaseOptions {
  /** Where it is kept. */
  readonly bucket: KvBucket;
  /** Its key. */
  readonly key: string;
  /** The holder's instance; the value written must be a JSON object with this as `instance`. */
  readonly instance: string;
  /** Time. */
  readonly clock: Clock;
  /** How long the lease lasts after a renewal, in milliseconds. */
  readonly ttlMs: number;
  /** How often it is renewed, in milliseconds. */
  readonly renewEveryMs: number;
  /** The value to write, made anew for each renewal. */
  readonly value: () => Uint8Array;
  /** Told once when the lease is gone for any reason but {@linkcode Lease.release}. */
  readonly onLost: (reason: string) => void;
  /** Told after each renewal. */
  readonly onRenewed?: (ok: boolean) => void;
}

/**
 * A held lease. Made by {@linkcode acquireLease}.
 */
export class Lease {
  readonly #options: LeaseOptions;
  #revision: number;
  #endsAtMs: number;
  #state: "held" | "lost" | "released" = "held";
  #renewing: Promise<void> | undefined;
  #again = false;
  #failed = false;
  #renewTimer: Timer | undefined;
  #endTimer: Timer | undefined;

  /** Used by {@linkcode acquireLease}. */
  constructor(options: LeaseOptions, revision: number, sentAtMs: number) {
    this.#options = options;
    this.#revision = revision;
    this.#endsAtMs = this.#endOf(sentAtMs);
    this.#armEnd();
    this.#armRenewal();
  }

  /** The revision of the last good write. */
  get revision(): number {
    return this.#revision;
  }

  /** When it ends unless renewed, on the monotonic clock. */
  get endsAtMs(): number {
    return this.#endsAtMs;
  }

  /**
   * Whether it is held *now*. Looks at the clock itself: after a pause of the process timers come late, this does not.
   */
  get valid(): boolean {
    return this.#state === "held" && this.#options.clock.monotonicMs() < this.#endsAtMs;
  }

  /** Renews now, for a new value to be seen soon. Waits for a renewal under way, then writes again. */
  touch(): Promise<void> {
    if (this.#state !== "held") return Promise.resolve();
    if (this.#renewing !== undefined) {
      this.#again = true;
      return this.#renewing;
    }
    this.#renewTimer?.cancel();
    this.#renewing = this.#renewLoop().finally(() => {
      this.#renewing = undefined;
      this.#armRenewal();
    });
    return this.#renewing;
  }

  /** Renews now and tells whether that succeeded: proof that nobody had taken the lease by then. */
  async confirm(): Promise<boolean> {
    const before = this.#revision;
    await this.touch();
    return this.valid && !this.#failed && this.#revision > before;
  }

  /** Gives the lease back by compare-and-delete; a successor's lease is never touched. Throws nothing. */
  async release(): Promise<void> {
    if (this.#state !== "held") return;
    this.#end("released");
    await this.#renewing;
    try {
      await this.#options.bucket.remove(this.#options.key, this.#revision);
    } catch (error) {
      // A conflict means that it is not ours any more; anything else leaves it to expire.
      if (!isPartiError(error)) throw error;
    }
  }

  /** Stops renewing and leaves the key as it is, to expire. */
  abandon(): void {
    if (this.#state === "held") this.#end("released");
  }

  #endOf(sentAtMs: number): number {
    return sentAtMs + this.#options.ttlMs * (1 - DRIFT_MARGIN);
  }

  #end(state: "lost" | "released"): void {
    this.#state = state;
    this.#renewTimer?.cancel();
    this.#endTimer?.cancel();
  }

  #lose(reason: string): void {
    if (this.#state !== "held") return;
    this.#end("lost");
    this.#options.onLost(reason);
  }

  #armRenewal(): void {
    if (this.#state !== "held") return;
    this.#renewTimer?.cancel();
    // After a failed renewal time is short: try again sooner.
    const delayMs = this.#options.renewEveryMs * (this.#failed ? 0.25 : 1);
    this.#renewTimer = this.#options.clock.setTimer(delayMs, () => void this.touch());
  }

  #armEnd(): void {
    this.#endTimer?.cancel();
    const leftMs = Math.max(0, this.#endsAtMs - this.#options.clock.monotonicMs());
    this.#endTimer = this.#options.clock.setTimer(leftMs, () => {
      if (this.valid) this.#armEnd();
      else this.#lose("not renewed in time");
    });
  }

  async #renewLoop(): Promise<void> {
    do {
      this.#again = false;
      await this.#renewOnce();
    } while (this.#again && this.#state === "held");
  }

  async #renewOnce(): Promise<void> {
    const { bucket, key, clock, value, onRenewed } = this.#options;
    const sentAtMs = clock.monotonicMs();
    try {
      this.#revision = await bucket.update(key, value(), this.#revision);
      if (this.#state !== "held") return;
      this.#endsAtMs = this.#endOf(sentAtMs);
      this.#armEnd();
      this.#failed = false;
      onRenewed?.(true);
    } catch (error) {
      this.#failed = true;
      onRenewed?.(false);
      if (this.#state !== "held") return;
      // A lost compare is final unless it was lost to our own write whose answer never came.
      if (isPartiError(error, "PARTI_CONFLICT")) await this.#checkHolder();
      else if (!isPartiError(error)) this.#lose(describeError(error));
    }
  }

  async #checkHolder(): Promise<void> {
    const { bucket, key, instance } = this.#options;
    try {
      const entry = await bucket.get(key);
      if (entry !== undefined && holderOf(entry) === instance && entry.revision > this.#revision) {
        this.#revision = entry.revision;
        this.#again = true;
        return;
      }
      this.#lose(
        entry === undefined
          ? "its key was removed: evicted"
          : `held by ${holderOf(entry) ?? "a stranger"} now`,
      );
    } catch (error) {
      // Unreadable: the next renewal or the clock decides.
      if (!isPartiError(error)) this.#lose(describeError(error));
    }
  }
}

/**
 * Who holds a lease, as its entry says.
 *
 * @param entry the entry of the lease's key
 * @returns the instance, or undefined if the entry was removed or is not a lease
 */
export function holderOf(entry: KvEntry): string | undefined {
  if (entry.operation === "removed") return undefined;
  const instance = decodeJsonObject(entry.value)?.["instance"];
  return typeof instance === "string" ? instance : undefined;
}

/**
 * Tries to take a lease.
 *
 * @param options what the lease needs
 * @param expectedRevision take it over from the entry with this revision; without it the key must not exist
 * @returns the lease, or undefined if somebody else was faster
 * @throws {PartiError} whatever the bucket says, except a conflict
 */
export async function acquireLease(
  options: LeaseOptions,
  expectedRevision?: number,
): Promise<Lease | undefined> {
  const { bucket, key, clock, instance } = options;
  const sentAtMs = clock.monotonicMs();
  try {
    const revision = expectedRevision === undefined
      ? await bucket.create(key, options.value())
      : await bucket.update(key, options.value(), expectedRevision);
    return new Lease(options, revision, sentAtMs);
  } catch (error) {
    if (isPartiError(error, "PARTI_CONFLICT")) return undefined;
    if (!isPartiError(error, "PARTI_TIMEOUT")) throw error;
    // Unknown outcome: ours if the key carries our instance.
    const entry = await bucket.get(key);
    if (entry === undefined || holderOf(entry) !== instance) throw error;
    return new Lease(options, entry.revision, sentAtMs);
  }
}
