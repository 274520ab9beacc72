/**
 * A run of a group of workers with actors by partition.
 *
 * @module
 */
import type { Actor, ActorContext } from "../../bus/actors/actor.ts";
import { PartitionActors } from "../../bus/actors/partition_actors.ts";
import { shardStateBucket } from "../../bus/names.ts";
import type { GroupConfigInput } from "../../config/config.ts";
import { isPartiError } from "../../errors.ts";
import { Manager } from "../../manager/manager.ts";
import { sleep } from "../../ports/clock.ts";
import { makeShards } from "../../sharding/make_shards.ts";
import { type ShardedFeed, shardStream } from "../../sharding/shards.ts";
import { Healing } from "../core/healing.ts";
import { Draws } from "../draw.ts";
import { latencyOf, type LatencyShape } from "../latency.ts";
import { playSteps, type Simulation } from "../workload.ts";
import { ActorFaults, type FaultCatalog, type FaultTargets } from "./actor_faults.ts";
import { type ActorCallStep, readPayload, writePayload } from "./actor_payload.ts";
import { turnsOf } from "./actor_turn.ts";
import { BUS, BusCluster, type BusMember } from "./bus_cluster.ts";
import { CallWatch } from "./call_watch.ts";
import { cancelAfter } from "./cancelling.ts";
import { KeptBooks } from "./kept_books.ts";
import { type CallRecord, echoOf, Ledger, tokenOf } from "./ledger.ts";
import { isCalm } from "./mood.ts";
import { type PartitionCatalog, WHOLE_MS } from "./partition_catalog.ts";
import { PartitionWatch } from "./partition_watch.ts";
import { endRun } from "./run_end.ts";
import { StoredCalls } from "./stored_calls.ts";
import type { Turn } from "./turn_watch.ts";

/** How many workers. */
export const NODES = 3;
/** For how long calls are made, in milliseconds. */
export const LOAD_MS = 15_000;
const TYPE = "sim::kept";
const LOOK_MS = 250;
/** So long after its goodbye an actor tries to save, in milliseconds. */
const STRAGGLE_MS = 2;
/** How long a hook takes, in milliseconds: most that they load is there at once. */
const HOOK_MS = [0, 0, 5, 100];
/** Now and then the first one takes so long that the shard can go and come back meanwhile, in milliseconds. */
const SLOW_ACTIVATING_MS = 5_000;
/** The last one may hold the next life up, and whoever stops. */
const SLOW_LEAVING_MS = 2_000;
const SLOW_HOOKS = 0.05;
const PING_TIMEOUT_MS = 60_000;
/** Whoever waits for so long gets an answer on a good day, in milliseconds. */
const PATIENT_MS = 5_000;
/** What is stored and waits is handled within so long when all is well, in milliseconds. */
const DRAIN_MS = 60_000;
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

async function stop({ manager, actors }: PartitionMember): Promise<void> {
  await manager.stop();
  await actors.stop();
}

/** A run. */
export class PartitionRun {
  readonly nodeNames: readonly string[] = Array.from({ length: NODES }, (_, n) => `node-${n}`);
  readonly #simulation: Simulation<PartitionCatalog>;
  readonly #ledger = new Ledger();
  readonly #cluster: BusCluster<PartitionMember>;
  readonly #watch: PartitionWatch;
  readonly #calls: CallWatch;
  readonly #kept = new KeptBooks(shardStateBucket(BUS));
  readonly #called = new Set<number>();
  readonly #stored = new StoredCalls();

