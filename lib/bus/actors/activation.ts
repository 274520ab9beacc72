/**
 * One life of an actor on a node: what waits for it, and its turns.
 *
 * @module
 */
import { describeError, isPartiError, type PartiError } from "../../errors.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Call, Refusal, Said } from "../envelope.ts";
import type { Incoming } from "../incoming.ts";
import { doneWith, failedWith } from "../outcome.ts";
import type { Actor, ActorContext, ActorState, ActorType, DeactivationReason } from "./actor.ts";
import type { ActorId } from "./actor_id.ts";
import { ActivationMachine, type ActivationState } from "./activation_state.ts";
import type { DirectoryEntry } from "./directory.ts";
import { sayGoodbye } from "./goodbye.ts";
import { GuardedState } from "./guarded_state.ts";
import { idleMsOf } from "./type_table.ts";

/** Where a life takes place. Its methods must not throw. */
export interface Stage {
  /** Time. */
  readonly clock: Clock;
  /** How long a goodbye may take, in milliseconds. */
  readonly goodbyeMs: number;
  /** Whether the node's lease is valid in this instant. */
  mayAct(): boolean;
  /** Answers a call. */
  answer(call: Call, answer: Said): void;
  /** Refuses a call. */
  refuse(call: Call, reason: Refusal, message?: string): void;
  /** Sees to a call anew. */
  again(incoming: Incoming): void;
  /** Gives a place back. */
  giveBack(id: ActorId, entry: DirectoryEntry): Promise<void>;
  /** Loads what the actor keeps, for as long as it may act. */
  openState(id: ActorId, token: bigint, mayAct: () => boolean): Promise<ActorState>;
  /** Told of each change of state. */
  onChange(activation: Activation, to: ActivationState): void;
  /** Told of what has no caller to be told to. */
  onError(error: PartiError): void;
}

const DEFAULT_MAILBOX_MAX = 1_000;

/** One life. */
export class Activation {
  /** The actor. */
  readonly id: ActorId;
  /** Unlike that of every other life. */
  readonly name: string;
  readonly #type: ActorType;
  readonly #stage: Stage;
  readonly #machine: ActivationMachine;
  readonly #abort = new AbortController();
  /** Fires for a turn when the node stops, too: its right goes on, and it should come to its end. */
  readonly #turnsEnd = new AbortController();
  readonly #queue: Incoming[] = [];
  readonly #ended = Promise.withResolvers<void>();
  #entry: DirectoryEntry | undefined;
  #actor: Actor | undefined;
  #state: GuardedState | undefined;
  #inTurn: Incoming | undefined;
  #idle: Timer | undefined;
  #wanted: DeactivationReason | undefined;
  #turning = false;
  #isFresh = true;
  /** It has said goodbye, or could not begin: nothing of it counts any more. */
  #hasLeft = false;

  /**
   * Used by the node's host.
   *
   * @param id the actor
   * @param name unlike that of every other life
   * @param type its type
   * @param stage where it takes place
   */
  constructor(id: ActorId, name: string, type: ActorType, stage: Stage) {
    this.id = id;
    this.name = name;
    this.#type = type;
    this.#stage = stage;
    this.#machine = new ActivationMachine((to) => stage.onChange(this, to));
  }

  /** The state. */
  get state(): ActivationState {
    return this.#machine.state;
  }

  /** The call it is at work on. */
  get inTurn(): Call | undefined {
    return this.#inTurn?.call;
  }

  /** What waits for it, while it looks for its place. */
  get queue(): readonly Incoming[] {
    return this.#queue;
  }

  /** Lets a call wait for its turn. */
  offer(incoming: Incoming): void {
    const { mailboxMax = DEFAULT_MAILBOX_MAX } = this.#type;
    if (this.#queue.length >= mailboxMax) {
      const message = `${mailboxMax} calls wait for ${this.id} already`;
      return this.#stage.refuse(incoming.call, "overloaded", message);
    }
    this.#queue.push(incoming);
    this.#idle?.cancel();
    void this.#turns();
  }

  /** The node stops: a turn that goes on is told. */
  readonly turnsEnd = (): void => this.#turnsEnd.abort();

  /** It has no place here: what waits for it is given back. */
  elsewhere(): Incoming[] {
    const left = this.#queue.splice(0);
    this.#end();
    return left;
  }

