/**
 * Finds out where a call to an actor is sent: to where the actor was last, to where the directory says it is, or to where it should begin.
 *
 * @module
 */
import { describeError, isPartiError, PartiError, type PartiErrorCode } from "../../errors.ts";
import { backoffMs, jitter } from "../../ports/random.ts";
import type { World } from "../../ports/world.ts";
import { pause } from "../attempts.ts";
import type { Answer, Refusal } from "../envelope.ts";
import type { Address } from "../names.ts";
import { type ActorId, parseActorId } from "./actor_id.ts";
import type { Directory } from "./directory.ts";
import { Locations } from "./locations.ts";
import type { Nodes } from "./nodes.ts";
import { RecentPlaces } from "./recent_places.ts";

/** Where a call is sent. */
export interface Where {
  /** A life of a node. */
  readonly address: Address;
  /** The actor is nowhere, and may begin there. */
  readonly placed: boolean;
}

/** What a node with a lease can find out. */
export interface Surroundings {
  /** Which actor is where. */
  readonly directory: Directory;
  /** Who lives. */
  readonly nodes: Nodes;
  /** Where an actor of a type should begin; undefined if no node has such actors. */
  readonly choose: (type: string) => Address | undefined;
}

/** What a locator needs. */
export interface LocatorOptions {
  /** Time and jitter. */
  readonly world: World;
  /** How many places are remembered. */
  readonly cacheMax: number;
  /** Who lives, also while this node has no lease; undefined before it has begun to join. */
  readonly nodes: () => Nodes | undefined;
  /** What can be found out now; undefined while this node has no lease. */
  readonly surroundings: () => Surroundings | undefined;
  /** Fires when this node has a lease, or will never have one again. */
  readonly joining: () => AbortSignal;
  /** Fires when no actor acts on this node any more, or its bus stops. */
  readonly over: AbortSignal;
  /** Throws where too many calls wait; told how many wait here for where their actor is. */
  readonly checkRoom: (looking: number) => void;
  /** Told why something could not be found out, before it is tried again. */
  readonly onError: (error: unknown) => void;
}

/** How a call is made. */
export interface LocateOptions {
  /** Gives it up. */
  readonly signal?: AbortSignal | undefined;
  /** Nobody will answer, and so nobody correct what this node remembers: it counts for a moment only. */
  readonly oneway?: boolean;
}

/** Whoever refuses for these has the actor, or will have it. */
const WHERE_IT_IS: readonly (Refusal | undefined)[] = ["overloaded", "late", "not begun"];
/** After these nobody knows whether the actor is where it was thought to be. All others come from this node itself. */
const IN_DOUBT: readonly PartiErrorCode[] = [
  "PARTI_MAYBE_DELIVERED",
  "PARTI_NOT_SENT",
  "PARTI_TIMEOUT",
];
const PAUSE_MS = 50;
const PAUSE_MAX_MS = 2_000;

/** Finds actors for the callers on one node. */
export class Locator {
  readonly #options: LocatorOptions;
  readonly #locations: Locations;
  /** What was read or answered a moment ago: for calls that nobody answers. */
  readonly #recent: RecentPlaces;
  /** How many calls wait for where their actor is. */
  #looking = 0;

  /** @param options what it needs */
  constructor(options: LocatorOptions) {
    this.#options = options;
    this.#locations = new Locations(options.cacheMax);
    this.#recent = new RecentPlaces(options.world.clock);
  }

  /** A call was answered, or refused: whoever has answered is where the actor is, and what was thought before is out of date. */
  heard(id: ActorId, { status, reason, at, load }: Answer): void {
    if (status !== "refused") this.#learn(id, at);
    else if (!WHERE_IT_IS.includes(reason)) this.#forget(id);
    if (load !== undefined) this.#options.nodes()?.noteLoad(at, () => load);
  }

  /** A call has no answer. */
  failed(id: ActorId, error: unknown): void {
    if (isPartiError(error, ...IN_DOUBT)) this.#forget(id);
  }

