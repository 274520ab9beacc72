/**
 * Election by one lease in the group's lease bucket. The revision at which it was won is the epoch: revisions never go back, so
 * neither do epochs, and whoever wins later has the higher one.
 *
 * @module
 */
import { decodeJsonObject, encodeJson } from "../codec.ts";
import { acquireLease, type Lease, type LeaseOptions } from "../membership/lease.ts";
import { LEADER_KEY } from "../names.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { KvBucket, KvEntry, KvWatch } from "../ports/kv.ts";
import { jitter, type Random } from "../ports/random.ts";
import type {
  Candidacy,
  Candidate,
  ElectionAgent,
  ElectionHandlers,
  Term,
} from "./election_agent.ts";

/** What the election needs. */
export interface KvElectionOptions {
  /** The lease bucket. */
  readonly bucket: KvBucket;
  /** Time. */
  readonly clock: Clock;
  /** Jitter. */
  readonly random: Random;
  /** A leader without renewal for this long is over, in milliseconds. */
  readonly ttlMs: number;
  /** How often the leader renews, in milliseconds. */
  readonly renewEveryMs: number;
  /** Instances known to be over: this process's own former lives. */
  readonly formerInstances: ReadonlySet<string>;
}

const RETRY_MS = 200;
const RELIST_FACTOR = 2;

/**
 * An election by lease.
 *
 * @param options what it needs
 * @returns the agent
 */
export function kvElection(options: KvElectionOptions): ElectionAgent {
  return {
    run: (candidate, handlers) => Promise.resolve(new KvCandidacy(options, candidate, handlers)),
  };
}

class KvCandidacy implements Candidacy {
  readonly #options: KvElectionOptions;
  readonly #candidate: Candidate;
  readonly #handlers: ElectionHandlers;
  #lease: Lease | undefined;
  #seen: { entry: KvEntry; atMs: number; holder: Candidate | undefined } | undefined;
  #suspected: string | undefined;
  #watch: KvWatch | undefined;
  #reopenTimer: Timer | undefined;
  #expiryTimer: Timer | undefined;
  #relistTimer: Timer | undefined;
  #campaigning = false;
  #closed = false;

  constructor(options: KvElectionOptions, candidate: Candidate, handlers: ElectionHandlers) {
    this.#options = options;
    this.#candidate = candidate;
    this.#handlers = handlers;
    void this.#open();
    this.#armRelist();
  }

