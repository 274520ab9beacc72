/**
 * Election by one lease in the group's lease bucket. The revision at which it was won is the epoch: revisions never go back, so
 * neither do epochs, and whoever wins later has the higher one.
 *
 * @module
 */
import { describeError } from "../errors.ts";
import { acquireLease } from "../membership/acquire_lease.ts";
import { EntryReader } from "../membership/entry_reader.ts";
import { type Lease, type LeaseOptions, ttlOf } from "../membership/lease.ts";
import { SteadyWatch } from "../membership/steady_watch.ts";
import { LEADER_KEY } from "../names.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { KvBucket, KvEntry } from "../ports/kv.ts";
import { backoffMs, jitter, type Random } from "../ports/random.ts";
import type { Candidacy, Candidate, ElectionAgent, ElectionHandlers } from "./election_agent.ts";
import { decodeLeader, encodeLeader } from "./leader_record.ts";

/** What the election needs. */
export interface KvElectionOptions {
  /** The lease bucket. */
  readonly bucket: KvBucket;
  /** Time. */
  readonly clock: Clock;
  /** Jitter. */
  readonly random: Random;
  /** A leader without renewal for this long is over, in milliseconds, unless it says that it counts on its lease for longer. */
  readonly ttlMs: number;
  /** How often the leader renews, in milliseconds. */
  readonly renewEveryMs: number;
  /** Instances known to be over: this process's own former lives. */
  readonly formerInstances: ReadonlySet<string>;
}

/** The first pause after a campaign that failed; it doubles up to half a TTL. */
const RETRY_MS = 400;
/** The key is read this many TTLs after the last reading: a watch can go quiet. */
const REREAD_FACTOR = 2;
/** Candidates who wait for the same leader's end wait up to this part of a TTL longer, each a little differently. */
const SPREAD_FACTOR = 0.1;

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

/** The leader's key as it was seen last. */
interface Seen {
  readonly revision: number;
  /** The key had a value, which may be one that names nobody we understand. */
  readonly isHeld: boolean;
  readonly holder: Candidate | undefined;
  /** Until when it may be counted on by whoever holds it, who may have been configured otherwise. */
  readonly untilMs: number;
}

/**
 * A candidacy. Level-triggered: whatever happens, {@linkcode KvCandidacy.#consider} looks at what is known and either campaigns
 * now or sets the one timer for later. Whether the place was free is decided by the bucket's compare alone, so considering it free
 * by mistake is safe.
 */
class KvCandidacy implements Candidacy {
  readonly #options: KvElectionOptions;
  readonly #candidate: Candidate;
  readonly #handlers: ElectionHandlers;
  readonly #watch: SteadyWatch;
  readonly #holders = new EntryReader(decodeLeader);
  readonly #ttls = new EntryReader(ttlOf);
  #lease: Lease | undefined;
  #seen: Seen | undefined;
  /** The instance that holds the key and is said to be dead. Void as soon as it renews. */
  #suspected: string | undefined;
  /** The key was missing when it was read, whatever the watch says: on servers before 2.11 it expires without a word. */
  #missing = false;
  #initialized = false;
  #campaign: Promise<void> | undefined;
  #failures = 0;
  #timer: Timer | undefined;
  #rereadTimer: Timer | undefined;
  #closed = false;

