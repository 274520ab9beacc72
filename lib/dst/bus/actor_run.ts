/**
 * Nodes with actors, and calls to them: what phases 4 and 5 have in common.
 *
 * @module
 */
import type { Actor, ActorContext } from "../../bus/actors/actor.ts";
import { type ActorId, bucketKey } from "../../bus/actors/actor_id.ts";
import { ActorSystem } from "../../bus/actors/actor_system.ts";
import { PLACEMENTS } from "../../bus/actors/placement.ts";
import { directoryBucket, nodeBucket, stateBucket } from "../../bus/names.ts";
import { isPartiError } from "../../errors.ts";
import { sleep } from "../../ports/clock.ts";
import type { SimProcess } from "../kernel/node.ts";
import { CoreModel } from "../nats/core_model.ts";
import { KvModel } from "../nats/kv_model.ts";
import type { LinkOptions } from "../nats/link.ts";
import type { Simulation } from "../workload.ts";
import { type ActorCatalog, CONVERGENCE_MS } from "./actor_catalog.ts";
import {
  type ActorCallStep,
  readKept,
  readPayload,
  writeKept,
  writePayload,
} from "./actor_payload.ts";
import { ActorWatch, type Turn } from "./actor_watch.ts";
import { BUS, BusCluster, type BusMember } from "./bus_cluster.ts";
import {
  type CallRecord,
  echoOf,
  Ledger,
  outcomeOf,
  OUTCOMES,
  tokenBytes,
  tokenOf,
} from "./ledger.ts";

/** A node with actors. */
export interface ActorMember extends BusMember {
  /** Its actors. */
  readonly actors: ActorSystem;
}

/** What a run is made from. */
export interface ActorRunOptions {
  /** How many nodes. */
  readonly nodes: number;
  /** How many actors. */
  readonly actors: number;
  /** How long a node's lease lasts, in milliseconds. */
  readonly leaseTtlMs: number;
  /** After how long actors that nobody calls end, in milliseconds. */
  readonly idleMs: number;
  /** How connections behave. */
  readonly network: (owner: string) => LinkOptions;
}

const LOOK_MS = 100;
const PING_TIMEOUT_MS = 20_000;
/** How long the server may take a connection for open of which it was not told that it has ended, in milliseconds. */
const STALE_MS = 31_000;
const KEPT = "kept";

/** A run. */
export class ActorRun {
  /** The books. */
  readonly ledger: Ledger = new Ledger();
  /** Who watches. */
  readonly watch: ActorWatch;
  /** The nodes. */
  readonly cluster: BusCluster<ActorMember>;
  /** The calls that were sent on as often as they may be: their actors move too often, which is no fault. */
  readonly far = new Set<string>();
  readonly #simulation: Simulation<ActorCatalog>;
  readonly #options: ActorRunOptions;
  /** What actors have said they keep. */
  readonly #promised = new Map<ActorId, Set<string>>();
  readonly #called = new Set<ActorId>();
  /** How many calls each bus had made when it was looked at last. */
  readonly #issued = new Map<string, number>();
  /** How often each call was sent on. */
  readonly #forwards = new Map<string, number>();