  constructor(simulation: Simulation<PartitionCatalog>) {
    this.#simulation = simulation;
    this.#watch = new PartitionWatch(simulation.assertions, this.#stored);
    this.#calls = new CallWatch(simulation.assertions);
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
      onFailedStart: (error) => this.#heard(error),
    });
  }

  async run(): Promise<void> {
    const { kernel, plan } = this.#simulation;
    await makeShards(this.#cluster.admin.feed, FEED, { storage: "file", replicas: 1 });
    this.#stored.follow(this.#cluster.server, FEED);
    const opening = this.nodeNames.map((node) => this.#cluster.start(node));
    const healing = new Healing(kernel);
    const targets = { cluster: this.#cluster, nodeNames: this.nodeNames, stop };
    const faults = new ActorFaults(
      this.#simulation as unknown as Simulation<FaultCatalog>,
      targets as unknown as FaultTargets,
      healing,
      LOAD_MS,
    );
    const calls: Promise<unknown>[] = [];
    await Promise.all([
      playSteps(this.#simulation, plan.operations, ({ id, kind, args }) => {
        const how = args as unknown as ActorCallStep;
        calls.push(kind === "tell" ? this.#tell(id, how) : this.#callAndJudge(id, how));
      }),
      playSteps(this.#simulation, plan.faults, (fault) => faults.inject(fault)),
      kernel.sleep(LOAD_MS, "the load"),
    ]);
    healing.all();
    this.#cluster.behave();
    await faults.end();
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
      create: (context) => this.#actor(owner, world.clock, context),
    });
    const manager = new Manager({
      world,
      config: CONFIG,
      handler: actors.handler,
      consumptionEvents: actors.events,
      hooks: { onError: (error) => this.#heard(error) },
    });
    this.#watch.listen(bus);
    this.#calls.listen(bus);
    try {
      await manager.start();
    } catch (error) {
      await manager.stop();
      throw error;
    }
    return { ...member, actors, manager };
  }

  #actor(
    owner: BusMember["owner"],
    clock: BusMember["world"]["clock"],
    context: ActorContext,
  ): Actor {
    const { assertions } = this.#simulation;
    const take = turnsOf({ assertions, ledger: this.#ledger, clock, context });
    this.#watch.made(owner, context);
    const life = `${owner.name} ${context.id} ${context.token}`;
    const draws = new Draws(this.#simulation.plan.seed, "activation", life);
    const linger = async (longestMs: number): Promise<void> => {
      const isSlow = draws.chance(SLOW_HOOKS) && !isCalm(this.#simulation.plan);
      const takesMs = isSlow ? longestMs : draws.pick(HOOK_MS);
      if (takesMs > 0) await sleep(clock, takesMs);
    };
    return {
      handle: async ({ payload, signal, leftMs }) => {
        // What is stored is handled, however late.
        this.#calls.came(this.#ledger.find(readPayload(payload).token), leftMs(), -Infinity);
        const turn: Turn = { owner, context, signal };
        this.#watch.begin(turn, payload);
        try {
          return await take(payload, signal, (isKnown) => {
            assertions.sometimes("a call came again", isKnown);
          });
        } finally {
          this.#watch.end(turn);
        }
      },
      // The shard may go meanwhile, and the process stand still.
      onActivate: () => this.#watch.hooked("activate", context, () => linger(SLOW_ACTIVATING_MS)),
      onDeactivate: () =>
        this.#watch.hooked("deactivate", context, async () => {
          await linger(SLOW_LEAVING_MS);
          const { state } = context;
          if (state?.value !== undefined) await state.save(state.value);
          this.#saveLate(owner, context);
        }),
    };
  }

  /** What it does behind its goodbye must not count. */
  #saveLate(owner: BusMember["owner"], { id, state, mayAct }: ActorContext): void {
    this.#simulation.kernel.schedule(STRAGGLE_MS, "a straggler saves", () => {
      if (owner.dead || owner.paused) return;
      const isSaved = (saved: boolean) =>
        this.#simulation.assertions.always("nothing is saved after the goodbye", !saved, id);
      isSaved(mayAct());
      state!.save(state!.value ?? new Uint8Array()).then(
        () => isSaved(true),
        () => isSaved(false),
      );
    });
  }

  async #call(token: string, how: ActorCallStep): Promise<CallRecord | undefined> {
    const member = await this.#cluster.awake(`node-${how.node}`);
    if (member === undefined) return undefined;
    const { assertions } = this.#simulation;
    const id = `${TYPE}/${how.actor}`;
    this.#called.add(how.actor);
    const { again = false, timeoutMs } = how;
    const record = this.#ledger.issue(token, member.owner.name, !again, timeoutMs);
    const cancel = cancelAfter(member.world.clock, how.cancelAfterMs);
    const { signal } = cancel;
    const options = { timeoutMs, signal, ...(again ? { idempotencyKey: token } : {}) };
    const calling = member.actors.request(id, "add", writePayload(token, how), options);
    const told = await this.#ledger.book(record, member, calling, (error) => this.#heard(error));
    cancel.end();
    if (told === undefined) return undefined;
    if ("value" in told) {
      const text = tokenOf(told.value);
      assertions.always("the answer is the call's", text === echoOf(token), `${token}: ${text}`);
      this.#kept.promise(id, token);
      return record;
    }
    const [outcome] = record.outcomes;
    assertions.sometimes("maybe_delivered", outcome === "maybe delivered");
    assertions.sometimes("cancelled", outcome === "cancelled");
    assertions.sometimes("timeout_triggered", outcome === "timeout");
    return record;
  }

  /** On a good day whoever has time gets a value. */
  async #callAndJudge(token: string, how: ActorCallStep): Promise<void> {
    const { plan, assertions } = this.#simulation;
    const record = await this.#call(token, how);
    const isPatient = how.timeoutMs >= PATIENT_MS && how.cancelAfterMs === undefined;
    if (record === undefined || !isPatient || !isCalm(plan)) return;
    const [outcome] = record.outcomes;
    const text = `${token}: ${outcome}`;
    assertions.always("on a good day all calls succeed", outcome === "value", text);
  }

  /** Tells an actor something. */
  async #tell(token: string, { node, actor, timeoutMs, ...how }: ActorCallStep): Promise<void> {
    const member = await this.#cluster.awake(`node-${node}`);
    if (member === undefined) return;
    const id = `${TYPE}/${actor}`;
    this.#called.add(actor);
    const record = this.#ledger.issue(token, member.owner.name, true, timeoutMs);
    const payload = writePayload(token, { node, actor, timeoutMs, ...how });
    const telling = member.actors.oneway(id, "add", payload, { timeoutMs });
    await this.#ledger.book(record, member, telling, (error) => this.#heard(error));
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
    const { alive, admin } = this.#cluster;
    if (alive.length < NODES) return "a node is missing";
    // Who looks at what is kept comes back later than they do, now and then.
    if (!admin.messaging.connected) return "the server is not back";
    const strayed = alive.find(({ manager }) => manager.state !== "Stable");
    return strayed === undefined ? undefined : `${strayed.node} is ${strayed.manager.state}`;
  }

  async #end(): Promise<void> {
    await endRun({
      ...{ simulation: this.#simulation, cluster: this.#cluster, ledger: this.#ledger },
      look: () => this.#checkStates(),
      stop,
    });
    this.#watch.checkEnds();
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
    this.#stored.check(assertions, this.#ledger);
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
