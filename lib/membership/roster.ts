/**
 * The roster: who is alive, as one observer sees it. One watch over all worker leases, listed again after every reconnect and on a
 * slow period, since watches can go quiet. Time is the observer's own: a worker is alive for a TTL after a *new revision* of its
 * lease was seen, whatever the clocks of others say.
 *
 * @module
 */
import { isPartiError } from "../errors.ts";
import { WORKER_KEYS, workerKeyNumber } from "../names.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { KvBucket, KvEntry, KvWatch } from "../ports/kv.ts";
import { jitter, type Random } from "../ports/random.ts";
import { decodeWorkerRecord, type WorkerRecord } from "./worker_lease.ts";

/** A worker whose lease is in the bucket. */
export interface Member {
  /** The number of its stable ID. */
  readonly idNumber: number;
  /** What its lease says. */
  readonly record: WorkerRecord;
  /** The revision of its last renewal seen. */
  readonly revision: number;
  /** When that was seen, on the observer's monotonic clock. */
  readonly seenAtMs: number;
}

/** What a roster needs. */
export interface RosterOptions {
  /** The lease bucket. */
  readonly bucket: KvBucket;
  /** Time. */
  readonly clock: Clock;
  /** Jitter. */
  readonly random: Random;
  /** A lease without renewal for this long is over, in milliseconds. */
  readonly ttlMs: number;
  /** How often everything is listed again, in milliseconds. */
  readonly relistEveryMs: number;
  /** Told after every change of who is there or what they say of themselves, renewals left out. */
  readonly onChange: () => void;
  /** Told when something could not be read; it is tried again. */
  readonly onError: (error: unknown) => void;
}

const REOPEN_MS = 200;

/** Watches the worker leases. */
export class Roster {
  readonly #options: RosterOptions;
  readonly #members = new Map<number, Member>();
  readonly #lapsed = new Set<string>();
  #watch: KvWatch | undefined;
  #relistTimer: Timer | undefined;
  #lapseTimer: Timer | undefined;
  #reopenTimer: Timer | undefined;
  #initialized = false;
  #closed = false;

  /** @param options what it needs */
  constructor(options: RosterOptions) {
    this.#options = options;
    void this.#open();
    this.#armRelist();
  }

  /** Whether everybody who was there at the beginning has been seen. */
  get initialized(): boolean {
    return this.#initialized;
  }

