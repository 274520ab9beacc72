/**
 * A worker's lives: one session after another. A lease that was lost is never picked up again; the worker comes back as a new
 * instance, under its old stable ID if it can.
 *
 * @module
 */
import { follow, unlessAborted } from "../abort.ts";
import { LaneReaper } from "../assignment/leader/lane_reaper.ts";
import type { Snapshot } from "../assignment/snapshot.ts";
import type { GroupBuckets } from "../buckets.ts";
import { isPartiError, OUTAGE_CODES, PartiError } from "../errors.ts";
import { sleep } from "../ports/clock.ts";
import { backoffMs, jitter } from "../ports/random.ts";
import type { World } from "../ports/world.ts";
import { emptied } from "../session/own_assignment.ts";
import { Session } from "../session/session.ts";
import type { SessionEvents, SessionOptions } from "../session/session_options.ts";
import { closedForGood } from "./start_failure.ts";
import type { JoinStep } from "./state.ts";

/** What the lives need. */
export interface LivesOptions {
  /** The world. */
  readonly world: World;
  /** The group. */
  readonly group: string;
  /** The streams that are consumed; none if the library does not do that. */
  readonly streams: readonly string[];
  /** The number to claim first. */
  readonly preferredId: number | undefined;
  /** Opens the buckets, making them if they are not there. Again before each new life: a server may have lost them. */
  readonly openBuckets: () => Promise<GroupBuckets>;
  /** Makes sure that what is to be consumed can be shared; throws `PARTI_INVALID_CONFIG` if not. Before each new life, too. */
  readonly checkFeed: () => Promise<void>;
  /** What each session needs besides what is known here. */
  readonly sessionOptions: (
    buckets: GroupBuckets,
    formerInstances: ReadonlySet<string>,
  ) => Omit<
    SessionOptions,
    | "world"
    | "instance"
    | "preferredId"
    | "remembered"
    | "formerInstances"
    | "events"
    | "openBuckets"
    | keyof GroupBuckets
  >;
  /** Who is told; `onProgress` after every step too. */
  readonly events: SessionEvents;
}

const REJOIN_MS = 100;
const REJOIN_MAX_MS = 5_000;
/** Former instances remembered; older ones have long expired. */
const FORMER_MAX = 100;

/** Keeps a worker in its group. */
export class Lives {
  readonly #options: LivesOptions;
  readonly #former = new Set<string>();
  readonly #end = new AbortController();
  #preferredId: number | undefined;
  #remembered: Snapshot | undefined;
  #session: Session | undefined;
  /** The session that is joining. */
  #entering: Session | undefined;
  #step: JoinStep = "ClaimingID";
  #joining: Promise<void> = Promise.resolve();
  #joinFailure: unknown;
  /** Ends a pause between two tries. */
  #wake: AbortController | undefined;
  #closedForGood = false;

  /** @param options what they need */
  constructor(options: LivesOptions) {
    this.#options = options;
    this.#preferredId = options.preferredId;
  }

  /** The present session; undefined before the first and between two. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** How far the present life has come. */
  get step(): JoinStep {
    return this.#step;
  }

  /** Why the first joining failed, if it did; known after {@linkcode Lives.end} only. */
  get joinFailure(): unknown {
    return this.#joinFailure;
  }

