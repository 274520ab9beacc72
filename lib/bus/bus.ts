/**
 * The bus of one node: calls other nodes, and handles what they call. A call has exactly one outcome.
 *
 * @module
 */
import { describeError, invariant, isPartiError, PartiError } from "../errors.ts";
import type { Subscription } from "../ports/messaging.ts";
import { tryAgain } from "./attempts.ts";
import { type BusCounts, newCounts } from "./bus_counts.ts";
import { type BusOptions, type BusSettings, busSettings, type CallOptions } from "./bus_options.ts";
import {
  type Answer,
  type Call,
  decodeEnvelope,
  encodeEnvelope,
  type Envelope,
  type Refusal,
  type Said,
} from "./envelope.ts";
import { Incoming, type ServiceHandler } from "./incoming.ts";
import { lag } from "./lag.ts";
import { Lookout } from "./lookout.ts";
import { type Address, addressOf, addressSubject, checkName, nodeSubject } from "./names.ts";
import { doneWith, failedWith, maybeDelivered, valueOf } from "./outcome.ts";
import { PendingCalls } from "./pending.ts";

/** What is asked of whom. */
export interface Errand {
  /** The subject to send to; none where it does not travel by one. */
  readonly subject?: string;
  /** The type of a handler there, or an actor's ID. */
  readonly to: string;
  /** What is asked. */
  readonly method: string;
  /** The payload. */
  readonly payload: Uint8Array;
  /** See {@linkcode Call.placed}. */
  readonly placed?: boolean;
}

/** Longer than that no timer of a JavaScript engine goes. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;
const NOTHING = new Uint8Array();

/** One node on the bus. */
export class MessageBus implements AsyncDisposable {
  /** This life of the node: what others answer to. */
  readonly address: Address;
  /** The bus's name. */
  readonly name: string;
  /** The node's name. */
  readonly node: string;
  readonly #options: BusOptions;
  readonly #settings: BusSettings;
  readonly #pending: PendingCalls;
  readonly #lookout: Lookout;
  readonly #handlers = new Map<string, ServiceHandler>();
  readonly #counts: BusCounts = newCounts();
  /** What is sent there need not travel. */
  readonly #ownSubjects = new Set<string>();
  readonly #stop = new AbortController();
  #takeActorCall: ((incoming: Incoming) => void) | undefined;
  #subscriptions: Subscription[] = [];
  #state: "new" | "running" | "stopped" = "new";
  #working = 0;