  /** Everybody whose lease is in the bucket, by ID number. */
  get members(): Member[] {
    return [...this.#members.values()].sort((a, b) => a.idNumber - b.idNumber);
  }

  /** Whether this member's lease is over by the observer's clock. */
  isLapsed(member: Member): boolean {
    return this.#options.clock.monotonicMs() - member.seenAtMs > this.#options.ttlMs;
  }

  /** Forgets how long nothing was heard: after the observer itself was away, that proves nothing. */
  excuseAll(): void {
    const now = this.#options.clock.monotonicMs();
    for (const [idNumber, member] of this.#members) {
      this.#members.set(idNumber, { ...member, seenAtMs: now });
    }
    this.#lapsed.clear();
    this.#armLapse();
  }

  /**
   * Ends a dead worker's lease by compare-and-delete of the revision seen last. Somebody who renewed since is not dead.
   *
   * @param member the member as it was judged
   * @returns true if the lease is gone; false if the worker turned out to be alive
   * @throws {PartiError} if the bucket cannot be written
   */
  async evict(member: Member): Promise<boolean> {
    const key = `worker.${member.idNumber}`;
    try {
      await this.#options.bucket.remove(key, member.revision);
    } catch (error) {
      if (!isPartiError(error, "PARTI_CONFLICT")) throw error;
      const entry = await this.#options.bucket.get(key);
      if (entry !== undefined && entry.revision > member.revision) {
        this.#take(entry);
        return decodeWorkerRecord(entry)?.instance !== member.record.instance;
      }
      if (entry !== undefined) return false;
    }
    if (this.#members.get(member.idNumber)?.record.instance === member.record.instance) {
      this.#members.delete(member.idNumber);
    }
    return true;
  }

  /** Lists everything now. Throws what the bucket throws. */
  async relist(): Promise<void> {
    const entries = await this.#options.bucket.list(WORKER_KEYS);
    if (this.#closed) return;
    const listed = new Set<number>();
    for (const entry of entries) {
      const idNumber = workerKeyNumber(entry.key);
      if (idNumber !== undefined) listed.add(idNumber);
      this.#take(entry);
    }
    // A key missing from the list has expired or was removed while the watch was quiet. The list may be older than the
    // watch, so only members that have been silent for a while are dropped by it.
    for (const [idNumber, member] of this.#members) {
      if (!listed.has(idNumber) && this.isLapsed(member)) {
        this.#members.delete(idNumber);
        this.#options.onChange();
      }
    }
  }

  /** Ends the watch. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#relistTimer?.cancel();
    this.#lapseTimer?.cancel();
    this.#reopenTimer?.cancel();
    await this.#watch?.close();
  }

  async #open(): Promise<void> {
    try {
      const watch = await this.#options.bucket.watch(WORKER_KEYS, {
        onEntry: (entry) => this.#take(entry),
        onInitialized: () => {
          this.#initialized = true;
          this.#options.onChange();
        },
        onLost: (error) => {
          this.#options.onError(error);
          this.#reopen();
        },
      });
      if (this.#closed) await watch.close();
      else this.#watch = watch;
    } catch (error) {
      if (this.#closed) return;
      this.#options.onError(error);
      this.#reopen();
    }
  }

  #reopen(): void {
    if (this.#closed) return;
    this.#watch = undefined;
    this.#reopenTimer?.cancel();
    this.#reopenTimer = this.#options.clock.setTimer(
      jitter(this.#options.random, REOPEN_MS),
      () => void this.#open(),
    );
  }

  #take(entry: KvEntry): void {
    if (this.#closed) return;
    const idNumber = workerKeyNumber(entry.key);
    if (idNumber === undefined) return;
    const known = this.#members.get(idNumber);
    if (known !== undefined && entry.revision <= known.revision) return;
    const record = decodeWorkerRecord(entry);
    if (record === undefined) {
      if (this.#members.delete(idNumber)) this.#options.onChange();
      return;
    }
    this.#members.set(idNumber, {
      idNumber,
      record,
      revision: entry.revision,
      seenAtMs: this.#options.clock.monotonicMs(),
    });
    this.#lapsed.delete(record.instance);
    this.#armLapse();
    if (known === undefined || says(known.record) !== says(record)) this.#options.onChange();
  }

  #armRelist(): void {
    if (this.#closed) return;
    const { clock, random, relistEveryMs } = this.#options;
    this.#relistTimer = clock.setTimer(jitter(random, relistEveryMs), () => {
      this.relist().catch((error) => this.#options.onError(error)).finally(() => this.#armRelist());
    });
  }

  /** One timer for the member that will be over first. */
  #armLapse(): void {
    this.#lapseTimer?.cancel();
    const { clock, ttlMs } = this.#options;
    let firstMs = Infinity;
    for (const member of this.#members.values()) {
      if (!this.#lapsed.has(member.record.instance)) firstMs = Math.min(firstMs, member.seenAtMs);
    }
    if (firstMs === Infinity || this.#closed) return;
    const delayMs = Math.max(0, firstMs + ttlMs - clock.monotonicMs()) + 1;
    this.#lapseTimer = clock.setTimer(delayMs, () => {
      for (const member of this.#members.values()) {
        if (this.isLapsed(member)) this.#lapsed.add(member.record.instance);
      }
      this.#options.onChange();
      this.#armLapse();
    });
  }
}

/** A member's record as one comparable text. */
function says(record: WorkerRecord): string {
  return JSON.stringify(record);
}
