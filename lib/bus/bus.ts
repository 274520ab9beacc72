/**
 * The bus of one node: calls other nodes, and handles what they call. A call has exactly one outcome.
 *
 * @module
 */
import { describeError, invariant, PartiError } from "../errors.ts";
import { type Logger, logger } from "../logging.ts";
import type { Subscription } from "../ports/messaging.ts";
import { type BusCounts, newCounts } from "./bus_counts.ts";
import { type BusOptions, type BusSettings, busSettings, type CallOptions } from "./bus_options.ts";
import { Caller, type OutcomeObserver } from "./caller.ts";
import { type Answer, decodeEnvelope } from "./envelope.ts";
import { Incoming, type ServiceHandler } from "./incoming.ts";
import { lag } from "./lag.ts";
import { Listening } from "./listening.ts";
import {
  type Address,
  addressIn,
  addressOf,
  addressSubject,
  checkName,
  nodeSubject,
} from "./names.ts";
import { doneWith, failedWith, maybeDelivered, valueOf } from "./outcome.ts";
import { Outbox } from "./outbox.ts";

/** A handler of a node. */
export interface ServiceTarget {
  /** The node's name. */
  readonly node: string;
  /** The type of its handler. */
  readonly type: string;
}

/** What a node with actors does for its bus. */
export interface ActorSide {
  /** Takes a call to an actor; it must answer each request once, and must not throw. */
  readonly take: (incoming: Incoming) => void;
  /** Whether a life of a node is over for certain; asked where calls wait for longer than usual. Must not reject. */
  readonly isOver: (address: Address) => Promise<boolean>;
}

/** One node on the bus. */
export class MessageBus implements AsyncDisposable {
  /** This life of the node: what others answer to. */
  readonly address: Address;
  /** The bus's name. */
  readonly name: string;
  /** The node's name. */
  readonly node: string;
  /** The calls it makes. For {@linkcode ActorSystem} and {@linkcode PartitionActors}. */
  readonly caller: Caller;
  /** What it says. For {@linkcode ActorSystem} and {@linkcode PartitionActors}. */
  readonly outbox: Outbox;
  readonly #options: BusOptions;
  readonly #settings: BusSettings;
  readonly #handlers = new Map<string, ServiceHandler>();
  readonly #counts: BusCounts = newCounts();
  readonly #stop = new AbortController();
  readonly #log: Logger;
  #actors: ActorSide | undefined;
  readonly #subscriptions: Subscription[] = [];
  #state: "new" | "running" | "stopped" = "new";
  #working = 0;