  /**
   * Makes a bus that does nothing yet.
   *
   * @param options what it is made from
   * @throws {PartiError} `PARTI_INVALID_CONFIG`
   */
  constructor(options: BusOptions) {
    const { world, bus, node } = options;
    checkName(bus, "a bus");
    checkName(node, "a node");
    this.name = bus;
    this.node = node;
    this.#options = options;
    this.#settings = busSettings(options);
    this.address = addressOf(node, world.random.uuid());
    this.#pending = new PendingCalls(world.clock, this.address, this.#settings.pendingMax);
    this.#lookout = new Lookout({
      world,
      everyMs: this.#settings.lookoutMs,
      subjects: (olderThanMs) => this.#pending.subjectsOlderThan(olderThanMs),
      isNeeded: () => this.#pending.count > 0,
      onGone: (subject) => {
        this.#pending.failAll(() => maybeDelivered("the receiver went"), subject);
      },
    });
  }

  /** How long a call may take unless it says so itself, in milliseconds. */
  get timeoutMs(): number {
    return this.#settings.timeoutMs;
  }

  /** After so long it is looked whether a receiver is still there, in milliseconds. */
  get lookoutMs(): number {
    return this.#settings.lookoutMs;
  }

  /** Whether it takes calls. */
  get running(): boolean {
    return this.#state === "running";
  }

  /** How many calls wait for an answer. */
  get pending(): number {
    return this.#pending.count;
  }

  /** How many calls that waited for an answer have had their outcome. */
  get settled(): number {
    return this.#pending.settled;
  }

  /** How many calls were made that waited for an answer. */
  get issued(): number {
    return this.#pending.issued;
  }

  /** What has happened so far. */
  get counts(): Readonly<BusCounts> {
    const { issued, settled, orphans } = this.#pending;
    return { ...this.#counts, issued, settled, orphans };
  }

  /** How many calls are handled at this moment. */
  get working(): number {
    return this.#working;
  }

  /**
   * Begins to take calls.
   *
   * @returns when the server knows where this node listens
   * @throws {PartiError} `PARTI_ALREADY_STARTED`, `PARTI_STOPPED`, or what the server says
   */
  async start(): Promise<void> {
    if (this.#state === "running") {
      throw new PartiError("PARTI_ALREADY_STARTED", "the bus was started before");
    }
    this.#refuseIfStopped();
    this.#state = "running";
    const { messaging } = this.#options.world;
    this.#subscriptions = [
      this.listenAt(this.address),
      this.#subscribe(nodeSubject(this.name, this.node)),
      messaging.onStatus((status) => {
        if (status === "reconnected") return;
        this.#pending.failAll(() => maybeDelivered("the connection went"));
      }),
    ];
    await messaging.flush(this.#settings.timeoutMs);
  }

  /** Stops: takes no call any more, and gives up those that wait. */
  async stop(): Promise<void> {
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    const closed = this.#lookout.close();
    this.#stop.abort();
    for (const subscription of this.#subscriptions) subscription.close();
    this.#pending.failAll(() => new PartiError("PARTI_STOPPED", "the bus has stopped"));
    invariant(this.#pending.count === 0, "a stopped bus has a pending call");
    await closed;
  }

  /** Stops. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * Handles calls of a type that are sent to this node.
   *
   * @param type the type: letters, digits, `_` and `-`
   * @param handler what handles them, any number at a time
   * @throws {PartiError} `PARTI_INVALID_CONFIG` if the type is no name, or is handled already
   */
  handle(type: string, handler: ServiceHandler): void {
    checkName(type, "a type");
    if (this.#handlers.has(type)) {
      throw new PartiError("PARTI_INVALID_CONFIG", `${type} is handled already`, { value: type });
    }
    this.#handlers.set(type, handler);
  }

  /** The address of another life of this node. For {@linkcode ActorSystem}. */
  newAddress(): Address {
    return addressOf(this.node, this.#options.world.random.uuid());
  }

  /**
   * Takes what is sent to another address as well. For {@linkcode ActorSystem}.
   *
   * @param address the address
   * @returns ends it
   */
  listenAt(address: Address): Subscription {
    const subject = addressSubject(this.name, address);
    this.#ownSubjects.add(subject);
    const subscription = this.#subscribe(subject);
    return {
      close: () => {
        this.#ownSubjects.delete(subject);
        subscription.close();
      },
    };
  }

  #subscribe(subject: string): Subscription {
    const { world, onError } = this.#options;
    return world.messaging.subscribe(
      subject,
      ({ data }) => this.#arrived(data),
      (error) => onError?.(error),
    );
  }

  /**
   * Takes calls to actors. For {@linkcode ActorSystem}.
   *
   * @param take what takes them; it must answer each request once, and must not throw
   * @returns ends it
   * @throws {PartiError} `PARTI_ALREADY_STARTED` if somebody takes them already
   */
  handleActors(take: (incoming: Incoming) => void): Subscription {
    if (this.#takeActorCall !== undefined) {
      throw new PartiError("PARTI_ALREADY_STARTED", "this bus has an actor system already", {
        hint: "one for each bus: define all types on it",
      });
    }
    this.#takeActorCall = take;
    return { close: () => this.#takeActorCall = undefined };
  }

  /**
   * Calls a handler of another node, and waits for its value.
   *
   * @param target the node and the type of its handler
   * @param method what is asked
   * @param payload the payload
   * @param options how long it may take; with an `idempotencyKey` it is tried again
   * @returns the handler's value
   * @throws {PartiError} the one outcome that is no value: `PARTI_CALL_FAILED`, `PARTI_TIMEOUT`, `PARTI_NOT_SENT`,
   * `PARTI_MAYBE_DELIVERED`, `PARTI_ABORTED`, `PARTI_OVERLOADED`, `PARTI_NO_HANDLER` or `PARTI_STOPPED`
   */
  async request(
    target: ServiceTarget,
    method: string,
    payload: Uint8Array,
    options: CallOptions = {},
  ): Promise<Uint8Array> {
    const errand = { ...this.#errandTo(target), method, payload };
    return valueOf(
      await this.attempts(options, (timeoutMs) => this.call(errand, { ...options, timeoutMs })),
    );
  }

  /**
   * Tells a handler of another node something, and waits for nothing.
   *
   * @param target the node and the type of its handler
   * @param method what is told
   * @param payload the payload
   * @param options its deadline and trace
   * @throws {PartiError} `PARTI_NOT_SENT` if it never left, `PARTI_STOPPED`
   */
  async oneway(
    target: ServiceTarget,
    method: string,
    payload: Uint8Array,
    options: Omit<CallOptions, "signal"> = {},
  ): Promise<void> {
    await this.tell({ ...this.#errandTo(target), method, payload }, options);
  }

  /** Tries a call again where it has a key. For {@linkcode ActorSystem}. */
  attempts(
    options: CallOptions,
    attempt: (timeoutMs: number) => Promise<Answer>,
  ): Promise<Answer> {
    const timeoutMs = this.#timeoutOf(options);
    const { idempotencyKey, signal } = options;
    if (idempotencyKey === undefined) return attempt(timeoutMs);
    const onAgain = (): void => void this.#counts.retries++;
    return tryAgain(this.#options.world, { timeoutMs, signal, onAgain }, async (tryMs) => {
      const answer = await attempt(tryMs);
      // What was refused may be taken the next time.
      if (answer.status === "refused") valueOf(answer);
      return answer;
    });
  }

  /**
   * Sends one call and waits for its answer. For {@linkcode ActorSystem}.
   *
   * @param errand what is asked of whom
   * @param options how long
   * @returns the answer, whatever it says
   * @throws {PartiError} `PARTI_TIMEOUT`, `PARTI_NOT_SENT`, `PARTI_MAYBE_DELIVERED`, `PARTI_ABORTED`, `PARTI_OVERLOADED`, `PARTI_STOPPED`
   */
  call(errand: Errand & { readonly subject: string }, options: CallOptions): Promise<Answer> {
    const send: Send = (makeCall) => this.#send(errand.subject, makeCall);
    return this.#call(send, errand, options);
  }

  /**
   * Makes a call that somebody else sends, and waits for its answer. For {@linkcode PartitionActors}.
   *
   * @param send sends it
   * @param errand what is asked
   * @param options how long
   * @returns the answer, whatever it says
   * @throws {PartiError} as {@linkcode call}
   */
  callBy(
    send: (call: Call) => Promise<void>,
    errand: Errand,
    options: CallOptions,
  ): Promise<Answer> {
    return this.#call(sentBy(send), errand, options);
  }

  async #call(send: Send, errand: Errand, options: CallOptions): Promise<Answer> {
    this.#refuseUnlessRunning();
    const { subject } = errand;
    const timeoutMs = this.#timeoutOf(options);
    const { id, answer } = this.#pending.open({ subject, timeoutMs, signal: options.signal });
    this.#lookout.wake();
    const deadline = this.#deadline(timeoutMs);
    const makeCall = () =>
      this.#pending.has(id) ? this.#callOf("request", id, errand, options, deadline()) : undefined;
    // Sending is not waited for: the outcome may come before.
    send(makeCall).catch((error) => this.#pending.fail(id, this.#notSent(error)));
    return await answer;
  }

  /**
   * Sends one call for which nobody waits. For {@linkcode ActorSystem}.
   *
   * @param errand what is told whom
   * @param options its deadline
   * @throws {PartiError} `PARTI_NOT_SENT`, `PARTI_STOPPED`
   */
  tell(errand: Errand & { readonly subject: string }, options: CallOptions): Promise<void> {
    return this.#tell((makeCall) => this.#send(errand.subject, makeCall), errand, options);
  }

  /** Sends one call, by somebody else, for which nobody waits. For {@linkcode PartitionActors}. */
  tellBy(
    send: (call: Call) => Promise<void>,
    errand: Errand,
    options: CallOptions,
  ): Promise<void> {
    return this.#tell(sentBy(send), errand, options);
  }

  /** What came through a feed and was no call. For {@linkcode PartitionActors}. */
  noteMalformed(): void {
    this.#counts.malformed++;
  }

  async #tell(send: Send, errand: Errand, options: CallOptions): Promise<void> {
    this.#refuseUnlessRunning();
    const id = `${this.address}:-${++this.#counts.told}`;
    const deadline = this.#deadline(this.#timeoutOf(options));
    try {
      await send(() => this.#callOf("oneway", id, errand, options, deadline()));
    } catch (error) {
      throw this.#notSent(error);
    }
  }

  /**
   * Sends a call on. For {@linkcode ActorSystem}.
   *
   * @param incoming the call, as it came
   * @param subject where to
   * @param placed whether an actor may begin there
   * @throws {PartiError} `PARTI_NOT_SENT`
   */
  async forward(incoming: Incoming, subject: string, placed: boolean): Promise<void> {
    const { placed: _, ...call } = incoming.call;
    const { hops } = call;
    this.#counts.forwarded++;
    this.#options.onForwarded?.(call);
    try {
      await this.#send(subject, () => ({
        ...call,
        leftMs: incoming.leftMs,
        hops: hops + 1,
        ...(placed ? { placed } : {}),
      }));
    } catch (error) {
      throw this.#notSent(error);
    }
  }

  /**
   * Answers a call. For {@linkcode ActorSystem}.
   *
   * @param call the call; of a one-way one nobody waits for the answer, and none is sent
   * @param answer what to say
   */
  answer(call: Call, answer: Said): void {
    if (call.kind === "oneway") return;
    const { id, hops } = call;
    const envelope: Answer = {
      ...{ kind: "answer", id, at: this.address, hops, payload: NOTHING },
      ...answer,
    };
    void this.#sendAnswer(call.from, envelope);
  }

  /** Refuses a call. For {@linkcode ActorSystem}. */
  refuse(call: Call, reason: Refusal, message?: string): void {
    this.#counts.refused++;
    const why = message === undefined ? {} : { message };
    this.answer(call, { status: "refused", reason, ...why });
  }

  async #sendAnswer(to: Address, envelope: Answer): Promise<void> {
    const { world, onError } = this.#options;
    try {
      if (world.buggify("bus-answer-late")) await lag(this.#options.world, this.#stop.signal);
      await this.#post(addressSubject(this.name, to), envelope);
      if (world.buggify("bus-answer-twice", 0.05)) {
        await this.#post(addressSubject(this.name, to), envelope);
      }
    } catch (error) {
      // The caller learns it by its deadline.
      if (isPartiError(error, "PARTI_TOO_LARGE")) return this.#answerTooLarge(to, envelope, error);
      if (!isPartiError(error)) throw error;
      onError?.(error);
    }
  }

  /** What cannot be sent is said, in its place. */
  #answerTooLarge(to: Address, envelope: Answer, error: PartiError): void {
    if (envelope.status === "failed") return this.#options.onError?.(error);
    const message = `the answer cannot be sent: ${error.message}`;
    void this.#sendAnswer(to, { ...envelope, status: "failed", message, payload: NOTHING });
  }

  /** Makes the call as late as possible, since it says how much time is left; or not at all. */
  async #send(subject: string, makeCall: () => Call | undefined): Promise<void> {
    const { buggify } = this.#options.world;
    if (buggify("bus-send-late")) await lag(this.#options.world, this.#stop.signal);
    if (buggify("bus-send-fails")) {
      throw new PartiError("PARTI_DISCONNECTED", "made to fail by the simulation");
    }
    const call = makeCall();
    if (call !== undefined) await this.#post(subject, call);
  }

  /** How much time is left, in milliseconds, whenever it is asked. */
  #deadline(timeoutMs: number): () => number {
    const { clock } = this.#options.world;
    const endMs = clock.monotonicMs() + timeoutMs;
    return () => endMs - clock.monotonicMs();
  }

  /** Hands it to the connection, or to itself. */
  async #post(subject: string, envelope: Envelope): Promise<void> {
    const { messaging } = this.#options.world;
    const bytes = encodeEnvelope(envelope);
    if (this.#ownSubjects.has(subject)) {
      // In a turn of its own: whoever sends does not expect to be called meanwhile.
      await Promise.resolve();
      return this.#arrived(bytes);
    }
    if (!messaging.connected) {
      throw new PartiError("PARTI_DISCONNECTED", `send to ${subject}: not connected`);
    }
    messaging.publish(subject, bytes);
  }

  #arrived(bytes: Uint8Array): void {
    if (this.#state !== "running") return;
    const envelope = decodeEnvelope(bytes);
    if (envelope === undefined) this.#counts.malformed++;
    else if (envelope.kind === "answer") void this.#answered(envelope);
    else this.#called(new Incoming(envelope, this.#options.world.clock));
  }

  async #answered(answer: Answer): Promise<void> {
    if (this.#options.world.buggify("bus-complete-late")) {
      await lag(this.#options.world, this.#stop.signal);
    }
    if (!this.#pending.settle(answer)) this.#options.onOrphan?.(answer);
  }

  #called(incoming: Incoming): void {
    const { call } = incoming;
    this.#counts.received++;
    if (call.to.includes("::")) {
      if (this.#takeActorCall !== undefined) this.#takeActorCall(incoming);
      else this.refuse(call, "no handler", "there are no actors");
      return;
    }
    const handler = this.#handlers.get(call.to);
    if (handler === undefined) this.refuse(call, "no handler", `nobody handles ${call.to}`);
    else if (this.#working >= this.#settings.workingMax) this.refuse(call, "overloaded");
    else void this.#work(incoming, handler);
  }

  async #work(incoming: Incoming, handler: ServiceHandler): Promise<void> {
    const { call } = incoming;
    this.#working++;
    try {
      this.answer(call, doneWith(await handler(incoming.forHandler(this.#stop.signal))));
    } catch (error) {
      this.#counts.failed++;
      this.answer(call, failedWith(error));
    } finally {
      this.#working--;
    }
  }

  #callOf(
    kind: Call["kind"],
    id: string,
    { to, method, payload, placed }: Errand,
    { idempotencyKey, trace }: CallOptions,
    leftMs: number,
  ): Call {
    return {
      ...{ kind, id, from: this.address, to, method, leftMs, hops: 0 },
      ...(idempotencyKey === undefined ? {} : { key: idempotencyKey }),
      ...(trace === undefined ? {} : { trace }),
      ...(placed ? { placed } : {}),
      payload,
    };
  }

  #errandTo({ node, type }: ServiceTarget): { readonly subject: string; readonly to: string } {
    checkName(node, "a node");
    checkName(type, "a type");
    return { subject: nodeSubject(this.name, node), to: type };
  }

  #timeoutOf({ timeoutMs = this.#settings.timeoutMs }: CallOptions): number {
    if (timeoutMs >= 0 && timeoutMs <= TIMEOUT_MAX_MS) return timeoutMs;
    throw new PartiError("PARTI_INVALID_CONFIG", `timeoutMs is ${timeoutMs}`, {
      value: timeoutMs,
      hint: `it must be a number of milliseconds from 0 to ${TIMEOUT_MAX_MS}`,
    });
  }

  #notSent(error: unknown): PartiError {
    if (!isPartiError(error)) {
      // A bug, or a payload that is none: the caller is told, and nobody waits.
      return new PartiError("PARTI_NOT_SENT", `it could not be sent: ${describeError(error)}`, {
        cause: error,
      });
    }
    // Whether a feed has stored it is unknown.
    if (error.code === "PARTI_TIMEOUT") return maybeDelivered("the feed was silent");
    return new PartiError("PARTI_NOT_SENT", `it was not sent: ${error.message}`, {
      value: error.value,
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }

  /** Nobody would hear the answer. */
  #refuseUnlessRunning(): void {
    this.#refuseIfStopped();
    if (this.#state === "running") return;
    throw new PartiError("PARTI_NOT_STARTED", "the bus was not started", {
      hint: "start it first",
    });
  }

  #refuseIfStopped(): void {
    if (this.#state !== "stopped") return;
    throw new PartiError("PARTI_STOPPED", "the bus has stopped", { hint: "make a new one" });
  }
}

/** Sends a call that is made as late as possible, or not at all. */
type Send = (makeCall: () => Call | undefined) => Promise<void>;

function sentBy(send: (call: Call) => Promise<void>): Send {
  return async (makeCall) => {
    const call = makeCall();
    if (call !== undefined) await send(call);
  };
}

/** A handler of a node. */
export interface ServiceTarget {
  /** The node's name. */
  readonly node: string;
  /** The type of its handler. */
  readonly type: string;
}
