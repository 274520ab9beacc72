/**
 * One worker of the simulated group: a process with a connection and a `Manager`, exactly as an application has it.
 *
 * @module
 */
import type { AssignmentStrategy, Partition } from "../../assignment/partition.ts";
import type { StaticSource } from "../../assignment/sources/static_source.ts";
import { STRATEGY_NAMES, strategyByName } from "../../assignment/strategies/strategies.ts";
import { isPartiError } from "../../errors.ts";
import type { ElectionAgent } from "../../leadership/election_agent.ts";
import { kvElection } from "../../leadership/kv_election.ts";
import { Manager } from "../../manager/manager.ts";
import { sleep } from "../../ports/clock.ts";
import type { KvBucket } from "../../ports/kv.ts";
import type { World } from "../../ports/world.ts";
import type { Assignment } from "../../manager/hooks.ts";
import type { ManagerState } from "../../manager/state.ts";
import { Draws } from "../draw.ts";
import type { SimProcess } from "../kernel/node.ts";
import type { SimLink } from "../nats/link.ts";
import type { Simulation } from "../workload.ts";
import type { CoreCatalog } from "./catalog.ts";
import { groupConfig } from "./group_config.ts";
import { type Mood, moodySource } from "./moody_source.ts";
import type { Observer, WorkerView } from "./observer.ts";
import type { CoreParameters } from "./parameters.ts";
import { patientElection } from "./patient_election.ts";
import { Work } from "./work.ts";

/** What a member is made from. */
export interface MemberOptions {
  /** The run. */
  readonly simulation: Simulation<CoreCatalog>;
  /** Its parameters. */
  readonly parameters: CoreParameters;
  /** Who watches. */
  readonly observer: Observer;
  /** The process. */
  readonly owner: SimProcess;
  /** Its connection. */
  readonly link: SimLink;
  /** The world over it. */
  readonly world: World;
  /** What its source says. */
  readonly partitions: readonly Partition[];
  /** What its source is up to. */
  readonly mood: () => Mood;
  /** Which stable ID it would like to have. */
  readonly preferredId: number;
  /** Told when a handler of an instance has ended well. */
  readonly onDone: (instance: string) => void;
  /** Told of each state it gets into, in the instant in which it does. */
  readonly onState: (member: Member, state: ManagerState) => void;
}

/** From the server's sending of a message until it hears of it, with one to spare. */
const WAYS = 3;

/** A worker. */
export class Member {
  /** The process. */
  readonly owner: SimProcess;
  /** Its connection. */
  readonly link: SimLink;
  /** Its manager. */
  readonly manager: Manager;
  /** Its partition source. */
  readonly source: StaticSource;
  readonly #options: MemberOptions;
  readonly #work: Work;
  /** The partitions that its hook was told of. */
  readonly #held = new Set<string>();
  readonly #stop = new AbortController();
  #stopping: Promise<void> | undefined;
  #instance: string | undefined;
  #isToldToLead = false;
  /** Since when it has been starting, by its own clock; undefined while it is not. */
  #startingSinceMs: number | undefined;

