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
/** After a renewal that was not confirmed time is short: the next one comes after this part of the usual time. */
const RETRY_FACTOR = 0.25;
/** How often a release is tried against renewals of our own whose outcome was unknown. */
const RELEASE_ATTEMPTS = 3;

const nothing = (): void => {};

/** What a lease needs. Its call-backs must not throw. */
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
  /** What is left in its place when it is given back, for those who must tell that from a key that vanished; nothing unless given. */
  readonly released?: Uint8Array;
  /** Told once when the lease is gone for any reason but {@linkcode Lease.release} and {@linkcode Lease.abandon}. */
  readonly onLost: (reason: string) => void;
  /** Told when a renewal was confirmed, or failed and is tried again. */
  readonly onRenewed?: (ok: boolean) => void;
}

/**
 * A held lease. Made by `acquireLease`. It renews itself from its first moment on and never writes blindly.
 */
export class Lease {
  readonly #options: LeaseOptions;
  #revision: number;
  #endsAtMs: number;
  #state: "held" | "lost" | "released" = "held";
  #renewing: Promise<void> | undefined;
  #again = false;
  /** Renewals are numbered, so that {@linkcode Lease.confirm} can tell an answer to its own from an older one. */
  #lastSent = 0;
  #lastConfirmed = 0;
  #stopWaiting: () => void = nothing;
  #renewTimer: Timer | undefined;
  #endTimer: Timer | undefined;

  /**
   * Used by `acquireLease`.
   *
   * @param options what it needs
   * @param revision the revision of the write that took it
   * @param sentAtMs a time before that write was sent, on the monotonic clock
   */
  constructor(options: LeaseOptions, revision: number, sentAtMs: number) {
    this.#options = options;
    this.#revision = revision;
    this.#endsAtMs = this.#endOf(sentAtMs);
    this.#armEnd();
    this.#armRenewal(options.renewEveryMs);
  }

  /** The revision of the last write known to be ours. */
  get revision(): number {
    return this.#revision;
  }

  /** When it ends unless renewed, in milliseconds on the monotonic clock. */
  get endsAtMs(): number {
    return this.#endsAtMs;
  }

  /**
   * Whether it is held *now*. Looks at the clock itself: after a pause of the process timers come late, this does not. Once false
   * it never becomes true again.
   */
  get valid(): boolean {
    return this.#state === "held" && !this.#isOver();
  }

  /**
   * Renews now, for a new value to be seen soon. Behind a renewal under way another one is sent.
   *
   * @returns when the renewal was confirmed, has failed, or was waited for long enough; never rejects
   */
  touch(): Promise<void> {
    if (this.#state !== "held") return Promise.resolve();
    this.#again = true;
    this.#renewing ??= this.#renewLoop();
    return this.#renewing;
  }

  /**
   * Renews now and tells whether that succeeded: proof that nobody had taken the lease by then.
   *
   * @returns true if a renewal sent after this call was confirmed and the lease is still valid
   */
  async confirm(): Promise<boolean> {
    const sentBefore = this.#lastSent;
    await this.touch();
    return this.valid && this.#lastConfirmed > sentBefore;
  }

  /**
   * Gives the lease back by a compare; a successor's lease is never touched. What cannot be given back is left to
   * expire.
   *
   * @returns when it is given back or left; never rejects
   */
  async release(): Promise<void> {
    if (this.#state !== "held") return;
    this.#end("released");
    // The answer of a renewal under way says which revision to remove.
    await this.#renewing;
    const { bucket, key, released } = this.#options;
    for (let attempt = 0; attempt < RELEASE_ATTEMPTS; attempt++) {
      const revision = this.#revision;
      try {
        if (released === undefined) await bucket.remove(key, revision);
        else await bucket.update(key, released, revision);
        return;
      } catch (error) {
        if (!isPartiError(error, "PARTI_CONFLICT") || !await this.#findOwnWrite(revision)) return;
      }
    }
  }

  /** Stops renewing and leaves the key as it is, to expire. */
  abandon(): void {
    if (this.#state !== "held") return;
    this.#end("released");
    this.#stopWaiting();
  }

  #endOf(sentAtMs: number): number {
    return sentAtMs + this.#options.ttlMs * (1 - DRIFT_MARGIN);
  }

  #isOver(): boolean {
    return this.#options.clock.monotonicMs() >= this.#endsAtMs;
  }

  #end(state: "lost" | "released"): void {
    this.#state = state;
    this.#renewTimer?.cancel();
    this.#endTimer?.cancel();
  }

  #lose(reason: string): void {
    if (this.#state !== "held") return;
    this.#end("lost");
    this.#stopWaiting();
    this.#options.onLost(reason);
  }

  /** Over by its own clock is over for good: a renewal must not bring back what others were already told is gone. */
  #loseIfOver(): boolean {
    if (this.#isOver()) this.#lose("not renewed in time");
    return this.#state !== "held";
  }

  #armRenewal(delayMs: number): void {
    if (this.#state !== "held") return;
    this.#renewTimer?.cancel();
    this.#renewTimer = this.#options.clock.setTimer(delayMs, () => void this.touch());
  }

  #armEnd(): void {
    this.#endTimer?.cancel();
    const leftMs = Math.max(0, this.#endsAtMs - this.#options.clock.monotonicMs());
    this.#endTimer = this.#options.clock.setTimer(leftMs, () => {
      if (!this.#loseIfOver()) this.#armEnd();
    });
  }

