/**
 * Actors by partition: a group of workers with a sharded feed, whose shards move while their actors are called and everything fails.
 *
 * @module
 */
import type { Actor, ActorContext } from "../../bus/actors/actor.ts";
import { bucketKey } from "../../bus/actors/actor_id.ts";
import { PartitionActors } from "../../bus/actors/partition_actors.ts";
import { stateBucket } from "../../bus/names.ts";
import type { GroupConfigInput } from "../../config/config.ts";
import { isPartiError } from "../../errors.ts";
import { Manager } from "../../manager/manager.ts";
import { sleep } from "../../ports/clock.ts";
import { makeShards } from "../../sharding/make_shards.ts";
import { type ShardedFeed, shardStream } from "../../sharding/shards.ts";
import { drawSites } from "../buggify.ts";
import { step } from "../core/expand_step.ts";
import { Healing } from "../core/healing.ts";
import { Draws } from "../draw.ts";
import { LATENCY_SHAPES, latencyOf, type LatencyShape } from "../latency.ts";
import { CoreModel } from "../nats/core_model.ts";
import { drawSwarm } from "../plan/swarm.ts";
import { defineWorkload, playSteps, type Simulation } from "../workload.ts";
import { ActorFaults, drawActorFaults, FAMILIES, type FaultCatalog } from "./actor_faults.ts";
import {
  type ActorCallStep,
  readKept,
  readPayload,
  writeKept,
  writePayload,
} from "./actor_payload.ts";
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
import { type PartitionCatalog, partitionCatalog, WHOLE_MS } from "./partition_catalog.ts";

const NODES = 3;
const ACTORS = 12;
const OPERATIONS = 120;
const LOAD_MS = 15_000;
const TYPE = "sim::kept";
const LOOK_MS = 250;
const PING_TIMEOUT_MS = 60_000;
/** What is stored and waits is handled within so long when all is well, in milliseconds. */
const DRAIN_MS = 60_000;
const STALE_MS = 31_000;
const SITES = [
  "bus-send-late",
  "bus-answer-late",
  "bus-answer-twice",
  "bus-complete-late",
] as const;

const FEED: ShardedFeed = {
  stream: "ACTORS",
  subjectTemplate: "actors.{{.Shard}}.{{.PartitionID}}",
  shards: 6,
};

const CONFIG: GroupConfigInput = {
  group: BUS,
  preset: "fast",
  workerIdMax: 3 * NODES,
  consumer: { stream: FEED.stream, shards: FEED.shards, subjectTemplate: FEED.subjectTemplate },
};

interface PartitionMember extends BusMember {
  readonly actors: PartitionActors;
  readonly manager: Manager;
}

/** The workload. */
export const partitionWorkload = defineWorkload<PartitionCatalog>({
  name: "bus-6-partition",
  description: "actors that live where the shards of a group are, while the group fails",
  assertions: partitionCatalog,
  limits: { virtualMs: 1_200_000 },
  stubs: { allow: ["WeakRef"] },
  expand(seed, draws) {
    const swarm = drawSwarm(draws, [...FAMILIES, "buggify"]);
    const own = draws("parameters");
    const operations = Array.from({ length: OPERATIONS }, (_, n) => {
      const call = draws("operation", String(n));
      const again = call.chance(0.5);
      return step(`operation-${n}`, call.between(0, LOAD_MS), "call", {
        node: call.integer(0, NODES - 1),
        actor: call.integer(0, ACTORS - 1),
        timeoutMs: again ? call.integer(10_000, 40_000) : call.pick([200, 5_000]),
        workMs: call.pick([0, 0, 5, 100]),
        again,
        last: call.chance(0.1),
      });
    });
    return {
      parameters: {
        shape: own.pick(LATENCY_SHAPES),
        latencyMaxMs: own.pick([0.5, 5, 20]),
      },
      operations,
      faults: drawActorFaults({ nodes: NODES, loadMs: LOAD_MS }, swarm, draws),
      buggify: swarm["buggify"]
        ? { ...drawSites(seed, SITES), "bus-send-fails": false }
        : Object.fromEntries([...SITES, "bus-send-fails"].map((site) => [site, false])),
      swarm,
    };
  },
  async run(simulation) {
    await new PartitionRun(simulation).run();
  },
});

/** A run. */
class PartitionRun {
  readonly nodeNames: readonly string[] = Array.from({ length: NODES }, (_, n) => `node-${n}`);
  readonly #simulation: Simulation<PartitionCatalog>;
  readonly #ledger = new Ledger();
  readonly #cluster: BusCluster<PartitionMember>;
  readonly #newest = new Map<string, { token: number; owner: string }>();
  readonly #promised = new Map<string, Set<string>>();
  readonly #called = new Set<number>();

