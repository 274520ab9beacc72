/**
 * The roster: who is alive, as one observer sees it. One watch over all worker leases, listed again after every reconnect and on a
 * slow period, since watches can go quiet. Time is the observer's own: a worker is alive for a TTL after a *new revision* of its
 * lease was seen, whatever the clocks of others say.
 *
 * @module
 */
import { isPartiError } from "../errors.ts";
import { WORKER_KEYS, workerKey, workerKeyNumber } from "../names.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { KvBucket, KvEntry } from "../ports/kv.ts";
import { jitter, type Random } from "../ports/random.ts";
import { EntryReader } from "./entry_reader.ts";
import { SteadyWatch } from "./steady_watch.ts";
import { decodeWorkerRecord, type WorkerRecord } from "./worker_lease.ts";

/** A worker whose lease is in the bucket. */
export interface Member {
  /** The number of its stable ID. */
  readonly idNumber: number;
  /** What its lease says. */
  readonly record: WorkerRecord;
  /** The revision of its last renewal seen. */
  readonly revision: number;
  /** When that was seen, in milliseconds on the observer's monotonic clock. */
  readonly seenAtMs: number;
}

/** What a roster needs. Its call-backs must not throw, and none comes after {@linkcode Roster.close}. */
export interface RosterOptions {
  /** The lease bucket. */
  readonly bucket: KvBucket;
  /** Time. */
  readonly clock: Clock;
  /** Jitter. */
  readonly random: Random;
  /** A lease without renewal for this long is over, in milliseconds, unless its holder says that it counts on it for longer. */
  readonly ttlMs: number;
  /** How often everything is listed again, in milliseconds. */
  readonly relistEveryMs: number;
  /** Told after every change of who is there or what they say of themselves, and when somebody lapses; renewals left out. */
  readonly onChange: () => void;
  /** Told when something could not be read; it is tried again. */
  readonly onError: (error: unknown) => void;
}

/** Watches the worker leases. */
export class Roster {
  readonly #options: RosterOptions;
  readonly #members = new Map<number, Member>();
  readonly #records = new EntryReader(decodeWorkerRecord);
  /** The newest known revision of each number, removals too: what comes late from a list or a watch brings nobody back. */
  readonly #known = new Map<number, number>();
  /** Members whose lapse has been told. */
  readonly #lapsed = new Set<number>();
  readonly #watch: SteadyWatch;
  #relistTimer: Timer | undefined;
  #lapseTimer: Timer | undefined;
  /** When it fires. */
  #lapseAtMs = Infinity;
  #initialized = false;
  #closed = false;