  /**
   * Makes a bus that does nothing yet.
   *
   * @param options what it is made from
   * @throws {PartiError} `PARTI_INVALID_CONFIG`
   */
  constructor(options: BusOptions) {
    const { world, bus, node, onForwarded } = options;
    checkName(bus, "a bus");
    checkName(node, "a node");
    this.name = bus;
    this.node = node;
    this.#options = options;
    this.#settings = busSettings(options);
    this.#log = logger("bus", { bus, node });
    this.address = addressOf(node, world.random.uuid());
    const own = { world, bus, address: this.address, counts: this.#counts };
    this.caller = new Caller({
      ...{ ...own, settings: this.#settings, over: this.#stop.signal },
      checkRunning: () => this.#refuseUnlessRunning(),
      isOver: async (subject) => {
        const address = addressIn(bus, subject);
        return address !== undefined && await this.#actors?.isOver(address) === true;
      },
    });
    this.outbox = new Outbox({
      ...{ ...own, signal: this.#stop.signal },
      onError: (error) => this.#tell(error),
      ...(onForwarded === undefined ? {} : { onForwarded }),
      arrived: (bytes) => this.#arrived(bytes),
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

  /** Fires when it stops. */
  get over(): AbortSignal {
    return this.#stop.signal;
  }

  /** How many calls wait for an answer. */
  get pending(): number {
    return this.caller.pending.count;
  }

  /** What has happened so far. */
  get counts(): Readonly<BusCounts> {
    const { issued, settled, orphans } = this.caller.pending;
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
   * @throws {PartiError} `PARTI_ALREADY_STARTED`, `PARTI_STOPPED`, `PARTI_REFUSED` if this user may not listen, or what else the connection
   * says; then it has stopped
   */
  async start(): Promise<void> {
    if (this.#state === "running") {
      throw new PartiError("PARTI_ALREADY_STARTED", "the bus was started before");
    }
    this.#refuseIfStopped();
    this.#state = "running";
    const keep = <Kept extends Subscription>(kept: Kept): Kept => {
      this.#subscriptions.push(kept);
      return kept;
    };
    try {
      const { messaging } = this.#options.world;
      const own = keep(this.listenAt(this.address));
      const shared = keep(this.#listen(nodeSubject(this.name, this.node)));
      keep(messaging.onStatus((status) => {
        if (status === "reconnected") return;
        this.caller.failAll(() => maybeDelivered("the connection went"));
      }));
      // What was sent to where this user may not send: its caller waits in vain, and nobody else would say why.
      keep(messaging.onRefused((error) => this.#tell(error)));
      const { timeoutMs } = this.#settings;
      await Promise.all([own.heard(timeoutMs), shared.heard(timeoutMs)]);
    } catch (error) {
      await this.stop();
      throw error;
    }
    // Somebody may have stopped it meanwhile.
    this.#refuseIfStopped();
  }

  /** Stops: takes no call any more, and gives up those that wait. */
  async stop(): Promise<void> {
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    const closed = this.caller.close();
    this.#stop.abort();
    for (const subscription of this.#subscriptions) subscription.close();
    this.caller.failAll(() => new PartiError("PARTI_STOPPED", "the bus has stopped"));
    invariant(this.pending === 0, "a stopped bus has a pending call");
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
    const subject = this.#subjectOf(target);
    const errand = { subject, to: target.type, method, payload };
    const answer = await this.caller.attempts(options, (timeoutMs) =>
      this.caller.call(
        this.outbox.to(subject),
        errand,
        { ...options, timeoutMs },
      ));
    return valueOf(answer);
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
    const subject = this.#subjectOf(target);
    await this.caller.tell(
      this.outbox.to(subject),
      { to: target.type, method, payload },
      options,
    );
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
  listenAt(address: Address): Pick<Listening, "heard" | "close"> {
    const subject = addressSubject(this.name, address);
    const listening = this.#listen(subject);
    const disown = this.outbox.own(subject);
    return {
      heard: (timeoutMs) => listening.heard(timeoutMs),
      close: () => {
        disown();
        listening.close();
      },
    };
  }

  /**
   * Takes calls to actors. For {@linkcode ActorSystem}.
   *
   * @param actors what takes them
   * @returns ends it
   * @throws {PartiError} `PARTI_ALREADY_STARTED` if somebody takes them already
   */
  handleActors(actors: ActorSide): Subscription {
    if (this.#actors !== undefined) {
      throw new PartiError("PARTI_ALREADY_STARTED", "this bus has an actor system already", {
        hint: "one for each bus: define all types on it",
      });
    }
    this.#actors = actors;
    return { close: () => this.#actors = undefined };
  }

  /**
   * Tells the outcome of each request from now on, to handlers and to actors alike: for metrics.
   *
   * @param told is told; must not throw
   * @returns ends it
   */
  onOutcome(told: OutcomeObserver): Subscription {
    return this.caller.onOutcome(told);
  }

  /** What came through a feed and was no call. For {@linkcode PartitionActors}. */
  noteMalformed(): void {
    this.#counts.malformed++;
  }

  #listen(subject: string): Listening {
    return new Listening({
      ...{ messaging: this.#options.world.messaging, subject },
      take: (bytes) => this.#arrived(bytes),
      onRefused: (error) => this.#tell(error),
    });
  }

  #tell(error: PartiError): void {
    this.#log.warn("{error}", { error: describeError(error) });
    this.#options.onError?.(error);
  }

  #arrived(bytes: Uint8Array): void {
    if (this.#state !== "running") return;
    const envelope = decodeEnvelope(bytes);
    if (envelope === undefined) this.#counts.malformed++;
    else if (envelope.kind === "answer") void this.#answered(envelope);
    else this.#called(new Incoming(envelope, this.#options.world.clock));
  }

  async #answered(answer: Answer): Promise<void> {
    const { world, onOrphan } = this.#options;
    if (world.buggify("bus-complete-late")) await lag(world, this.#stop.signal);
    if (!this.caller.settle(answer)) onOrphan?.(answer);
  }

  #called(incoming: Incoming): void {
    const { call } = incoming;
    const { outbox } = this;
    this.#counts.received++;
    if (call.to.includes("::")) {
      if (this.#actors !== undefined) this.#actors.take(incoming);
      else outbox.refuse(call, "no handler", "there are no actors");
      return;
    }
    const handler = this.#handlers.get(call.to);
    if (handler === undefined) outbox.refuse(call, "no handler", `nobody handles ${call.to}`);
    else if (incoming.leftMs <= 0) outbox.refuse(call, "late");
    else if (this.#working >= this.#settings.workingMax) outbox.refuse(call, "overloaded");
    else void this.#work(incoming, handler);
  }

  async #work(incoming: Incoming, handler: ServiceHandler): Promise<void> {
    const { call } = incoming;
    this.#working++;
    try {
      this.outbox.answer(call, doneWith(await handler(incoming.forHandler(this.#stop.signal))));
    } catch (error) {
      this.outbox.answer(call, failedWith(error));
    } finally {
      this.#working--;
    }
  }

  #subjectOf({ node, type }: ServiceTarget): string {
    checkName(node, "a node");
    checkName(type, "a type");
    return nodeSubject(this.name, node);
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