  async #renewLoop(): Promise<void> {
    this.#renewTimer?.cancel();
    let ok = false;
    try {
      while (this.#again && this.#state === "held") {
        this.#again = false;
        ok = await this.#renewOnce();
      }
    } finally {
      // In the same turn as the last look at `#again`: a touch in between would be forgotten.
      this.#renewing = undefined;
      this.#armRenewal(this.#options.renewEveryMs * (ok ? 1 : RETRY_FACTOR));
    }
  }

  /**
   * Sends one renewal and waits for its answer, but not so long that one lost answer costs the lease. An answer that comes later
   * still counts.
   */
  async #renewOnce(): Promise<boolean> {
    if (this.#loseIfOver()) return false;
    const { clock, renewEveryMs } = this.#options;
    const { promise: waitedEnough, resolve } = Promise.withResolvers<false>();
    // Where a lease lasts for no more than two renewals, all of one would leave no time for another.
    const leftMs = this.#endsAtMs - clock.monotonicMs();
    const timer = clock.setTimer(Math.min(renewEveryMs, leftMs / 2), () => resolve(false));
    this.#stopWaiting = () => {
      timer.cancel();
      resolve(false);
    };
    const ok = await Promise.race([this.#write(), waitedEnough]);
    this.#stopWaiting();
    this.#stopWaiting = nothing;
    return ok;
  }

  /** One compare-and-set. Tells whether it was confirmed; never rejects. */
  async #write(): Promise<boolean> {
    const { bucket, key, clock, value, onRenewed } = this.#options;
    const number = ++this.#lastSent;
    const sentAtMs = clock.monotonicMs();
    try {
      const revision = await bucket.update(key, value(), this.#revision);
      this.#revision = Math.max(this.#revision, revision);
      // Judged by the end as it was before this answer.
      if (this.#state !== "held" || this.#loseIfOver()) return false;
      this.#lastConfirmed = Math.max(this.#lastConfirmed, number);
      this.#endsAtMs = Math.max(this.#endsAtMs, this.#endOf(sentAtMs));
      this.#armEnd();
    } catch (error) {
      if (this.#state !== "held") return false;
      if (isPartiError(error, "PARTI_CONFLICT")) await this.#judgeConflict();
      else if (isPartiError(error)) onRenewed?.(false);
      else this.#lose(describeError(error));
      return false;
    }
    onRenewed?.(true);
    return true;
  }

  /** A lost compare is final unless it was lost to a write of our own whose answer never came. */
  async #judgeConflict(): Promise<void> {
    const { bucket, key, instance } = this.#options;
    let entry: KvEntry | undefined;
    try {
      entry = await bucket.get(key);
    } catch {
      // Unreadable: the next renewal or the clock decides.
      return;
    }
    if (this.#state !== "held") return;
    if (entry === undefined) return this.#lose("its key was removed: evicted");
    // Not newer than what we know: a stale read, or our own write answered meanwhile. The next renewal or the clock decides.
    if (entry.revision <= this.#revision) return;
    const holder = holderOf(entry);
    if (holder !== instance) return this.#lose(`held by ${holder ?? "a stranger"} now`);
    this.#revision = entry.revision;
    this.#again = true;
  }

  /** Looks for a write of our own above a revision. Its answer may have come by now, and have told which it is. */
  async #findOwnWrite(revision: number): Promise<boolean> {
    const { bucket, key, instance } = this.#options;
    try {
      const entry = await bucket.get(key);
      if (entry === undefined || holderOf(entry) !== instance) return false;
      this.#revision = Math.max(this.#revision, entry.revision);
      return this.#revision > revision;
    } catch {
      return false;
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
 * How long a lease's holder counts on it after a renewal, as its entry says: it may have been configured otherwise than whoever reads it,
 * as during a rolling change of the configuration.
 *
 * @param entry the entry of the lease's key
 * @returns milliseconds; 0 if the entry does not say, as those of earlier versions
 */
export function ttlOf(entry: KvEntry): number {
  const ttlMs = decodeJsonObject(entry.value)?.["ttlMs"];
  return typeof ttlMs === "number" && ttlMs > 0 ? ttlMs : 0;
}