  /** @param options what it is made from */
  constructor(options: MemberOptions) {
    this.#options = options;
    const { owner, link, world, parameters, observer, simulation } = options;
    const { seed } = simulation.plan;
    this.owner = owner;
    this.link = link;
    this.source = moodySource({
      partitions: options.partitions,
      clock: world.clock,
      draws: new Draws(seed, "source", owner.name),
      maxMs: parameters.sourceMaxMs,
      mood: options.mood,
      assertions: simulation.assertions,
      onAnswer: () => observer.sourceAnswered(simulation.kernel.nowMs),
    });
    this.#work = new Work({
      simulation,
      parameters,
      observer,
      world,
      name: owner.name,
      view: (instance) => this.#view(instance),
      onDone: options.onDone,
      maxDeliver: () => this.manager.config.consumer?.maxDeliver ?? 1,
    });
    this.manager = new Manager({
      world,
      ...(parameters.shards > 0 ? {} : { source: this.source }),
      handler: (message, context) => this.#work.handle(message, context),
      host: owner.name,
      hooks: this.#hooks(),
      consumptionEvents: this.#events(),
      ...(parameters.electionMaxMs > 0 ? { election: (leases) => this.#election(leases) } : {}),
      ...(parameters.mixedStrategies ? { strategy: this.#strategy() } : {}),
      config: {
        ...groupConfig(parameters),
        preferredId: options.preferredId % parameters.ids,
      },
    });
  }

  /** The instance that it was when it wrote a lease last: known while it is still joining, too. */
  get instance(): string | undefined {
    return this.#instance;
  }

  /** It has written a lease as this instance. */
  hasLeased(instance: string): void {
    this.#instance = instance;
  }

  /** The assignment that it follows as this instance; undefined if it follows none, or has not joined yet. */
  following(instance: string): Assignment | undefined {
    return this.manager.instance === instance ? this.manager.assignment : undefined;
  }

  /** Whether it was told that it leads, and not yet that it does no longer. */
  get isToldToLead(): boolean {
    return this.#isToldToLead;
  }

  /** Whether it is still to work: started, and neither dead nor asked to leave. */
  get wanted(): boolean {
    return !this.owner.dead && this.#stopping === undefined;
  }

  /** Whether its start has taken longer than it may: it gives up by itself then, and gives back what it has. */
  get givesUp(): boolean {
    if (this.#startingSinceMs === undefined) return false;
    const startingMs = this.#options.world.clock.monotonicMs() - this.#startingSinceMs;
    return startingMs >= this.manager.config.startupTimeoutMs;
  }

  /**
   * Starts it, some time after its process began.
   *
   * @param onFailed called if it cannot: an application ends then, and whoever supervises it starts it anew
   */
  start(onFailed: () => void): void {
    this.#options.onState(this, "Init");
    this.#run().catch((error) => {
      if (!isPartiError(error)) throw error;
      if (!this.owner.dead) this.#options.observer.told(error);
      if (isPartiError(error, "PARTI_NO_FREE_ID")) {
        this.#options.simulation.assertions.reachable("all stable IDs were taken");
      }
      if (this.wanted) onFailed();
    });
  }

  /** Stops it in an orderly way and closes its connection; its handlers have ended then, too. */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      this.#stop.abort();
      await this.manager.stop();
      this.link.close();
      await this.#work.idle();
    })();
    return this.#stopping;
  }

  async #run(): Promise<void> {
    const { simulation, parameters, world } = this.#options;
    const bootMs = new Draws(simulation.plan.seed, "boot", this.owner.name)
      .between(0, parameters.bootMaxMs);
    if (bootMs > 0) await sleep(world.clock, bootMs, this.#stop.signal);
    if (!this.wanted) return;
    this.#startingSinceMs = world.clock.monotonicMs();
    await this.manager.start();
    this.#startingSinceMs = undefined;
  }

  #strategy(): AssignmentStrategy {
    const draws = new Draws(this.#options.simulation.plan.seed, "strategy", this.owner.name);
    return strategyByName(draws.pick(STRATEGY_NAMES));
  }

  #election(leases: KvBucket): ElectionAgent {
    const { simulation, parameters, world } = this.#options;
    const { electionTimeoutMs, heartbeatIntervalMs } = this.manager.config;
    const inner = kvElection({
      bucket: leases,
      clock: world.clock,
      random: world.random,
      ttlMs: electionTimeoutMs,
      renewEveryMs: Math.min(heartbeatIntervalMs, electionTimeoutMs / 3),
      formerInstances: new Set(),
    });
    // One for each session, and each with numbers of its own.
    const draws = new Draws(
      simulation.plan.seed,
      "election",
      `${this.owner.name} ${++this.#terms}`,
    );
    return patientElection(inner, world.clock, draws, parameters.electionMaxMs);
  }

  #terms = 0;

  /** Whether the server hears within an ack wait that work goes on, however slow a message and the word of it are: it is said every third. */
  get #isSaidInTime(): boolean {
    const { latencyMaxMs, slowChance } = this.#options.parameters;
    const slowestMs = latencyMaxMs * (slowChance > 0 ? 10 : 1);
    const ackWaitMs = this.manager.config.consumer?.ackWaitMs ?? 0;
    return WAYS * slowestMs < ackWaitMs * (2 / 3);
  }

  #view(instance: string): WorkerView {
    const { link, world, simulation: { kernel } } = this.#options;
    return {
      isConnected: world.messaging.connected,
      isCutUnheard: link.isCutUnheard,
      connectedAtMs: kernel.nowMs - link.connectedForMs,
      following: this.following(instance),
    };
  }

  #hooks(): NonNullable<ConstructorParameters<typeof Manager>[0]["hooks"]> {
    const { observer, simulation } = this.#options;
    return {
      onStateChanged: (from, to) => {
        if (this.owner.dead) return;
        simulation.note(this.owner.name, to);
        observer.stateChanged(from, to);
        if (to === "ClaimingID" && from !== "Init") {
          simulation.assertions.reachable("a lease was lost");
        }
        this.#options.onState(this, to);
      },
      onAssignmentChanged: (change) => {
        if (this.owner.dead) return;
        observer.assignmentChanged(this.#held, change);
        const { instance, assignment } = this.manager;
        if (instance !== undefined && assignment !== undefined) {
          observer.followed(instance, assignment);
        }
      },
      onLeadershipChanged: (isLeader) => {
        this.#isToldToLead = isLeader;
      },
      onError: (error) => observer.told(error),
    };
  }

  #events(): NonNullable<ConstructorParameters<typeof Manager>[0]["consumptionEvents"]> {
    const { observer, simulation: { assertions, kernel } } = this.#options;
    const { applied, messages } = observer;
    // Of a life that is over nothing is told any more.
    const asInstance = (tell: (instance: string) => void): void => {
      if (this.#instance !== undefined) tell(this.#instance);
    };
    return {
      acquired: (ids) => asInstance((instance) => applied.acquired(instance, ids)),
      released: (ids) => asInstance((instance) => applied.released(instance, ids)),
      redelivered: (id, message) => {
        assertions.reachable("a message came again");
        if (!this.#isSaidInTime) return;
        asInstance((instance) => messages.cameAgain(instance, id, message, kernel.nowMs));
      },
      refused: () => assertions.reachable("a lane was refused"),
      evicted: () => assertions.reachable("a stranger's lane was evicted"),
      compacted: () => assertions.reachable("lanes were merged"),
    };
  }
}
