/**
 * Actors on a node: finds where an actor lives, begins it where it is nowhere, and lets it act only while this node's lease is valid.
 *
 * @module
 */
import { settled } from "../../abort.ts";
import { describeError, isPartiError, PartiError } from "../../errors.ts";
import { type Logger, logger } from "../../logging.ts";
import type { Subscription } from "../../ports/messaging.ts";
import { type CallOptions, checkAbove0, checkDuration, checkTimeout } from "../bus_options.ts";
import type { Send } from "../caller.ts";
import type { Answer } from "../envelope.ts";
import { type Address, addressSubject } from "../names.ts";
import { valueOf } from "../outcome.ts";
import type { ActorType } from "./actor.ts";
import {
  type ActorBuckets,
  openActorBuckets,
  type OpenDirectory,
  openDirectory,
  openStates,
} from "./actor_buckets.ts";
import type { ActorCalls } from "./actor_calls.ts";
import type { ActorId } from "./actor_id.ts";
import type { ActorSystemOptions } from "./actor_system_options.ts";
import type { Activation } from "./activation.ts";
import type { Directory } from "./directory.ts";
import { KvDirectory } from "./kv_directory.ts";
import { Locator, type Surroundings, type Where } from "./locator.ts";
import { NodeLives } from "./node_lives.ts";
import { Nodes } from "./nodes.ts";
import { KvStateStore } from "./state_store.ts";
import { Sweeper } from "./sweeper.ts";
import { TypeTable } from "./type_table.ts";

const DEFAULT_LEASE_TTL_MS = 5_000;
const DEFAULT_CACHE_MAX = 100_000;
const DEFAULT_STOP_GRACE_MS = 10_000;
/** So often in a lease it is asked whether the directory is still there. */
const CHECKS = 3;

/** Actors on one node. */
export class ActorSystem implements ActorCalls, AsyncDisposable {
  readonly #options: ActorSystemOptions;
  readonly #types = new TypeTable();
  readonly #leaseTtlMs: number;
  readonly #locator: Locator;
  readonly #stop = new AbortController();
  /** Fires when no actor acts here any more: until then turns and goodbyes call others. */
  readonly #over = new AbortController();
  readonly #log: Logger;
  readonly #lives: NodeLives;
  #begun = 0;
  #nodes: Nodes | undefined;
  #sweeper: Sweeper | undefined;
  #taking: Subscription | undefined;
  #directory: Directory | undefined;
  #living: Promise<void> = Promise.resolve();
  #state: "new" | "running" | "stopped" = "new";

