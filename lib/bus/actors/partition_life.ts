/**
 * One life of an actor by partition: how it begins and ends, and until when what it does counts.
 *
 * @module
 */
import { describeError, PartiError } from "../../errors.ts";
import type { HandlerContext } from "../../consumption/dispatch/handler.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Actor, ActorContext, ActorType, DeactivationReason } from "./actor.ts";
import type { ActorId } from "./actor_id.ts";
import { sayGoodbye } from "./goodbye.ts";
import { GuardedState } from "./guarded_state.ts";
import type { StateStore } from "./state_store.ts";
import { tokenOf } from "./token.ts";

/** What a life needs. */
export interface PartitionLifeOptions {
  /** Time. */
  readonly clock: Clock;
  /** How long its goodbye may take, in milliseconds. */
  readonly graceMs: number;
  /** Told of what has no caller to be told to. */
  readonly onError: (error: PartiError) => void;
}

/** One life. */
export class PartitionLife {
  /** The actor. */
  readonly id: ActorId;
  /** Fires when its shard has gone, or its time is over. */
  readonly abort = new AbortController();
  /** Under what right its present turn is, or its last one was. */
  right: HandlerContext;
  /** When it was called last, on the monotonic clock, in milliseconds. */
  lastMs = 0;
  /** Its present turn, if it has one. */
  turn: Promise<void> | undefined;
  readonly #options: PartitionLifeOptions;
  readonly #over = Promise.withResolvers<void>();
  #actor: Actor | undefined;
  #state: GuardedState | undefined;
  #isToEnd = false;
  #isOver = false;

  /**
   * Nothing has begun yet.
   *
   * @param options what it needs
   * @param id the actor
   * @param right under what right it begins
   */
  constructor(options: PartitionLifeOptions, id: ActorId, right: HandlerContext) {
    this.#options = options;
    this.id = id;
    this.right = right;
  }

  /** What handles its calls, once it has begun. */
  get actor(): Actor {
    return this.#actor!;
  }

  /** Whether it has asked to end. */
  get isToEnd(): boolean {
    return this.#isToEnd;
  }

  /** Nothing of it counts any more: it has said goodbye, could not begin, or nobody waits for it. */
  readonly end = (): void => {
    this.#isOver = true;
    this.#over.resolve();
  };

  /**
   * Begins.
   *
   * @param type its type
   * @param states opens what actors keep
   * @throws {PartiError} `PARTI_NOT_BEGUN` with what has kept it from that as its cause, or that the shard has gone; then it is over
   */
  async begin(type: ActorType, states: () => Promise<StateStore>): Promise<void> {
    try {
      await this.#begin(type, states);
    } catch (error) {
      // The next try is another life, which may have the same token.
      this.end();
      this.#checkRight();
      const message = `${this.id} could not begin: ${describeError(error)}`;
      throw new PartiError("PARTI_NOT_BEGUN", message, { value: this.id, cause: error });
    }
  }

  async #begin(type: ActorType, states: () => Promise<StateStore>): Promise<void> {
    const token = tokenOf(this.right);
    if (type.state) await this.#openState(token, await states());
    // Loading takes its time.
    this.#checkRight();
    this.#actor = type.create(this.#context(token));
    await this.#actor.onActivate?.();
    this.lastMs = this.#options.clock.monotonicMs();
  }

  #checkRight(): void {
    if (!this.right.mayAct()) throw this.right.signal.reason ?? rightOver();
  }

  async #openState(token: bigint, states: StateStore): Promise<void> {
    const mayAct = (): boolean => !this.#isOver;
    this.#state = new GuardedState(await states.open(this.id, token, mayAct), mayAct);
  }

  #context(token: bigint): ActorContext {
    const { signal } = this.abort;
    return {
      ...{ id: this.id, token, signal, state: this.#state },
      mayAct: () => !this.#isOver && !signal.aborted && this.right.mayAct(),
      deactivate: () => {
        this.#isToEnd = true;
      },
    };
  }

  /**
   * Says goodbye, after its present turn; never rejects.
   *
   * @param reason why it ends
   * @returns when it is over
   */
  async sayGoodbye(reason: DeactivationReason): Promise<void> {
    if (reason === "stopping") {
      this.abort.abort();
      await this.turn?.catch(() => {});
    }
    const isInTime = await sayGoodbye({
      ...{ ...this.#options, id: this.id, actor: this.actor, state: this.#state },
      over: this.#over.promise,
    }, reason);
    this.end();
    if (!isInTime) this.abort.abort();
  }
}

/** What is told where the shard has gone meanwhile. */
export function rightOver(): PartiError {
  return new PartiError("PARTI_FENCED", "the right to the shard is over", {
    hint: "whoever has the shard now is given the same call",
  });
}
