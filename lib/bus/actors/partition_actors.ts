/**
 * Actors placed by partition: an actor lives where the shard of its name is, so nobody has to be asked where, and no directory is written.
 * Calls travel through the group's sharded feed: they are stored, come in order, and are handled under the lock and the fence of the shard.
 *
 * @module
 */
import { describeError, isPartiError, OUTAGE_CODES, type PartiError } from "../../errors.ts";
import { type Logger, logger } from "../../logging.ts";
import type {
  HandlerContext,
  MessageHandler,
  PartitionMessage,
} from "../../consumption/dispatch/handler.ts";
import type { ConsumptionEvents } from "../../consumption/events.ts";
import type { PartitionId } from "../../assignment/partition.ts";
import { shardId, shardOf, shardSubject } from "../../sharding/shards.ts";
import { type CallOptions, checkDuration } from "../bus_options.ts";
import { type Call, decodeEnvelope, encodeEnvelope } from "../envelope.ts";
import { Incoming } from "../incoming.ts";
import { shardStateBucket } from "../names.ts";
import { doneWith, failedWith, valueOf } from "../outcome.ts";
import type { ActorType, DeactivationReason } from "./actor.ts";
import { type ActorId, bucketKey, parseActorId } from "./actor_id.ts";
import type { ActorCalls } from "./actor_calls.ts";
import type { PartitionActorsOptions } from "./partition_actors_options.ts";
import { PartitionLife, type PartitionLifeOptions, rightOver } from "./partition_life.ts";
import { Passages } from "./passages.ts";
import { KvStateStore, type StateStore } from "./state_store.ts";
import { idleMsOf, TypeTable } from "./type_table.ts";

const DEFAULT_STOP_GRACE_MS = 10_000;
/** So often it is tried at least to begin an actor for a call: what has lain in the feed may have no time left when it comes. */
const BEGIN_TRIES = 5;
/** With less time left it is not tried once more: its caller is to be told before it gives up, and the feed's next try may be so far away. */
const NEXT_TRY_MS = 1_000;

/** Actors by partition. The `Manager` of the group is given {@linkcode handler} and {@linkcode events}. */
export class PartitionActors implements ActorCalls, AsyncDisposable {
  /** For the group's `Manager`: handles what comes through the feed. */
  readonly handler: MessageHandler;
  /** For the group's `Manager`, as its `consumptionEvents`: with a shard its actors come and go. */
  readonly events: Pick<ConsumptionEvents, "acquired" | "released" | "lost">;
  readonly #options: PartitionActorsOptions;
  readonly #types = new TypeTable();
  readonly #log: Logger;
  /** By shard, then by actor. */
  readonly #shards = new Map<PartitionId, Map<ActorId, PartitionLife>>();
  /** A life that ends while its shard is still here, or back: the next one begins after it. */
  readonly #passages: Passages;
  readonly #lifeOptions: PartitionLifeOptions;
  #begun = 0;
  #states: Promise<StateStore> | undefined;

  /**
   * Makes them.
   *
   * @param options what is needed
   * @throws {PartiError} `PARTI_INVALID_CONFIG` for a duration that no timer has
   */
  constructor(options: PartitionActorsOptions) {
    checkDuration("stopGraceMs", options.stopGraceMs);
    this.#options = options;
    const { world: { clock }, stopGraceMs: graceMs = DEFAULT_STOP_GRACE_MS } = options;
    this.#lifeOptions = { clock, graceMs, onError: (error) => this.#tell(error) };
    this.#passages = new Passages(clock);
    this.#log = logger("bus", { bus: options.bus.name, node: options.bus.node });
    this.handler = (message, context) => this.#handle(message, context);
    // Whoever had the shard in between may have changed what its actors keep: their lives here are over.
    this.events = {
      acquired: (ids) => this.#drop(ids),
      released: (ids) => this.#drop(ids),
      lost: (ids) => this.#drop(ids),
    };
  }