  /**
   * Begins to watch.
   *
   * @param options what it needs
   */
  constructor(options: RosterOptions) {
    this.#options = options;
    this.#watch = new SteadyWatch({
      bucket: options.bucket,
      pattern: WORKER_KEYS,
      clock: options.clock,
      random: options.random,
      onEntry: (entry) => this.#take(entry),
      onInitialized: () => {
        this.#initialized = true;
        options.onChange();
      },
      // Whoever is alive writes to the new bucket; the others lapse.
      onAnew: () => this.#known.clear(),
      onError: options.onError,
    });
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

  /**
   * Whether a member's lease is over by the observer's clock.
   *
   * @param member the member
   * @returns true if nothing new was seen of it for a TTL
   */
  isLapsed(member: Member): boolean {
    return this.#options.clock.monotonicMs() > this.#endOf(member);
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
   * @throws {PartiError} if the bucket cannot be written; it may then be gone or not: judge again
   */
  async evict(member: Member): Promise<boolean> {
    const { bucket } = this.#options;
    const key = workerKey(member.idNumber);
    const { instance } = member.record;
    try {
      await bucket.remove(key, member.revision);
    } catch (error) {
      if (!isPartiError(error, "PARTI_CONFLICT")) throw error;
      // A read that finds nothing may be one from before the lease; what is missing from a list is not there.
      const entry = await bucket.get(key) ?? (await bucket.list(key)).at(0);
      if (entry !== undefined) {
        this.#take(entry);
        // Older than what we judged by: a stale read. The compare says that there is something newer, so it may well be alive.
        if (entry.revision <= member.revision) return false;
        return decodeWorkerRecord(entry)?.instance !== instance;
      }
    }
    const present = this.#members.get(member.idNumber);
    if (present !== undefined && present.revision <= member.revision) this.#drop(member.idNumber);
    return true;
  }

  /**
   * Lists everything now.
   *
   * @throws {PartiError} what the bucket throws
   */
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
    let dropped = false;
    for (const [idNumber, member] of this.#members) {
      if (listed.has(idNumber) || !this.isLapsed(member)) continue;
      this.#drop(idNumber);
      dropped = true;
    }
    if (dropped) this.#options.onChange();
  }

  /** Ends the watch. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#relistTimer?.cancel();
    this.#lapseTimer?.cancel();
    await this.#watch.close();
  }

  #drop(idNumber: number): boolean {
    this.#lapsed.delete(idNumber);
    return this.#members.delete(idNumber);
  }

  #take(entry: KvEntry): void {
    const idNumber = workerKeyNumber(entry.key);
    if (this.#closed || idNumber === undefined) return;
    if (entry.revision <= (this.#known.get(idNumber) ?? 0)) return;
    this.#known.set(idNumber, entry.revision);
    const before = this.#members.get(idNumber);
    const record = this.#records.read(entry);
    if (record === undefined) {
      if (this.#drop(idNumber)) this.#options.onChange();
      return;
    }
    const seenAtMs = this.#options.clock.monotonicMs();
    const member = { idNumber, record, revision: entry.revision, seenAtMs };
    this.#members.set(idNumber, member);
    this.#lapsed.delete(idNumber);
    if (this.#endOf(member) < this.#lapseAtMs) this.#armLapse();
    if (record === before?.record) return;
    if (before === undefined || says(before.record) !== says(record)) this.#options.onChange();
  }

  #armRelist(): void {
    if (this.#closed) return;
    const { clock, random, relistEveryMs } = this.#options;
    this.#relistTimer = clock.setTimer(
      jitter(random, relistEveryMs),
      () => void this.#relistAndGoOn(),
    );
  }

  async #relistAndGoOn(): Promise<void> {
    try {
      await this.relist();
    } catch (error) {
      if (!this.#closed) this.#options.onError(error);
    }
    this.#armRelist();
  }

  /** Until when a member may count on its lease: workers may have been configured otherwise than the observer. */
  #endOf({ seenAtMs, record }: Member): number {
    return seenAtMs + Math.max(this.#options.ttlMs, record.ttlMs ?? 0);
  }

  /** One timer for the member that will be over first. Renewals leave it as it is; when it fires it looks again. */
  #armLapse(): void {
    this.#lapseTimer?.cancel();
    const { clock } = this.#options;
    let firstMs = Infinity;
    for (const member of this.#members.values()) {
      if (!this.#lapsed.has(member.idNumber)) firstMs = Math.min(firstMs, this.#endOf(member));
    }
    this.#lapseAtMs = firstMs;
    if (firstMs === Infinity || this.#closed) return;
    const delayMs = Math.max(0, firstMs - clock.monotonicMs()) + 1;
    this.#lapseTimer = clock.setTimer(delayMs, () => this.#tellLapsed());
  }

  #tellLapsed(): void {
    let changed = false;
    for (const member of this.#members.values()) {
      if (this.#lapsed.has(member.idNumber) || !this.isLapsed(member)) continue;
      this.#lapsed.add(member.idNumber);
      changed = true;
    }
    this.#armLapse();
    if (changed) this.#options.onChange();
  }
}

/** A member's record as one comparable text. */
function says(record: WorkerRecord): string {
  return JSON.stringify(record);
}