  /**
   * It has its place, and begins.
   *
   * @param entry the place
   * @returns when it takes its turns, or has failed to; never rejects
   */
  async begin(entry: DirectoryEntry): Promise<void> {
    this.#entry = entry;
    this.#machine.set("activating");
    try {
      this.#state = await this.#openState(entry);
      if (this.#isOver) return;
      if (!this.#mayAct()) return this.lose();
      this.#actor = this.#type.create(this.#context(entry));
      await this.#actor.onActivate?.();
    } catch (error) {
      return await this.#failToBegin(entry, error);
    }
    if (this.#isOver) return;
    this.#machine.set("valid");
    this.#restAwhile();
    void this.#turns();
  }

  /**
   * Asks it to end, after the present turn. What waits then is seen to anew.
   *
   * @param reason why
   * @returns when it has ended
   */
  deactivate(reason: DeactivationReason): Promise<void> {
    this.#wanted ??= reason;
    if (reason === "stopping") this.#turnsEnd.abort();
    void this.#turns();
    return this.#ended.promise;
  }

  /** Its right to act is over: it ends at once, and nothing of it counts any more. */
  lose(): void {
    if (this.state === "invalid") return;
    const left = this.#queue.splice(0);
    const { call } = this.#inTurn ?? {};
    this.#end();
    this.#abort.abort();
    this.#turnsEnd.abort();
    for (const { call } of left) this.#stage.refuse(call, "stopped", "its node has lost its lease");
    if (call !== undefined) this.#stage.refuse(call, "lost");
  }

  async #openState({ revision }: DirectoryEntry): Promise<GuardedState | undefined> {
    if (!this.#type.state) return undefined;
    const mayAct = (): boolean => this.#mayAct();
    const opened = await this.#stage.openState(this.id, BigInt(revision), mayAct);
    return new GuardedState(opened, mayAct);
  }

  #context(entry: DirectoryEntry): ActorContext {
    return {
      ...{ id: this.id, token: BigInt(entry.revision), signal: this.#abort.signal },
      state: this.#state,
      mayAct: () => this.#mayAct(),
      deactivate: () => void this.deactivate("asked"),
    };
  }

  /** One turn after another, while there is something to do; never two at once. */
  async #turns(): Promise<void> {
    if (this.#turning || this.state !== "valid") return;
    this.#turning = true;
    // Whoever asks to end while it begins takes one turn at least: or what waits would begin it again and again.
    while (
      this.state === "valid" &&
      (this.#wanted === undefined || this.#isFresh && this.#wanted === "asked")
    ) {
      this.#isFresh = false;
      const incoming = this.#queue.shift();
      if (incoming === undefined) break;
      await this.#turn(incoming);
    }
    this.#turning = false;
    if (this.state !== "valid") return;
    if (this.#wanted !== undefined) await this.#leave(this.#wanted);
    else this.#restAwhile();
  }

  async #turn(incoming: Incoming): Promise<void> {
    const { call } = incoming;
    // The clock is asked, since after a pause of the process timers come late.
    if (!this.#mayAct()) {
      this.#queue.unshift(incoming);
      return this.lose();
    }
    if (incoming.leftMs <= 0) return this.#stage.refuse(call, "late");
    this.#inTurn = incoming;
    const said = await this.#handle(incoming);
    if (this.#inTurn !== incoming) return;
    this.#inTurn = undefined;
    if (this.#mayAct()) this.#stage.answer(call, said);
    else {
      this.#stage.refuse(call, "lost");
      this.lose();
    }
  }

  async #handle(incoming: Incoming): Promise<Said> {
    try {
      return doneWith(await this.#actor!.handle(incoming.forHandler(this.#turnsEnd.signal)));
    } catch (error) {
      return failedWith(error);
    }
  }

  /** Asked anew after each wait: the right may have been lost meanwhile. */
  get #isOver(): boolean {
    return this.state === "invalid";
  }

  #mayAct(): boolean {
    return !this.#isOver && !this.#hasLeft && this.#stage.mayAct();
  }

  #restAwhile(): void {
    const idleMs = idleMsOf(this.#type);
    this.#idle?.cancel();
    this.#idle = this.#stage.clock.setTimer(idleMs, () => {
      if (this.#queue.length === 0 && !this.#turning) void this.deactivate("idle");
    });
  }

  async #leave(reason: DeactivationReason): Promise<void> {
    // After a pause of the process its idle timer may fire before the end of the lease is noticed.
    if (!this.#mayAct()) return this.lose();
    this.#machine.set("deactivating");
    this.#idle?.cancel();
    const { clock, goodbyeMs: graceMs, onError } = this.#stage;
    const isInTime = await sayGoodbye({
      ...{ clock, graceMs, id: this.id, actor: this.#actor!, state: this.#state },
      ...{ over: this.#ended.promise, onError },
    }, reason);
    if (this.#isOver) return;
    this.#hasLeft = true;
    if (!isInTime) this.#abort.abort();
    await this.#giveBack();
  }

  async #failToBegin(entry: DirectoryEntry, error: unknown): Promise<void> {
    if (this.state === "invalid") return;
    this.#hasLeft = true;
    const left = this.#queue.splice(0);
    const message = `${this.id} could not begin: ${describeError(error)}`;
    for (const { call } of left) {
      // What the store or another node has refused may go well the next time: nobody has handled it.
      if (isPartiError(error)) this.#stage.refuse(call, "not begun", message);
      else this.#stage.answer(call, { status: "failed", message });
    }
    this.#entry = entry;
    await this.#giveBack();
  }

  async #giveBack(): Promise<void> {
    // A right that is lost meanwhile has ended this life already.
    await this.#stage.giveBack(this.id, this.#entry!);
    if (this.#machine.state === "invalid") return;
    const left = this.#queue.splice(0);
    this.#end();
    for (const incoming of left) {
      if (incoming.leftMs <= 0) this.#stage.refuse(incoming.call, "late");
      else this.#stage.again(incoming);
    }
  }

  #end(): void {
    this.#idle?.cancel();
    this.#inTurn = undefined;
    this.#machine.set("invalid");
    this.#ended.resolve();
  }
}