  /** How many actors live here. */
  get size(): number {
    let size = 0;
    for (const lives of this.#shards.values()) size += lives.size;
    return size;
  }

  /** How many lives of actors have begun here so far. */
  get begun(): number {
    return this.#begun;
  }

  /** See {@linkcode ActorCalls.define}. What is said of placement does nothing here: the feed's shards are what places actors. */
  define(name: string, type: ActorType): void {
    this.#types.define(name, type);
  }

  /**
   * See {@linkcode ActorCalls.request}. Once the feed has stored the call it will be handled, at least once, whether its caller still waits
   * or not; an actor that must not do it twice looks at `call.key`. Where the actor cannot begin as long as the call has time it is given up
   * (`PARTI_MAYBE_DELIVERED`: whoever had the shard before may have handled it).
   */
  async request(
    id: ActorId,
    method: string,
    payload: Uint8Array,
    options: CallOptions = {},
  ): Promise<Uint8Array> {
    const { bus } = this.#options;
    const subject = this.#subjectOf(id);
    const answer = await bus.caller.attempts(options, (timeoutMs) =>
      bus.caller.call(
        (makeCall) => this.#store(subject, makeCall()),
        { to: id, method, payload },
        { ...options, timeoutMs },
      ));
    return valueOf(answer);
  }

  /** See {@linkcode ActorCalls.oneway}. Returns when the feed has stored it. */
  async oneway(
    id: ActorId,
    method: string,
    payload: Uint8Array,
    options: Omit<CallOptions, "signal"> = {},
  ): Promise<void> {
    const { bus } = this.#options;
    const subject = this.#subjectOf(id);
    const errand = { to: id, method, payload };
    await bus.caller.tell((makeCall) => this.#store(subject, makeCall()), errand, options);
  }

  /**
   * Waits for all that come to their end, each no longer than `stopGraceMs`; then its life is over. Stop the group's `Manager` before: with
   * its shards all actors end.
   *
   * @returns when no hook of an actor runs any more, or they have had their time
   */
  async stop(): Promise<void> {
    await this.#passages.settled(this.#options.stopGraceMs ?? DEFAULT_STOP_GRACE_MS);
  }

  /** Waits for all that come to their end. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #subjectOf(id: ActorId): string {
    return shardSubject(this.#options.feed, bucketKey(id));
  }

  async #store(subject: string, call: Call | undefined): Promise<void> {
    const { world } = this.#options;
    if (call === undefined) return;
    // Not by the key: a further try waits for an answer of its own.
    const how = { messageId: call.id, timeoutMs: Math.max(1, call.leftMs) };
    await world.feed.publish(subject, encodeEnvelope(call), how);
  }

  /** One turn. The feed gives an actor's calls one at a time, and in order. */
  async #handle(message: PartitionMessage, context: HandlerContext): Promise<void> {
    const { bus, world } = this.#options;
    const call = decodeEnvelope(message.data);
    if (call === undefined || call.kind === "answer") return bus.noteMalformed();
    const type = isActorId(call.to) ? this.#types.of(call.to) : undefined;
    if (type === undefined) {
      const message = `nobody here acts as ${call.to}`;
      return bus.outbox.refuse(call, "no handler", message);
    }
    // Nothing is decided by it: what is stored is handled, however late.
    const lainMs = Math.max(0, world.clock.wallMs() - message.storedAtMs);
    const incoming = new Incoming(call, world.clock, lainMs);
    const shard = this.#shardOf(call.to);
    let life: PartitionLife;
    try {
      life = await this.#lifeOf(shard, call.to, type, context);
    } catch (error) {
      return this.#notBegun(incoming, context, error);
    }
    // The process may have stood still meanwhile, and somebody else have the shard: then the feed gives the call to whoever has.
    if (!context.mayAct()) throw context.signal.reason ?? rightOver();
    life.right = context;
    life.turn = this.#turn(shard, life, incoming, context);
    try {
      await life.turn;
    } finally {
      life.turn = undefined;
      this.#rest(shard, call.to, life);
    }
    if (life.isToEnd) this.#end(shard, call.to, "asked");
  }

  /**
   * An actor could not begin: the feed gives it the call again as long as that has time, and no other actor of the shard suffers by it.
   *
   * @throws {PartiError} where the feed is to give the call again
   */
  #notBegun({ call, leftMs }: Incoming, { attempt }: HandlerContext, error: unknown): void {
    const { outbox } = this.#options.bus;
    // The shard has gone: whoever has it now is given the call.
    if (!isPartiError(error, "PARTI_NOT_BEGUN")) throw error;
    const { message, cause } = error;
    if (!isPartiError(cause)) return outbox.answer(call, { status: "failed", message });
    // That NATS does not answer says nothing about the call, however long that lasts.
    const isOutage = OUTAGE_CODES.includes(cause.code);
    if (isOutage || leftMs > NEXT_TRY_MS || attempt < BEGIN_TRIES) throw error;
    outbox.refuse(call, "given up", message);
  }