  suspect(instance: string): void {
    if (this.#seen?.holder?.instance !== instance) return;
    this.#suspected = instance;
    void this.#campaign();
  }

  async resign(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    await this.#close();
    await lease?.release();
  }

  async abandon(): Promise<void> {
    this.#lease?.abandon();
    this.#lease = undefined;
    await this.#close();
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.#reopenTimer?.cancel();
    this.#expiryTimer?.cancel();
    this.#relistTimer?.cancel();
    await this.#watch?.close();
  }

  async #open(): Promise<void> {
    try {
      const watch = await this.#options.bucket.watch(LEADER_KEY, {
        onEntry: (entry) => this.#take(entry),
        onInitialized: () => this.#seen === undefined && void this.#campaign(),
        onLost: (error) => this.#reopen(error),
      });
      if (this.#closed) await watch.close();
      else this.#watch = watch;
    } catch (error) {
      this.#reopen(error);
    }
  }

  #reopen(error: unknown): void {
    if (this.#closed) return;
    this.#watch = undefined;
    this.#handlers.onError(error);
    this.#reopenTimer?.cancel();
    this.#reopenTimer = this.#options.clock.setTimer(
      jitter(this.#options.random, RETRY_MS),
      () => void this.#open(),
    );
  }

  #armRelist(): void {
    if (this.#closed) return;
    const { clock, random, bucket, ttlMs } = this.#options;
    this.#relistTimer = clock.setTimer(jitter(random, ttlMs * RELIST_FACTOR), async () => {
      try {
        const entry = await bucket.get(LEADER_KEY);
        // A missing key under a silent watch: it expired without a marker, as on servers before 2.11.
        if (entry !== undefined) this.#take(entry);
        else if (this.#lease === undefined) void this.#campaign();
      } catch (error) {
        this.#handlers.onError(error);
      }
      this.#armRelist();
    });
  }

  #take(entry: KvEntry): void {
    if (this.#closed || (this.#seen !== undefined && entry.revision <= this.#seen.entry.revision)) {
      return;
    }
    const holder = decodeHolder(entry);
    const before = this.#seen?.holder?.instance;
    this.#seen = { entry, atMs: this.#options.clock.monotonicMs(), holder };
    if (holder?.instance !== before) this.#handlers.onLeader(holder);
    if (this.#lease !== undefined) return;
    if (holder === undefined || this.#options.formerInstances.has(holder.instance)) {
      void this.#campaign();
    } else this.#armExpiry();
  }

  #armExpiry(): void {
    this.#expiryTimer?.cancel();
    this.#expiryTimer = this.#options.clock.setTimer(
      jitter(this.#options.random, this.#options.ttlMs * 0.1) + this.#options.ttlMs,
      () => void this.#campaign(),
    );
  }

  /** Whether the place is free to run for: nobody holds it, or whoever does is over. */
  #isVacant(): boolean {
    const seen = this.#seen;
    if (seen === undefined || seen.holder === undefined) return true;
    const { instance } = seen.holder;
    return this.#options.formerInstances.has(instance) || this.#suspected === instance ||
      this.#options.clock.monotonicMs() - seen.atMs >= this.#options.ttlMs;
  }

  async #campaign(): Promise<void> {
    if (this.#closed || this.#campaigning || this.#lease !== undefined || !this.#isVacant()) return;
    this.#campaigning = true;
    try {
      const seen = this.#seen;
      const revision = seen === undefined || seen.holder === undefined
        ? undefined
        : seen.entry.revision;
      let lease = await acquireLease(this.#leaseOptions(), revision);
      if (lease === undefined && revision !== undefined) {
        // The key we saw may have expired meanwhile; a plain create decides.
        lease = await acquireLease(this.#leaseOptions(), undefined);
      }
      if (lease !== undefined) this.#won(lease);
      else this.#armExpiry();
    } catch (error) {
      if (this.#closed) return;
      this.#handlers.onError(error);
      this.#expiryTimer?.cancel();
      this.#expiryTimer = this.#options.clock.setTimer(
        jitter(this.#options.random, RETRY_MS * 2),
        () => void this.#campaign(),
      );
    } finally {
      this.#campaigning = false;
    }
  }

  #won(lease: Lease): void {
    if (this.#closed) {
      void lease.release();
      return;
    }
    this.#lease = lease;
    this.#suspected = undefined;
    this.#expiryTimer?.cancel();
    const term: Term = {
      epoch: lease.revision,
      get valid() {
        return lease.valid;
      },
      confirm: () => lease.confirm(),
    };
    this.#handlers.onElected(term);
  }

  #leaseOptions(): LeaseOptions {
    const { bucket, clock, ttlMs, renewEveryMs } = this.#options;
    return {
      bucket,
      key: LEADER_KEY,
      instance: this.#candidate.instance,
      clock,
      ttlMs,
      renewEveryMs,
      value: () => encodeJson({ v: 1, ...this.#candidate }),
      onLost: (reason) => {
        this.#lease = undefined;
        if (this.#closed) return;
        this.#handlers.onDeposed(reason);
        this.#armExpiry();
      },
    };
  }
}

function decodeHolder(entry: KvEntry): Candidate | undefined {
  if (entry.operation === "removed") return undefined;
  const raw = decodeJsonObject(entry.value);
  const worker = raw?.["worker"];
  const instance = raw?.["instance"];
  return typeof worker === "string" && typeof instance === "string"
    ? { worker, instance }
    : undefined;
}