  /**
   * @param simulation the run
   * @param options what it is made from
   */
  constructor(simulation: Simulation<ActorCatalog>, options: ActorRunOptions) {
    this.#simulation = simulation;
    this.#options = options;
    this.watch = new ActorWatch(simulation.assertions);
    this.cluster = new BusCluster<ActorMember>(simulation as unknown as Simulation, {
      network: options.network,
      busOptions: () => ({
        lookoutMs: 250,
        onError: (error) => this.#heard(error),
        onForwarded: ({ id }) => {
          const count = (this.#forwards.get(id) ?? 0) + 1;
          this.#forwards.set(id, count);
          simulation.assertions.always("hops are few", count <= 2, `${id}: ${count} times`);
        },
      }),
      start: (member) => this.#start(member),
      onDeath: ({ owner }) => this.ledger.died(owner.name),
    });
    simulation.kernel.addInvariant(() => this.#checkPending(), "pending is issued less settled");
  }

  /** The names of the nodes. */
  get nodeNames(): string[] {
    return Array.from({ length: this.#options.nodes }, (_, n) => `node-${n}`);
  }

  /** The name of an actor: its type says how it is placed, and whether it keeps anything. */
  actorId(n: number): ActorId {
    const placement = PLACEMENTS[n % PLACEMENTS.length]!;
    const isKept = n % 3 !== 0;
    return `sim::${placement}${isKept ? `-${KEPT}` : ""}/${n}`;
  }

  /** Starts all nodes. */
  async open(): Promise<void> {
    await Promise.all(this.nodeNames.map((node) => this.cluster.start(node)));
  }

  /** Makes a call; resolves when its caller has been told its outcome. */
  async call(token: string, how: ActorCallStep): Promise<CallRecord | undefined> {
    const member = await this.cluster.awake(`node-${how.node}`);
    if (member === undefined) return undefined;
    const { assertions } = this.#simulation;
    const { owner, actors } = member;
    const id = this.actorId(how.actor);
    const { again = false, timeoutMs } = how;
    this.#called.add(id);
    const record = this.ledger.issue(token, owner.name, !again);
    try {
      const options = { timeoutMs, ...(again ? { idempotencyKey: token } : {}) };
      const calling = actors.request(id, "add", writePayload(token, how), options);
      const value = await Promise.race([calling, member.died]);
      if (value === undefined) return undefined;
      const text = tokenOf(value);
      assertions.always("the answer is the call's", text === echoOf(token), `${token}: ${text}`);
      this.ledger.settle(record, "value");
      if (id.includes(KEPT)) this.#promise(id, token);
    } catch (error) {
      if (owner.dead) return undefined;
      this.#heard(error);
      const outcome = outcomeOf(error);
      if (outcome === undefined) throw error;
      const isFar = isPartiError(error, "PARTI_TOO_MANY_HOPS");
      assertions.sometimes("hop_limit_hit", isFar);
      if (isFar) this.far.add(token);
      this.ledger.settle(record, outcome);
    }
    return record;
  }

  /** Tells an actor something. */
  async tell(token: string, how: ActorCallStep): Promise<void> {
    const member = await this.cluster.awake(`node-${how.node}`);
    if (member === undefined) return;
    const id = this.actorId(how.actor);
    this.#called.add(id);
    const record = this.ledger.issue(token, member.owner.name, true);
    try {
      const telling = member.actors.oneway(id, "add", writePayload(token, how), {
        timeoutMs: how.timeoutMs,
      });
      await Promise.race([telling, member.died]);
      if (member.owner.dead) return;
      // Nobody is told what came of it: that it has left is all there is to know.
      this.ledger.settle(record, "maybe delivered");
    } catch (error) {
      if (member.owner.dead) return;
      this.#heard(error);
      const outcome = outcomeOf(error);
      if (outcome === undefined) throw error;
      this.ledger.settle(record, outcome);
    }
  }

  /** After the last fault: waits until the directory says what is, and calls every actor. */
  async converge(): Promise<void> {
    const { kernel, assertions } = this.#simulation;
    const sinceMs = kernel.nowMs;
    let problem = await this.#disagreement();
    while (problem !== undefined && kernel.nowMs - sinceMs <= CONVERGENCE_MS) {
      await kernel.sleep(LOOK_MS, "look");
      problem = await this.#disagreement();
    }
    const tookMs = kernel.nowMs - sinceMs;
    assertions.alwaysAtMost("directory and hosts agree", tookMs, problem ?? "");
    const ids = Array.from({ length: this.#options.actors }, (_, n) => n);
    await Promise.all(
      ids.filter((n) => this.#called.has(this.actorId(n))).map(async (actor) => {
        const node = actor % this.#options.nodes;
        const token = `ping-${actor}`;
        const record = await this.call(token, {
          ...{ node, actor, again: true, timeoutMs: PING_TIMEOUT_MS },
        });
        const [outcome] = record?.outcomes ?? [];
        assertions.always("all actors answer", outcome === "value", `${token}: ${outcome}`);
      }),
    );
  }

  /** Ends all nodes in order, and looks at what is left. */
  async end(): Promise<void> {
    const { kernel, assertions } = this.#simulation;
    this.cluster.close();
    for (const { bus } of this.cluster.alive) {
      const text = `${bus.address}: ${bus.pending}`;
      assertions.always("nothing is pending at the end", bus.pending === 0, text);
    }
    await this.#checkStates();
    for (const { bus, actors, owner, link } of this.cluster.alive) {
      await actors.stop();
      await bus.stop();
      // What was asked of the server and got no answer is given up after its time.
      while (link.inFlight > 0) await kernel.sleep(LOOK_MS, "what is in flight");
      const left = owner.pendingTimers;
      assertions.always("nothing leaks", left === 0, `${owner.name}: ${left} timers`);
      link.close();
    }
    await kernel.sleep(STALE_MS, "the server notices");
    for (const left of this.#leftOnServer()) assertions.always("nothing leaks", false, left);
    this.watch.checkLives();
    for (const record of this.ledger.calls) this.#checkRecord(record);
  }

  async #start(member: BusMember): Promise<ActorMember> {
    const { owner, world, bus } = member;
    const actors = new ActorSystem({
      ...{ world, bus, leaseTtlMs: this.#options.leaseTtlMs },
      directory: (own) => this.watch.watched(owner, own),
      onActivation: (activation, to) => {
        this.watch.changed(owner, activation, to);
      },
      onError: (error) => this.#heard(error),
    });
    for (const placement of PLACEMENTS) {
      for (const state of [false, true]) {
        actors.define(`sim::${placement}${state ? `-${KEPT}` : ""}`, {
          ...{ placement, state, idleMs: this.#options.idleMs },
          create: (context) => this.#actor(owner, world.clock, context),
        });
      }
    }
    await actors.start();
    return { ...member, actors };
  }

  #actor(owner: SimProcess, clock: BusMember["world"]["clock"], context: ActorContext): Actor {
    const { assertions } = this.#simulation;
    const { id, token, signal, state } = context;
    const known = new Set<string>(state === undefined ? [] : readKept(state.value));
    return {
      handle: async ({ payload, hops, key }) => {
        const turn: Turn = { actor: id, owner, token, signal };
        this.watch.begin(turn, hops);
        try {
          const { token: call, workMs, last } = readPayload(payload);
          const record = this.ledger.find(call);
          assertions.always("what is handled was called", record !== undefined, call);
          if (record !== undefined) record.executions++;
          if (workMs > 0) await sleep(clock, workMs, signal);
          assertions.sometimes("a key came again", key !== undefined && known.has(call));
          if (!known.has(call)) {
            if (state !== undefined) await state.save(writeKept([...known, call]));
            known.add(call);
          }
          if (last) context.deactivate();
          return tokenBytes(echoOf(call));
        } finally {
          this.watch.end(turn);
        }
      },
      onActivate: () => this.watch.hooked("activate", { actor: id, owner, token, signal }),
      onDeactivate: (reason) => {
        this.watch.hooked("deactivate", { actor: id, owner, token, signal });
        assertions.sometimes("an actor was idle", reason === "idle");
      },
    };
  }

  #promise(id: ActorId, token: string): void {
    const promised = this.#promised.get(id) ?? new Set();
    this.#promised.set(id, promised.add(token));
  }

  /** Why directory and hosts do not agree; undefined if they do. */
  async #disagreement(): Promise<string | undefined> {
    const alive = this.cluster.alive;
    if (alive.length < this.#options.nodes) return "a node is missing";
    const strayed = alive.find(({ actors }) => !actors.mayAct);
    if (strayed !== undefined) return `${strayed.node} has no lease`;
    const entries = new Map<string, { readonly activation: string; readonly address: string }>();
    const bucket = await this.cluster.admin.kv.open(directoryBucket(BUS), FOR_EVER);
    for (const { key, value } of await bucket.list(">")) {
      entries.set(key, JSON.parse(tokenOf(value)));
    }
    for (const { actors, node } of alive) {
      for (const { id, name, state } of actors.activations) {
        if (state !== "valid") return `${id} at ${node} is ${state}`;
        if (entries.get(bucketKey(id))?.activation !== name) {
          return `${id} at ${node} is not in the directory`;
        }
        entries.delete(bucketKey(id));
      }
    }
    const [left] = entries;
    if (left === undefined) return undefined;
    const [key, { address }] = left;
    const isThere = alive.some(({ actors }) => actors.address === address);
    return `${key} is in the directory and nowhere else, at ${
      isThere ? "" : "the late "
    }${address}`;
  }

  async #checkStates(): Promise<void> {
    const { assertions } = this.#simulation;
    const bucket = await this.cluster.admin.kv.open(stateBucket(BUS), FOR_EVER);
    const entries = new Map((await bucket.list(">")).map(({ key, value }) => [key, value]));
    for (const id of this.#called) {
      const kept = readKept(entries.get(bucketKey(id))?.subarray(STATE_HEAD_BYTES));
      const missing = [...this.#promised.get(id) ?? []].filter((token) => !kept.includes(token));
      const text = `${id} has lost ${missing.join(", ")}`;
      assertions.always("nothing kept is lost", missing.length === 0, text);
      assertions.always("nothing is kept twice", new Set(kept).size === kept.length, id);
      const made = kept.every((token) => this.ledger.find(token) !== undefined);
      assertions.always("what is kept was called", made, id);
    }
  }

  #leftOnServer(): string[] {
    const { server } = this.cluster;
    const kv = KvModel.of(server);
    const { subscriptionCount } = CoreModel.of(server);
    const keys = [directoryBucket(BUS), nodeBucket(BUS)].flatMap((name) =>
      (kv.find(name)?.from(1, () => true) ?? [])
        .filter(({ operation, value }) => operation === "put" && !isStone(value))
        .map(({ key }) => `${name}: ${key}`)
    );
    return [
      ...keys,
      ...(subscriptionCount > 0 ? [`${subscriptionCount} subscriptions`] : []),
      ...(kv.readerCount > 0 ? [`${kv.readerCount} watches`] : []),
    ];
  }

  #checkRecord({ token, outcomes, once, executions, caller }: CallRecord): void {
    const { assertions } = this.#simulation;
    const isOne = outcomes.length === 1 && OUTCOMES.includes(outcomes[0]!);
    // Whoever has died was told nothing.
    const isDead = this.cluster.alive.every(({ owner }) => owner.name !== caller);
    const text = `${token}: ${outcomes.join(", ")}`;
    assertions.always("one outcome per call", isOne || isDead && outcomes.length === 0, text);
    const isOnce = !once || executions <= 1;
    assertions.always("at most once", isOnce, `${token} was handled ${executions} times`);
    const isHandled = outcomes[0] !== "value" || executions >= 1;
    assertions.always("a value was handled", isHandled, `${token} was not`);
    const isFailed = outcomes[0] === "application error";
    assertions.always(
      "a value was handled",
      !isFailed || executions > 0,
      `${token} failed, and nobody has handled it`,
    );
  }

  #checkPending(): void {
    for (const { bus, owner } of this.cluster.alive) {
      const { issued, settled } = bus;
      const holds = bus.pending === issued - settled;
      // Counted where it changes: it is looked at after each event.
      if (holds && this.#issued.get(bus.address) === issued) continue;
      this.#issued.set(bus.address, issued);
      this.#simulation.assertions.always(
        "pending is issued less settled",
        holds,
        () => `${owner.name}: ${bus.pending} wait, ${issued} less ${settled}`,
      );
    }
  }

  #heard(error: unknown): void {
    const { assertions } = this.#simulation;
    const isBug = isPartiError(error, "PARTI_INVARIANT");
    assertions.always(
      "no invariant of parti breaks",
      !isBug,
      () => error instanceof Error ? error.message : "",
    );
    assertions.sometimes("a lease was lost", isPartiError(error, "PARTI_LEASE_LOST"));
  }
}

const FOR_EVER = { ttlMs: 0, replicas: 1, storage: "file" } as const;
/** What a state store writes in front of a value. */
const STATE_HEAD_BYTES = 9;

function isStone(value: Uint8Array): boolean {
  return "dead" in JSON.parse(tokenOf(value));
}
