/**
 * What an application writes: actors, and what they are given.
 *
 * @module
 */
import type { ServiceCall } from "../incoming.ts";
import type { ActorId } from "./actor_id.ts";
import type { PlacementName } from "./placement.ts";

/** Why an actor ends. */
export type DeactivationReason = "idle" | "stopping" | "asked";

/** What an actor is given for its life. */
export interface ActorContext {
  /** Its name. */
  readonly id: ActorId;
  /**
   * Grows with every life of this actor, wherever it lives: a fencing token. What is written with it can be refused once a newer one was
   * seen. It fits into a signed integer of 64 bits, and is a `bigint` since a `number` would round it one day.
   */
  readonly token: bigint;
  /** Fires when its right to act has ended: whatever it does afterwards must not count. */
  readonly signal: AbortSignal;
  /**
   * Whether it may act in this instant: the clock is asked. After a pause of the process {@linkcode signal} fires a little late, and this
   * does not; so ask before an effect that nothing else guards.
   */
  mayAct(): boolean;
  /** What it keeps beyond its life; undefined unless its type has `state`. */
  readonly state: ActorState | undefined;
  /** Ends this life when the present turn is over. The next call begins another. */
  deactivate(): void;
}

/** What an actor keeps beyond its life. */
export interface ActorState {
  /** As it was loaded or saved last; undefined if it never was. */
  readonly value: Uint8Array | undefined;
  /**
   * Keeps it. Several at once are kept one after another, as they were asked for.
   *
   * @param value what to keep
   * @throws {PartiError} `PARTI_FENCED` if a newer life of the actor has begun, or the right of this one is over; `PARTI_CONFLICT` where it
   * lost a compare and a read that was out of date does not say to whom: it is not kept, and may be saved again; otherwise what the store says
   */
  save(value: Uint8Array): Promise<void>;
}

/** A call to an actor. */
export type ActorCall = ServiceCall;

/** One life of an actor. Never two of its calls or hooks run at once. */
export interface Actor {
  /**
   * Handles a call.
   *
   * @param call the call
   * @returns the caller's value; what it throws is the caller's `PARTI_CALL_FAILED`, and the actor goes on
   */
  handle(call: ActorCall): Uint8Array | void | Promise<Uint8Array | void>;
  /**
   * Called before its first turn. If it throws, this life ends and whoever called gets `PARTI_CALL_FAILED`. For an error of parti's own, such
   * as that of a call it makes or of a save, it may begin the next time: whoever called gets `PARTI_NOT_SENT`, and with a key tries again. By
   * partition the feed gives the call again while it has time, five times at least, and then whoever called gets `PARTI_MAYBE_DELIVERED`; but
   * as long as NATS does not answer it is tried for ever.
   */
  onActivate?(): void | Promise<void>;
  /**
   * Called after its last turn, but not where its process dies or its right is lost. By partition it is called where the shard has gone,
   * too: what it saves then may be refused with `PARTI_FENCED`, so what must be kept is saved in a turn. It is given `stopGraceMs`, with all
   * that is still being saved; then its right to act is over, and the next life may begin.
   *
   * @param reason why it ends
   */
  onDeactivate?(reason: DeactivationReason): void | Promise<void>;
}

/** A type of actors. */
export interface ActorType {
  /**
   * Makes an actor, for one life. What it throws is as what {@linkcode Actor.onActivate} throws.
   *
   * @param context what it is given
   */
  readonly create: (context: ActorContext) => Actor;
  /** Where an actor that is nowhere begins; `random` unless given. */
  readonly placement?: PlacementName;
  /**
   * An actor that nobody calls for so long ends, in milliseconds; 600,000 unless given. By partition it is looked at when somebody calls an
   * actor of the same shard: where nobody does, it stays.
   */
  readonly idleMs?: number;
  /** How many calls may wait for an actor; 1,000 unless given. */
  readonly mailboxMax?: number;
  /** Whether it keeps something beyond its life; false unless given. */
  readonly state?: boolean;
}