  /** Puts it behind all that were called before: whoever was called longest ago comes first. */
  #rest(shard: PartitionId, id: ActorId, life: PartitionLife): void {
    life.lastMs = this.#options.world.clock.monotonicMs();
    const lives = this.#shards.get(shard);
    if (lives?.get(id) !== life) return;
    lives.delete(id);
    lives.set(id, life);
  }

  async #turn(
    shard: PartitionId,
    life: PartitionLife,
    incoming: Incoming,
    context: HandlerContext,
  ): Promise<void> {
    const { bus } = this.#options;
    const { call } = incoming;
    const signal = AbortSignal.any([context.signal, life.abort.signal]);
    try {
      const value = await life.actor.handle(incoming.forHandler(signal, call.key ?? call.id));
      if (!context.mayAct()) throw context.signal.reason ?? rightOver();
      bus.outbox.answer(call, doneWith(value));
    } catch (error) {
      // What it knows is out of date: another life is given the same call, here or wherever the shard is by now.
      const isFenced = isPartiError(error, "PARTI_FENCED");
      if (isFenced) this.#end(shard, call.to, "stopping");
      if (signal.aborted || isFenced || !context.mayAct()) throw error;
      bus.outbox.answer(call, failedWith(error));
    }
  }

  async #lifeOf(
    shard: PartitionId,
    id: ActorId,
    type: ActorType,
    context: HandlerContext,
  ): Promise<PartitionLife> {
    const lives = this.#shards.get(shard) ?? new Map<ActorId, PartitionLife>();
    this.#shards.set(shard, lives);
    this.#endIdle(shard);
    const present = lives.get(id);
    if (present !== undefined) return present;
    const life = new PartitionLife(this.#lifeOptions, id, context);
    return await this.#passages.begin(id, life.end, async () => {
      await life.begin(type, () => this.#openStates());
      this.#begun++;
      // The shard may have gone meanwhile, and all lives with it: whoever has it now is given the call.
      if (this.#shards.get(shard) !== lives) {
        this.#leave(life, "stopping");
        throw context.signal.reason ?? rightOver();
      }
      lives.set(id, life);
      return life;
    });
  }

  #openStates(): Promise<StateStore> {
    const { states, world, bus, buckets = { replicas: 1, storage: "file" } } = this.#options;
    if (states !== undefined) return Promise.resolve(states);
    if (this.#states !== undefined) return this.#states;
    const open = () => world.kv.open(shardStateBucket(bus.name), { ...buckets, ttlMs: 0 });
    const opening = open().then((bucket) => new KvStateStore(bucket, open));
    // What failed is tried again with the next actor.
    opening.catch(() => this.#states = undefined);
    this.#states = opening;
    return opening;
  }

  /** Looked at when a shard has work: an actor that nobody calls costs nothing but its memory until then. */
  #endIdle(shard: PartitionId): void {
    const nowMs = this.#options.world.clock.monotonicMs();
    for (const [id, { lastMs, turn }] of this.#shards.get(shard) ?? []) {
      // Those behind it were called later.
      if (nowMs - lastMs <= this.#types.shortestIdleMs) return;
      // It is being called, however long that takes.
      if (turn !== undefined) continue;
      const type = this.#types.of(id);
      if (type !== undefined && nowMs - lastMs > idleMsOf(type)) this.#end(shard, id, "idle");
    }
  }

  #drop(shards: readonly PartitionId[]): void {
    for (const shard of shards) {
      for (const id of [...this.#shards.get(shard)?.keys() ?? []]) this.#end(shard, id, "stopping");
      this.#shards.delete(shard);
    }
  }

  #end(shard: PartitionId, id: ActorId, reason: DeactivationReason): void {
    const life = this.#shards.get(shard)?.get(id);
    if (life === undefined) return;
    this.#shards.get(shard)!.delete(id);
    this.#leave(life, reason);
  }

  /** Its hook is waited for by the next life here, and by whoever stops: by the time it returns the actor may live elsewhere. */
  #leave(life: PartitionLife, reason: DeactivationReason): void {
    this.#passages.end(life.id, life.end, life.sayGoodbye(reason));
  }

  #tell(error: PartiError): void {
    this.#log.warn("{error}", { error: describeError(error) });
    this.#options.onError?.(error);
  }

  #shardOf(id: ActorId): PartitionId {
    const { shards } = this.#options.feed;
    return shardId(shardOf(bucketKey(id), shards));
  }
}

/** What is stored for something that cannot be an actor's name, by whoever else, is refused, and no poison. */
function isActorId(text: string): boolean {
  try {
    parseActorId(text);
    return true;
  } catch (error) {
    if (isPartiError(error, "PARTI_INVALID_CONFIG")) return false;
    throw error;
  }
}
