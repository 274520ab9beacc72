/**
 * Actors by partition: a group of workers with a sharded feed, whose shards move while their actors are called and everything fails.
 *
 * @module
 */
import type { Actor, ActorContext } from "../../bus/actors/actor.ts";
import { PartitionActors } from "../../bus/actors/partition_actors.ts";
import { shardStateBucket } from "../../bus/names.ts";
import type { GroupConfigInput } from "../../config/config.ts";
import { isPartiError } from "../../errors.ts";
import { Manager } from "../../manager/manager.ts";
import { makeShards } from "../../sharding/make_shards.ts";
import { type ShardedFeed, shardStream } from "../../sharding/shards.ts";
import { drawSites } from "../buggify.ts";
import { step } from "../core/expand_step.ts";
import { Healing } from "../core/healing.ts";
import { Draws } from "../draw.ts";
import { LATENCY_SHAPES, latencyOf, type LatencyShape } from "../latency.ts";
import { drawSwarm } from "../plan/swarm.ts";
import { defineWorkload, playSteps, type Simulation } from "../workload.ts";
import { ActorFaults, drawActorFaults, FAMILIES, type FaultCatalog } from "./actor_faults.ts";
import { type ActorCallStep, writePayload } from "./actor_payload.ts";
import { turnsOf } from "./actor_turn.ts";
import { BUS, BusCluster, type BusMember } from "./bus_cluster.ts";
import { KeptBooks } from "./kept_books.ts";
import { type CallRecord, echoOf, Ledger, tokenOf } from "./ledger.ts";
import { type PartitionCatalog, partitionCatalog, WHOLE_MS } from "./partition_catalog.ts";
import { PartitionWatch } from "./partition_watch.ts";
import { endRun } from "./run_end.ts";

const NODES = 3;
const ACTORS = 12;
const OPERATIONS = 120;
const LOAD_MS = 15_000;
const TYPE = "sim::kept";
const LOOK_MS = 250;
const PING_TIMEOUT_MS = 60_000;
/** What is stored and waits is handled within so long when all is well, in milliseconds. */
const DRAIN_MS = 60_000;
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
  readonly #watch: PartitionWatch;
  readonly #kept = new KeptBooks(shardStateBucket(BUS));
  readonly #called = new Set<number>();

  constructor(simulation: Simulation<PartitionCatalog>) {
    this.#simulation = simulation;
    this.#watch = new PartitionWatch(simulation.assertions);
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
    this.#watch.listen(bus);
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
    const { id } = context;
    const take = turnsOf({ assertions, ledger: this.#ledger, clock, context });
    let isBusy = false;
    return {
      handle: async ({ payload, signal }) => {
        assertions.always("one turn at a time", !isBusy, `${id} at ${owner}`);
        isBusy = true;
        this.#watch.begin(payload, context, owner);
        try {
          return await take(payload, signal, (isKnown) => {
            assertions.sometimes("a call came again", isKnown);
          });
        } finally {
          isBusy = false;
        }
      },
    };
  }

  async #call(token: string, how: ActorCallStep): Promise<CallRecord | undefined> {
    const member = await this.#cluster.awake(`node-${how.node}`);
    if (member === undefined) return undefined;
    const { assertions } = this.#simulation;
    const id = `${TYPE}/${how.actor}`;
    this.#called.add(how.actor);
    const { again = false, timeoutMs } = how;
    const record = this.#ledger.issue(token, member.owner.name, !again);
    const options = { timeoutMs, ...(again ? { idempotencyKey: token } : {}) };
    const calling = member.actors.request(id, "add", writePayload(token, how), options);
    const told = await this.#ledger.book(record, member, calling, (error) => this.#heard(error));
    if (told === undefined) return undefined;
    if ("value" in told) {
      const text = tokenOf(told.value);
      assertions.always("the answer is the call's", text === echoOf(token), `${token}: ${text}`);
      this.#kept.promise(id, token);
      return record;
    }
    const [outcome] = record.outcomes;
    assertions.sometimes("maybe_delivered", outcome === "maybe delivered");
    assertions.sometimes("timeout_triggered", outcome === "timeout");
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
    await endRun({
      ...{ simulation: this.#simulation, cluster: this.#cluster, ledger: this.#ledger },
      look: () => this.#checkStates(),
      stop: ({ manager }) => manager.stop(),
    });
  }

  async #checkStates(): Promise<void> {
    const { kernel, assertions } = this.#simulation;
    await this.#kept.check(this.#cluster.admin, assertions);
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

  #heard(error: unknown): void {
    const isBug = isPartiError(error, "PARTI_INVARIANT");
    const text = () => error instanceof Error ? error.message : "";
    this.#simulation.assertions.always("no invariant of parti breaks", !isBug, text);
  }
}