  /**
   * Joins for the first time. While the server is out of reach it is tried again.
   *
   * @param signal gives up; what was begun is then undone in the background, and {@linkcode Lives.end} waits for it
   * @throws what the server says, or `PARTI_ABORTED`; {@linkcode Lives.joinFailure} then tells what kept it
   */
  begin(signal: AbortSignal): Promise<void> {
    const giveUp = new AbortController();
    const unfollow = follow(giveUp, signal, this.#end.signal);
    const joining = this.#joinFirst(giveUp.signal);
    this.#joining = joining.catch((error) => {
      this.#joinFailure = error;
    }).finally(unfollow);
    return unlessAborted(joining, giveUp.signal);
  }

  /** The connection is gone. */
  disconnected(): void {
    (this.#session ?? this.#entering)?.disconnected();
  }

  /** The connection is back: what waits for it goes on at once. */
  reconnected(): void {
    (this.#session ?? this.#entering)?.reconnected();
    this.#wake?.abort();
  }

  /** The connection was closed and never comes back: no new life is possible. */
  closedForGood(): void {
    this.#closedForGood = true;
    this.#wake?.abort();
  }

  /**
   * Ends the present life, whatever it is doing, and begins no other. Never throws.
   *
   * @param handOverBy fires when waiting for others and for running handlers must end
   * @param endBy fires when nothing is waited for any more
   */
  async end(handOverBy: AbortSignal, endBy: AbortSignal): Promise<void> {
    this.#end.abort();
    // One that is still joining, held up by an election, may have been given partitions already: it leaves as any other does.
    const ends = Promise.all([this.#joining, this.#entering?.leave(handOverBy, endBy)]);
    try {
      await unlessAborted(ends, endBy);
      await this.#session?.leave(handOverBy, endBy);
    } catch {
      // Joining hangs. Should it come to an end after all, it undoes itself.
    } finally {
      this.#session = undefined;
    }
  }

  /** An application is told what the server says against it; that nobody answers, only once its time is over. */
  async #joinFirst(signal: AbortSignal): Promise<void> {
    for (let failures = 0;; failures++) {
      try {
        return await this.#join(signal);
      } catch (error) {
        if (signal.aborted || !isPartiError(error, ...OUTAGE_CODES)) throw error;
        if (this.#closedForGood) throw closedForGood(error);
        this.#options.events.onError(error);
        await this.#pause(failures, signal);
        if (signal.aborted) throw error;
      }
    }
  }

  async #join(signal: AbortSignal): Promise<void> {
    const { world, openBuckets, checkFeed, sessionOptions } = this.#options;
    this.#enterStep("ClaimingID");
    if (signal.aborted) throw new PartiError("PARTI_ABORTED", "given up before it began");
    const buckets = await openBuckets();
    await checkFeed();
    if (signal.aborted) throw new PartiError("PARTI_ABORTED", "given up while opening the buckets");
    const instance = world.random.uuid();
    let session: Session | undefined;
    try {
      session = this.#entering = new Session({
        ...sessionOptions(buckets, this.#former),
        ...buckets,
        openBuckets,
        world,
        instance,
        preferredId: this.#preferredId,
        remembered: this.#remembered,
        formerInstances: this.#former,
        events: this.#sessionEvents(),
      });
      await session.join(signal);
    } catch (error) {
      this.#remember(instance);
      this.#tellEnd(this.#entering);
      throw error;
    } finally {
      this.#entering = undefined;
    }
    // Before anything of it is seen: where joining took its time, an assignment may have come and been applied meanwhile.
    if (session.mayAct && !this.#end.signal.aborted) this.#enterStep("WaitingAssignment");
    this.#session = session;
    if (this.#end.signal.aborted) return await this.#leaveAtOnce(session);
    // Lost while it was joining: nobody was there yet to begin a new life.
    if (!session.mayAct) return this.#next(session);
    this.#options.events.onProgress();
  }

  /** It was to end while it was joining; whoever waits for that may have lost patience long ago. */
  async #leaveAtOnce(session: Session): Promise<void> {
    const never = new AbortController().signal;
    await session.leave(AbortSignal.abort(), never);
    this.#session = undefined;
  }

  #enterStep(step: JoinStep): void {
    this.#step = step;
    this.#options.events.onProgress();
  }

  #sessionEvents(): SessionEvents {
    const { events } = this.#options;
    return {
      ...events,
      onClaimed: (worker, idNumber) => {
        this.#preferredId = idNumber;
        this.#enterStep("Election");
        events.onClaimed(worker, idNumber);
        void this.#removeFormerLanes();
      },
      onLost: (reason) => {
        events.onLost(reason);
        const session = this.#session;
        if (session !== undefined) this.#next(session);
        else this.#tellEnd(this.#entering);
      },
    };
  }

  /** A former life of this process holds nothing by right any more. */
  async #removeFormerLanes(): Promise<void> {
    if (this.#former.size === 0) return;
    const { world, group, streams, events } = this.#options;
    const reaper = new LaneReaper({ feed: world.feed, group, streams, onError: events.onError });
    await reaper.reap((instance) => !this.#former.has(instance));
  }

  #remember(instance: string): void {
    this.#former.add(instance);
    const oldest = this.#former.values().next();
    if (this.#former.size > FORMER_MAX && !oldest.done) this.#former.delete(oldest.value);
  }

  /** What the application held by a session is gone. One that never came in may have been given something as well. */
  #tellEnd(session: Session | undefined): void {
    const assignment = session?.assignment;
    if (assignment !== undefined) void this.#options.events.onAssignment(emptied(assignment));
  }

  /** The session is over: what the application held is gone, and a new life begins. */
  #next(session: Session): void {
    this.#session = undefined;
    this.#remember(session.instance);
    this.#remembered = session.latest;
    this.#tellEnd(session);
    if (this.#end.signal.aborted) return;
    this.#enterStep("ClaimingID");
    this.#joining = this.#rejoin();
  }

  /** Tries until it is in again, or the worker is stopped. Never rejects. */
  async #rejoin(): Promise<void> {
    const { world, events } = this.#options;
    const { signal } = this.#end;
    let failures = 0;
    while (!signal.aborted) {
      await this.#pause(failures, signal);
      // While it is down nothing can be tried; the reconnect ends the pause.
      if (signal.aborted || !world.messaging.connected) continue;
      try {
        return await this.#join(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#enterStep("ClaimingID");
        events.onError(error);
        // Losing the connection is no reason to wait longer once it is back.
        failures = isPartiError(error, "PARTI_DISCONNECTED") ? 0 : failures + 1;
      }
    }
  }

  async #pause(failures: number, signal: AbortSignal): Promise<void> {
    const { clock, random, messaging } = this.#options.world;
    if (this.#closedForGood) return await until(signal);
    const wake = this.#wake = new AbortController();
    const unfollow = follow(wake, signal);
    const baseMs = messaging.connected
      ? backoffMs(REJOIN_MS, failures, REJOIN_MAX_MS)
      : REJOIN_MAX_MS;
    await sleep(clock, jitter(random, baseMs), wake.signal);
    unfollow();
    this.#wake = undefined;
  }
}

/** Waits for a signal alone. */
function until(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}