  constructor(simulation: Simulation<PartitionCatalog>) {
    this.#simulation = simulation;
    const { plan } = simulation;
    const { shape, latencyMaxMs } = plan.parameters as {
      readonly shape: LatencyShape;
      readonly latencyMaxMs: number;
    };
    this.#cluster = new BusCluster<PartitionMember>(simulation as unknown as Simulation, {
      network: (owner) => ({
        latencyMs: latencyOf(shape, latencyMaxMs, new Draws(plan.seed, "route", owner)),
      }),
      busOptions: () => ({ onError: (error) => this.#heard(error) }),
      start: (member) => this.#start(member),
      onDeath: ({ owner }) => this.#ledger.died(owner.name),
    });
  }

  async run(): Promise<void> {
    const { kernel, plan } = this.#simulation;
    await makeShards(this.#cluster.admin.feed, FEED, { storage: "file", replicas: 1 });
    const opening = this.nodeNames.map((node) => this.#cluster.start(node));
    const healing = new Healing(kernel);
    const targets = { cluster: this.#cluster as unknown as BusCluster, nodeNames: this.nodeNames };
    const faults = new ActorFaults(
      this.#simulation as unknown as Simulation<FaultCatalog>,
      targets,
      healing,
    );
    const calls: Promise<unknown>[] = [];
    await Promise.all([
      playSteps(this.#simulation, plan.operations, ({ id, args }) => {
        calls.push(this.#call(id, args as unknown as ActorCallStep));
      }),
      playSteps(this.#simulation, plan.faults, (fault) => faults.inject(fault)),
      kernel.sleep(LOAD_MS, "the load"),
    ]);
    healing.all();
    faults.end();
    this.#cluster.behave();
    await this.#simulation.awaiting("the nodes", Promise.all(opening));
    for (const node of this.nodeNames) await this.#cluster.start(node);
    await this.#simulation.awaiting("the calls", Promise.all(calls));
    await this.#converge();
    await this.#end();
  }

  async #start(member: BusMember): Promise<PartitionMember> {
    const { world, bus, owner } = member;
    const actors = new PartitionActors({
      ...{ world, bus, feed: FEED, onError: (error) => this.#heard(error) },
    });
    actors.define(TYPE, {
      ...{ state: true, idleMs: 3_000 },
      create: (context) => this.#actor(owner.name, world.clock, context),
    });
    const manager = new Manager({
      world,
      config: CONFIG,
      handler: actors.handler,
      consumptionEvents: actors.events,
      hooks: { onError: (error) => this.#heard(error) },
    });
    try {
      await manager.start();
    } catch (error) {
      await manager.stop();
      throw error;
    }
    return { ...member, actors, manager };
  }

  #actor(owner: string, clock: BusMember["world"]["clock"], context: ActorContext): Actor {
    const { assertions } = this.#simulation;
    const { id, token, state } = context;
    const known = new Set<string>(readKept(state!.value));
    let isBusy = false;
    return {
      handle: async ({ payload, signal }) => {
        assertions.always("one turn at a time", !isBusy, `${id} at ${owner}`);
        isBusy = true;
        this.#begins(id, token, owner);
        try {
          const { token: call, workMs, last } = readPayload(payload);
          const record = this.#ledger.find(call);
          assertions.always("what is handled was called", record !== undefined, call);
          if (record !== undefined) record.executions++;
          if (workMs > 0) await sleep(clock, workMs, signal);
          assertions.sometimes("a call came again", known.has(call));
          if (!known.has(call)) {
            await state!.save(writeKept([...known, call]));
            known.add(call);
          }
          if (last) context.deactivate();
          return tokenBytes(echoOf(call));
        } finally {
          isBusy = false;
        }
      },
    };
  }

  #begins(id: string, token: number, owner: string): void {
    const { assertions } = this.#simulation;
    const newest = this.#newest.get(id);
    const isOlder = newest !== undefined && token < newest.token;
    const text = () => `${id}: ${owner} under ${token}, ${newest?.owner} had a newer`;
    assertions.always("no life goes back", !isOlder, text);
    if (newest !== undefined && token <= newest.token) return;
    assertions.sometimes("an actor moved", newest !== undefined && newest.owner !== owner);
    this.#newest.set(id, { token, owner });
  }

  async #call(token: string, how: ActorCallStep): Promise<CallRecord | undefined> {
    const member = await this.#cluster.awake(`node-${how.node}`);
    if (member === undefined) return undefined;
    const { assertions } = this.#simulation;
    const { owner, actors } = member;
    const id = `${TYPE}/${how.actor}`;
    this.#called.add(how.actor);
    const record = this.#ledger.issue(token, owner.name, how.again !== true);
    try {
      const options = {
        timeoutMs: how.timeoutMs,
        ...(how.again ? { idempotencyKey: token } : {}),
      };
      const calling = actors.request(id, "add", writePayload(token, how), options);
      const value = await Promise.race([calling, member.died]);
      if (value === undefined) return undefined;
      const text = tokenOf(value);
      assertions.always("the answer is the call's", text === echoOf(token), `${token}: ${text}`);
      this.#ledger.settle(record, "value");
      const promised = this.#promised.get(id) ?? new Set();
      this.#promised.set(id, promised.add(token));
    } catch (error) {
      if (owner.dead) return undefined;
      const outcome = outcomeOf(error);
      if (outcome === undefined) throw error;
      this.#ledger.settle(record, outcome);
      assertions.sometimes("maybe_delivered", outcome === "maybe delivered");
      assertions.sometimes("timeout_triggered", outcome === "timeout");
    }
    return record;
  }

  async #converge(): Promise<void> {
    const { kernel, assertions } = this.#simulation;
    const sinceMs = kernel.nowMs;
    let problem = this.#problem();
    while (problem !== undefined && kernel.nowMs - sinceMs <= WHOLE_MS) {
      await kernel.sleep(LOOK_MS, "look");
      problem = this.#problem();
    }
    assertions.alwaysAtMost("the group is whole", kernel.nowMs - sinceMs, problem ?? "");
    await Promise.all(
      [...this.#called].map(async (actor) => {
        const token = `ping-${actor}`;
        const record = await this.#call(token, {
          ...{ node: actor % NODES, actor, again: true, timeoutMs: PING_TIMEOUT_MS },
        });
        const [outcome] = record?.outcomes ?? [];
        assertions.always("all actors answer", outcome === "value", `${token}: ${outcome}`);
      }),
    );
  }

  #problem(): string | undefined {
    const { alive } = this.#cluster;
    if (alive.length < NODES) return "a node is missing";
    const strayed = alive.find(({ manager }) => manager.state !== "Stable");
    return strayed === undefined ? undefined : `${strayed.node} is ${strayed.manager.state}`;
  }

  async #end(): Promise<void> {
    const { kernel, assertions } = this.#simulation;
    this.#cluster.close();
    for (const { bus } of this.#cluster.alive) {
      assertions.always("nothing is pending at the end", bus.pending === 0, bus.address);
    }
    await this.#checkStates();
    for (const { manager, bus, owner, link } of this.#cluster.alive) {
      await manager.stop();
      await bus.stop();
      while (link.inFlight > 0) await kernel.sleep(LOOK_MS, "what is in flight");
      const left = owner.pendingTimers;
      assertions.always("nothing leaks", left === 0, `${owner.name}: ${left} timers`);
      link.close();
    }
    await kernel.sleep(STALE_MS, "the server notices");
    const { subscriptionCount: left } = CoreModel.of(this.#cluster.server);
    assertions.always("nothing leaks", left === 0, `${left} subscriptions`);
    for (const record of this.#ledger.calls) this.#checkRecord(record);
  }

  async #checkStates(): Promise<void> {
    const { kernel, assertions } = this.#simulation;
    const options = { ttlMs: 0, replicas: 1, storage: "file" } as const;
    const bucket = await this.#cluster.admin.kv.open(stateBucket(BUS), options);
    const entries = new Map((await bucket.list(">")).map(({ key, value }) => [key, value]));
    for (const [id, promised] of this.#promised) {
      const kept = readKept(entries.get(bucketKey(id))?.subarray(STATE_HEAD_BYTES));
      const missing = [...promised].filter((token) => !kept.includes(token));
      const text = `${id} has lost ${missing.join(", ")}`;
      assertions.always("nothing kept is lost", missing.length === 0, text);
      assertions.always("nothing is kept twice", new Set(kept).size === kept.length, id);
    }
    const sinceMs = kernel.nowMs;
    let left = await this.#messagesLeft();
    // The last acknowledgements may be under way.
    while (left > 0 && kernel.nowMs - sinceMs <= DRAIN_MS) {
      await kernel.sleep(LOOK_MS, "the feed");
      left = await this.#messagesLeft();
    }
    assertions.always("what is stored is handled", left === 0, `${left} messages are left`);
  }

  async #messagesLeft(): Promise<number> {
    let left = 0;
    for (let shard = 0; shard < FEED.shards; shard++) {
      const info = await this.#cluster.admin.feed.streamInfo(shardStream(FEED.stream, shard));
      left += info.messages;
    }
    return left;
  }

  #checkRecord({ token, outcomes, executions, caller }: CallRecord): void {
    const { assertions } = this.#simulation;
    const isOne = outcomes.length === 1 && OUTCOMES.includes(outcomes[0]!);
    const isDead = this.#cluster.alive.every(({ owner }) => owner.name !== caller);
    const text = `${token}: ${outcomes.join(", ")}`;
    assertions.always("one outcome per call", isOne || isDead && outcomes.length === 0, text);
    const isHandled = outcomes[0] !== "value" || executions >= 1;
    assertions.always("a value was handled", isHandled, `${token} was not`);
  }

  #heard(error: unknown): void {
    const isBug = isPartiError(error, "PARTI_INVARIANT");
    const text = () => error instanceof Error ? error.message : "";
    this.#simulation.assertions.always("no invariant of parti breaks", !isBug, text);
  }
}

/** What a state store writes in front of a value. */
const STATE_HEAD_BYTES = 9;