  /**
   * Makes a system that does nothing yet.
   *
   * @param options what it is made from
   * @throws {PartiError} `PARTI_INVALID_CONFIG` for a number that is not above 0, or a duration that no timer has
   */
  constructor(options: ActorSystemOptions) {
    for (const name of ["leaseTtlMs", "stopGraceMs"] as const) checkDuration(name, options[name]);
    checkAbove0("cacheMax", options.cacheMax);
    this.#options = options;
    this.#leaseTtlMs = options.leaseTtlMs ?? DEFAULT_LEASE_TTL_MS;
    this.#log = logger("bus", { bus: options.bus.name, node: options.bus.node });
    const { world, bus, stopGraceMs = DEFAULT_STOP_GRACE_MS } = options;
    this.#lives = new NodeLives({
      ...{ world, bus, stopGraceMs, types: this.#types },
      onActivation: (activation, to) => {
        if (to === "valid") this.#begun++;
        options.onActivation?.(activation, to);
      },
      onError: (error) => this.#tell(error),
    });
    this.#locator = new Locator({
      ...{ world, cacheMax: options.cacheMax ?? DEFAULT_CACHE_MAX },
      nodes: () => this.#nodes,
      surroundings: () => this.#surroundings(),
      joining: () => this.#lives.joining,
      over: AbortSignal.any([this.#over.signal, bus.over]),
      checkRoom: (looking) => bus.caller.pending.checkRoom(looking),
      onError: (error) => this.#tell(error),
    });
  }

  /** This life of the node, to which actors belong; undefined while it has no lease. */
  get address(): Address | undefined {
    return this.#lives.host?.address;
  }

  /** Whether this node may act at this moment. */
  get mayAct(): boolean {
    return this.#lives.host?.mayAct() ?? false;
  }

  /** The lives of actors on this node. */
  get activations(): readonly Activation[] {
    return this.#lives.host?.activations ?? [];
  }

  /** How many actors live here. */
  get size(): number {
    return this.#lives.host?.size ?? 0;
  }

  /** How many lives of actors have begun here so far. */
  get begun(): number {
    return this.#begun;
  }

  /**
   * Says what actors of a type do.
   *
   * @param name the type, such as `shop::cart`
   * @param type what they do
   * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is no name, or is defined already
   */
  define(name: string, type: ActorType): void {
    this.#types.define(name, type);
  }

  /**
   * Joins: from now on actors may live here.
   *
   * @returns when this node has its lease and has seen the others
   * @throws {PartiError} `PARTI_ALREADY_STARTED`, `PARTI_STOPPED`, or what the server says
   */
  async start(): Promise<void> {
    if (this.#state !== "new") {
      const code = this.#state === "running" ? "PARTI_ALREADY_STARTED" : "PARTI_STOPPED";
      throw new PartiError(code, "the actor system was started before", { hint: "make a new one" });
    }
    if (!this.#options.bus.running) {
      throw new PartiError("PARTI_NOT_STARTED", "the bus of this node does not run", {
        hint: "start the bus first",
      });
    }
    this.#state = "running";
    const starting = this.#open().catch(async (error) => {
      // Whoever tries again makes a new one.
      this.#end();
      await this.#close();
      throw error;
    });
    // Whoever stops meanwhile waits for it.
    this.#living = starting.catch(() => {});
    await starting;
  }

  async #open(): Promise<void> {
    const { world, bus, buckets } = this.#options;
    const { nodes, states } = await this.#openBuckets();
    this.#nodes = new Nodes({
      ...{ world, bucket: nodes, ttlMs: this.#leaseTtlMs },
      load: () => this.size,
      // Whoever is on its way out is not chosen any more.
      types: () => this.#isStopped ? [] : this.#types.names,
      onGone: () => this.#sweeper?.mark(),
      onError: (error) => this.#tell(error),
    });
    this.#taking = bus.handleActors({
      take: (incoming) => this.#lives.take(incoming),
      isOver: (address) => this.#nodes!.proveDead(address),
    });
    // Where the bucket cannot be read that takes for ever, and whoever stops meanwhile must not wait for it.
    await settled(this.#nodes.initialized, this.#stop.signal);
    if (this.#isStopped) throw new PartiError("PARTI_STOPPED", "the actor system has stopped");
    const { bucket, identity } = await this.#openDirectory();
    const own = new KvDirectory(bucket);
    const directory = this.#options.directory?.(own) ?? own;
    this.#directory = directory;
    this.#sweeper = this.#sweeperOf(directory);
    await this.#lives.begin({
      ...{ nodes: this.#nodes, directory, checkEveryMs: this.#leaseTtlMs / CHECKS },
      states: this.#options.states ??
        new KvStateStore(states, () => openStates(world.kv, bus.name, buckets)),
      identify: () => world.kv.identify(bucket.name),
      reopen: async () => {
        await this.#openBuckets();
        return (await this.#openDirectory()).identity;
      },
    }, identity);
  }

  async #openBuckets(): Promise<ActorBuckets> {
    const { world, bus, buckets } = this.#options;
    const opened = await openActorBuckets(world.kv, bus.name, this.#leaseTtlMs, buckets);
    if (this.#isStopped) throw new PartiError("PARTI_STOPPED", "the actor system has stopped");
    return opened;
  }

  #openDirectory(): Promise<OpenDirectory> {
    const { world, bus, buckets: how } = this.#options;
    const over = this.#stop.signal;
    return openDirectory({ ...{ world, how, over }, bus: bus.name, nodes: this.#nodes! });
  }

  #sweeperOf(directory: Directory): Sweeper {
    return new Sweeper({
      ...{ world: this.#options.world, directory, everyMs: this.#leaseTtlMs / 2 },
      nodes: () => this.#nodes!,
      own: () => this.address,
      onError: (error) => this.#tell(error),
    });
  }

  /**
   * Leaves in order: each actor ends after its present turn, its place is given back, and then the lease.
   *
   * @returns when nothing of it is left
   */
  async stop(): Promise<void> {
    if (this.#state === "stopped") return await this.#living;
    const wasRunning = this.#state === "running";
    this.#end();
    if (!wasRunning) return;
    this.#living = this.#leave();
    await this.#living;
  }

  /** Leaves. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * Calls an actor, wherever it lives, and waits for its value. Where it is nowhere it begins.
   *
   * @param id the actor, such as `shop::cart/4711`
   * @param method what is asked
   * @param payload the payload
   * @param options how long it may take; with an `idempotencyKey` it is tried again
   * @returns the actor's value
   * @throws {PartiError} the one outcome that is no value, as {@linkcode MessageBus.request} does; also `PARTI_TOO_MANY_HOPS`
   */
  async request(
    id: ActorId,
    method: string,
    payload: Uint8Array,
    options: CallOptions = {},
  ): Promise<Uint8Array> {
    const { world: { clock }, bus } = this.#options;
    const answer = await bus.caller.attempts(options, async (timeoutMs) => {
      const endMs = clock.monotonicMs() + timeoutMs;
      const where = await this.#locator.locate(id, endMs, options);
      const leftMs = Math.max(0, endMs - clock.monotonicMs());
      return await this.#call(id, where, { method, payload }, { ...options, timeoutMs: leftMs });
    });
    return valueOf(answer);
  }

  /**
   * Tells an actor something, wherever it lives, and waits for nothing.
   *
   * @param id the actor
   * @param method what is told
   * @param payload the payload
   * @param options its deadline and trace
   * @throws {PartiError} `PARTI_NOT_SENT` if it never left, `PARTI_TIMEOUT` if it could not be found out where to, `PARTI_OVERLOADED` if
   * too many calls wait for that, `PARTI_INVALID_CONFIG` for a timeout that no timer has
   */
  async oneway(
    id: ActorId,
    method: string,
    payload: Uint8Array,
    options: Omit<CallOptions, "signal" | "idempotencyKey"> = {},
  ): Promise<void> {
    const { world: { clock }, bus } = this.#options;
    const { timeoutMs: givenMs = bus.timeoutMs } = options;
    checkTimeout(givenMs);
    const endMs = clock.monotonicMs() + givenMs;
    const { address, placed } = await this.#locator.locate(id, endMs, { oneway: true });
    const timeoutMs = Math.max(0, endMs - clock.monotonicMs());
    const errand = { to: id, method, payload, placed };
    await bus.caller.tell(this.#sendTo(address), errand, { ...options, timeoutMs });
  }

  async #call(
    id: ActorId,
    { address, placed }: Where,
    what: { readonly method: string; readonly payload: Uint8Array },
    options: CallOptions,
  ): Promise<Answer> {
    const { bus } = this.#options;
    const errand = { subject: addressSubject(bus.name, address), to: id, placed, ...what };
    try {
      const answer = await bus.caller.call(this.#sendTo(address), errand, options);
      this.#locator.heard(id, answer);
      return answer;
    } catch (error) {
      this.#locator.failed(id, error);
      throw error;
    }
  }

  #sendTo(address: Address): Send {
    const { bus } = this.#options;
    return bus.outbox.to(addressSubject(bus.name, address));
  }

  /** What can be found out of actors; undefined while this node has no lease. */
  #surroundings(): Surroundings | undefined {
    const [host, nodes, directory] = [this.#lives.host, this.#nodes, this.#directory];
    if (host === undefined || nodes === undefined || directory === undefined) return undefined;
    return { directory, nodes, choose: (type) => host.choose(type) };
  }

  /** Asked anew after each wait. */
  get #isStopped(): boolean {
    return this.#state === "stopped";
  }

  /** Whoever waits for a lease waits in vain. */
  #end(): void {
    this.#state = "stopped";
    this.#stop.abort();
    this.#lives.end();
  }

  async #leave(): Promise<void> {
    await this.#living;
    await this.#close();
  }

  async #close(): Promise<void> {
    await this.#lives.close();
    this.#over.abort();
    this.#taking?.close();
    await this.#sweeper?.close();
    await this.#nodes?.close();
  }

  #tell(error: unknown): void {
    if (!isPartiError(error)) throw error;
    this.#log.warn("{error}", { error: describeError(error) });
    this.#options.onError?.(error);
  }
}