  constructor(options: KvElectionOptions, candidate: Candidate, handlers: ElectionHandlers) {
    this.#options = options;
    this.#candidate = candidate;
    this.#handlers = handlers;
    // The leader's renewals are signs of life for the watch as well: the server need not add any before they are overdue.
    this.#watch = new SteadyWatch({
      bucket: options.bucket,
      pattern: LEADER_KEY,
      heartbeatMs: options.ttlMs,
      clock: options.clock,
      random: options.random,
      onEntry: (entry) => this.#take(entry),
      onInitialized: () => {
        this.#initialized = true;
        this.#consider();
      },
      onAnew: () => this.#forget(),
      onError: (error) => handlers.onError(error),
    });
    this.#armReread();
  }

  suspect(instance: string): void {
    if (this.#seen?.holder?.instance !== instance || instance === this.#candidate.instance) return;
    this.#suspected = instance;
    this.#consider();
  }

  async resign(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    const closed = this.#close();
    // A campaign under way may still win; it then gives up what it won, and who resigns waits for that too.
    await Promise.all([lease?.release(), this.#campaign, closed]);
  }

  async abandon(): Promise<void> {
    this.#lease?.abandon();
    this.#lease = undefined;
    await this.#close();
  }

  #close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#rereadTimer?.cancel();
    return this.#watch.close();
  }

  /** The bucket is another one: its revisions begin anew, and nobody holds anything in it by what was seen before. */
  #forget(): void {
    const hadHolder = this.#seen?.holder !== undefined;
    this.#seen = undefined;
    this.#initialized = false;
    if (hadHolder) this.#handlers.onLeader(undefined);
    void this.#lease?.touch();
  }

  #take(entry: KvEntry): void {
    if (this.#closed || entry.revision <= (this.#seen?.revision ?? 0)) return;
    const { clock, ttlMs } = this.#options;
    const holder = this.#holders.read(entry);
    const before = this.#seen?.holder?.instance;
    this.#seen = {
      revision: entry.revision,
      isHeld: entry.operation === "put",
      holder,
      untilMs: clock.monotonicMs() + Math.max(ttlMs, this.#ttls.read(entry)),
    };
    this.#missing = false;
    this.#failures = 0;
    // Whoever writes is alive, or it is somebody else now.
    this.#suspected = undefined;
    if (holder?.instance !== before) this.#handlers.onLeader(holder);
    if (this.#lease === undefined) this.#consider();
    else if (holder?.instance !== this.#candidate.instance) {
      // Somebody took the key from us: the next renewal would tell, and telling now ends a false belief sooner.
      void this.#lease.touch();
    }
  }

  #armReread(): void {
    if (this.#closed) return;
    const { clock, random, ttlMs } = this.#options;
    this.#rereadTimer = clock.setTimer(
      jitter(random, ttlMs * REREAD_FACTOR),
      () => void this.#reread(),
    );
  }

  async #reread(): Promise<void> {
    try {
      const entry = await this.#options.bucket.get(LEADER_KEY);
      if (entry !== undefined) this.#take(entry);
      else this.#missing = this.#lease === undefined;
      this.#consider();
    } catch (error) {
      if (!this.#closed) this.#handlers.onError(error);
    }
    this.#armReread();
  }

  /** How long the place is still taken as far as known, in milliseconds; 0 if it is free to run for. */
  #takenForMs(): number {
    const seen = this.#seen;
    if (this.#missing || !seen?.isHeld) return 0;
    const { formerInstances, clock } = this.#options;
    const instance = seen.holder?.instance;
    // Our own name without our own lease: an earlier term, or a win whose answer never came.
    const isOver = instance !== undefined &&
      (instance === this.#candidate.instance || instance === this.#suspected ||
        formerInstances.has(instance));
    return isOver ? 0 : Math.max(0, seen.untilMs - clock.monotonicMs());
  }

  /** Runs for the place if it is free, or looks again when it may be. */
  #consider(): void {
    if (this.#closed || this.#lease !== undefined || this.#campaign !== undefined) return;
    if (!this.#initialized && !this.#missing) return;
    const leftMs = this.#takenForMs();
    if (leftMs > 0) {
      this.#considerIn(leftMs + jitter(this.#options.random, this.#options.ttlMs * SPREAD_FACTOR));
    } else this.#campaign = this.#run();
  }

  #considerIn(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(delayMs, () => this.#consider());
  }

  /** One campaign. Never rejects. */
  async #run(): Promise<void> {
    const { random, ttlMs } = this.#options;
    this.#timer?.cancel();
    let error: unknown;
    try {
      const lease = await this.#acquire();
      if (lease !== undefined) await this.#win(lease);
    } catch (caught) {
      error = caught;
    }
    this.#campaign = undefined;
    if (this.#closed || this.#lease !== undefined) return;
    this.#missing = false;
    const maxPauseMs = Math.max(RETRY_MS, ttlMs / 2);
    const pauseMs = backoffMs(RETRY_MS, this.#failures++, maxPauseMs);
    if (error !== undefined) this.#handlers.onError(error);
    // Somebody was faster, then: what the watch says next comes before the end of this pause.
    else this.#suspected = undefined;
    if (!this.#closed) this.#considerIn(jitter(random, pauseMs));
  }

  async #acquire(): Promise<Lease | undefined> {
    const options = this.#leaseOptions();
    const seen = this.#seen;
    // A read that found nothing may have been stale: it must not cost a living leader its term.
    const lease = this.#missing || !seen?.isHeld
      ? undefined
      : await acquireLease(options, seen.revision);
    // Nobody holds it, or what we saw has expired without a word: a create decides.
    return lease ?? await acquireLease(options);
  }

  async #win(lease: Lease): Promise<void> {
    if (this.#closed) return await lease.release();
    if (!lease.valid) {
      // Its answer came after its end. The key carries our name, and the next campaign takes it from there.
      lease.abandon();
      return;
    }
    this.#lease = lease;
    this.#failures = 0;
    this.#suspected = undefined;
    try {
      this.#handlers.onElected({
        epoch: lease.revision,
        get valid() {
          return lease.valid;
        },
        confirm: () => lease.confirm(),
      });
    } catch (error) {
      // A leader that cannot begin must not keep the others out.
      this.#lease = undefined;
      this.#handlers.onDeposed(describeError(error));
      await lease.release();
      throw error;
    }
  }

  #leaseOptions(): LeaseOptions {
    const { bucket, clock, ttlMs, renewEveryMs } = this.#options;
    const record = encodeLeader(this.#candidate, ttlMs);
    return {
      bucket,
      key: LEADER_KEY,
      instance: this.#candidate.instance,
      clock,
      ttlMs,
      renewEveryMs,
      value: () => record,
      onLost: (reason) => {
        this.#lease = undefined;
        if (this.#closed) return;
        this.#handlers.onDeposed(reason);
        this.#consider();
      },
    };
  }
}