  #learn(id: ActorId, address: Address): void {
    this.#locations.learn(id, address);
    this.#recent.learn(id, address);
  }

  #forget(id: ActorId): void {
    this.#locations.forget(id);
    this.#recent.forget(id);
  }

  /**
   * Where to send a call to. Where nobody can say it is asked again until the call's time is over.
   *
   * @param id the actor
   * @param endMs when the call's time is over, on the monotonic clock
   * @param options how the call is made
   * @throws {PartiError} `PARTI_TIMEOUT`, `PARTI_ABORTED`, `PARTI_STOPPED`, `PARTI_OVERLOADED`, `PARTI_INVALID_CONFIG` for what is no
   * actor's name
   */
  async locate(id: ActorId, endMs: number, options: LocateOptions = {}): Promise<Where> {
    const { type } = parseActorId(id);
    const { nodes, checkRoom } = this.#options;
    const known = options.oneway ? this.#recent.of(id) : this.#locations.of(id);
    if (known !== undefined) {
      if (nodes()?.isAlive(known)) return { address: known, placed: false };
      this.#forget(id);
    }
    checkRoom(this.#looking);
    this.#looking++;
    try {
      const where = await this.#ask(id, type, endMs, options.signal);
      if (!where.placed) this.#found(id, where.address);
      return where;
    } finally {
      this.#looking--;
    }
  }

  /** What was answered meanwhile is newer than what was read. */
  #found(id: ActorId, address: Address): void {
    if (this.#locations.of(id) === undefined) this.#locations.learn(id, address);
    this.#recent.learn(id, address);
  }

  async #ask(id: ActorId, type: string, endMs: number, signal?: AbortSignal): Promise<Where> {
    const { world, surroundings, joining, over, onError } = this.#options;
    let why = "this node has no lease";
    for (let tries = 0;; tries++) {
      const around = surroundings();
      // A node that is on its way out and has no lease will not have one again.
      if (over.aborted || around === undefined && joining().aborted) {
        throw new PartiError("PARTI_STOPPED", "the actor system has stopped");
      }
      if (around !== undefined) {
        try {
          const found = await this.#within(endMs, signal, look(id, type, around));
          if (found !== undefined) return found;
          why = `no node has actors of ${type}, or the directory is silent`;
        } catch (error) {
          onError(error);
          why = describeError(error);
        }
      }
      if (signal?.aborted) throw new PartiError("PARTI_ABORTED", "the call was given up");
      const leftMs = endMs - world.clock.monotonicMs();
      if (leftMs <= 0) {
        throw new PartiError("PARTI_TIMEOUT", `nobody could say where ${id} is: ${why}`, {
          value: id,
          hint: "it was not sent",
        });
      }
      await this.#pause(around !== undefined, tries, leftMs, signal);
    }
  }

  /** Before the next try: a while, or until this node has a lease. */
  #pause(isJoined: boolean, tries: number, leftMs: number, signal?: AbortSignal): Promise<void> {
    const { clock, random } = this.#options.world;
    const { joining, over } = this.#options;
    if (!isJoined) return pause(clock, leftMs, joining(), over, signal);
    const longestMs = backoffMs(PAUSE_MS, tries, PAUSE_MAX_MS);
    // The last pause ends when the time does: half of what is left, again and again, would never end.
    return pause(clock, Math.min(jitter(random, longestMs), leftMs), over, signal);
  }

  /** What comes of it; undefined if the call's time is over before, or it is given up. */
  async #within<T>(
    endMs: number,
    signal: AbortSignal | undefined,
    work: Promise<T>,
  ): Promise<T | undefined> {
    const { clock } = this.#options.world;
    // A timer and a promise: a controller with its signal costs more than all the rest of a look.
    const { promise: over, resolve } = Promise.withResolvers<undefined>();
    const giveUp = (): void => resolve(undefined);
    const timer = clock.setTimer(Math.max(0, endMs - clock.monotonicMs()), giveUp);
    if (signal?.aborted) giveUp();
    else signal?.addEventListener("abort", giveUp, { once: true });
    // Whoever has given up is not told of it any more.
    work.catch(() => {});
    try {
      return await Promise.race([work, over]);
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", giveUp);
    }
  }
}

async function look(id: ActorId, type: string, around: Surroundings): Promise<Where | undefined> {
  const { directory, nodes, choose } = around;
  const entry = await directory.lookup(id);
  if (entry !== undefined && !await nodes.proveDead(entry.address)) {
    return { address: entry.address, placed: false };
  }
  const address = choose(type);
  return address === undefined ? undefined : { address, placed: true };
}
