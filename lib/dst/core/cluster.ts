/**
 * The simulated group: a server, workers that are started, stopped, killed and cut off, producers, and an observer that sees it all.
 *
 * @module
 */
import type { Buggify } from "../../ports/buggify.ts";
import type { World } from "../../ports/world.ts";
import { SimProcess } from "../kernel/node.ts";
import { FaultBoard } from "../nats/fault_board.ts";
import { type NatsFaults, NO_FAULTS } from "../nats/faults.ts";
import { SimLink } from "../nats/link.ts";
import { ModelServer } from "../nats/server.ts";
import { simWorld } from "../nats/sim_world.ts";
import { StreamsModel } from "../nats/streams_model.ts";
import type { Simulation } from "../workload.ts";
import { Ambushes } from "./ambush.ts";
import type { BUGGIFY_SITES, CoreCatalog } from "./catalog.ts";
import { FeedShape } from "./feed_shape.ts";
import { Fleet } from "./fleet.ts";
import { cadenceRules } from "./group_config.ts";
import type { Mood } from "./moody_source.ts";
import { linkOptions } from "./network.ts";
import { DEAD, DEAD_PREFIX, OUTPUT, OUTPUT_PREFIX } from "./names.ts";
import { Observer } from "./observer.ts";
import type { CoreParameters } from "./parameters.ts";
import { PartitionList } from "./partition_list.ts";
import { Producers } from "./producers.ts";
import { Taps } from "./taps.ts";

type BuggifySite = typeof BUGGIFY_SITES[number];

/**
 * Places that delay when a leader writes. The others delay workers only: who has acknowledged what changes the phase that a leader shows, and
 * nothing that it does; and no leader waits for the proof after a reconnect.
 */
const LEADER_SITES: ReadonlySet<string> = new Set<BuggifySite>(["look-fails", "unable-early"]);
/** A server that is away for so long is one that everybody misses, in milliseconds. */
const AWAY_MS = 3_000;

/** The group. */
export class CoreCluster {
  /** What the run is like. */
  readonly parameters: CoreParameters;
  /** Who watches. */
  readonly observer: Observer;
  /** The server. */
  readonly server: ModelServer;
  /** A world of the simulation's own, which no fault reaches but the server's end. */
  readonly world: World;
  /** The producers. */
  readonly producers: Producers;
  /** The machines. */
  readonly fleet: Fleet;
  /** Who lies in wait for whom. */
  readonly ambushes: Ambushes;
  /** What the server is like on a good day. */
  readonly goodDay: NatsFaults;
  /** What partition sources are up to. */
  mood: Mood = "well";
  readonly #simulation: Simulation<CoreCatalog>;
  readonly #taps: Taps;
  readonly #partitions: PartitionList;
  readonly #shape: FeedShape;
  #behaves = false;
  #crashedAtMs = 0;

  /**
   * @param simulation the run
   * @param parameters its parameters
   */
  constructor(simulation: Simulation<CoreCatalog>, parameters: CoreParameters) {
    const { kernel } = simulation;
    this.#simulation = simulation;
    this.parameters = parameters;
    this.#shape = new FeedShape(parameters.shards);
    const unitOf = (partition: string) => this.#shape.unitOf(partition);
    this.observer = new Observer(simulation.assertions, cadenceRules(parameters), unitOf);
    this.server = new ModelServer({ kernel, version: parameters.version });
    this.goodDay = goodDay(parameters);
    FaultBoard.of(this.server).set(this.goodDay);
    const makeWorld = simWorld(this.server, { buggify: (owner) => this.#buggify(owner) });
    this.world = makeWorld(new SimLink(new SimProcess(kernel, "admin#1"), this.server));
    this.#partitions = new PartitionList(parameters.partitions, parameters.nameLength);
    this.ambushes = new Ambushes(kernel);
    this.fleet = new Fleet({
      simulation,
      parameters,
      observer: this.observer,
      server: this.server,
      makeWorld,
      partitions: () => this.#partitions.all,
      mood: () => this.mood,
      onDone: (instance) => this.ambushes.acked(instance, parameters.latencyMaxMs / 2),
      onState: (member, state) => this.ambushes.entered(member, state),
    });
    this.#taps = new Taps({
      server: this.server,
      observer: this.observer,
      fleet: this.fleet,
      assertions: simulation.assertions,
      shape: this.#shape,
      onSent: (instance) => this.ambushes.sent(instance),
      onPublished: (snapshot) => this.ambushes.published(snapshot, this.fleet.alive),
    });
    this.producers = new Producers({
      simulation,
      parameters,
      connect: (name) => {
        const options = linkOptions(parameters, simulation.plan.seed, name);
        return makeWorld(new SimLink(new SimProcess(kernel, name), this.server, options));
      },
      partitions: () => this.partitionNames,
      subjectOf: (partition) => this.#shape.subjectOf(partition),
    });
    simulation.assertions.sometimes("a feed is sharded", parameters.shards > 0);
    simulation.assertions.sometimesEach("latency shapes", parameters.latencyShape);
  }

  /** The names of the partitions there are. */
  get partitionNames(): readonly string[] {
    return this.#partitions.names;
  }

  /** What the group shares: the partitions, or the shards in which they are keys. */
  get unitNames(): readonly string[] {
    return this.#shape.unitsOf(this.partitionNames);
  }

  /** How many messages of the partitions there are the feed still holds. */
  get unacknowledged(): number {
    const streams = StreamsModel.of(this.server);
    const shape = this.#shape;
    return this.partitionNames.reduce((sum, id) => {
      const stream = streams.stream(shape.streamOf(id), "observer");
      return sum + stream.countOf(shape.subjectOf(id));
    }, 0);
  }

  /** Makes the streams, before anything goes wrong. */
  async open(): Promise<void> {
    const { feed } = this.world;
    const common = { storage: "file", replicas: 1 } as const;
    const retention = "workqueue";
    for (const stream of this.#shape.streams) {
      const subjects = [this.#shape.subjectsOf(stream)];
      await feed.ensureStream(stream, { ...common, retention, subjects });
    }
    for (const [name, prefix] of [[OUTPUT, OUTPUT_PREFIX], [DEAD, DEAD_PREFIX]] as const) {
      await feed.ensureStream(name, { ...common, retention: "limits", subjects: [`${prefix}>`] });
    }
    this.#tellObserver();
    this.#taps.open();
  }

  /** Adds partitions to what all sources say. */
  add(count: number, weight: number): void {
    this.#partitions.add(count, weight);
    this.#simulation.assertions.reachable("partitions were added");
    this.#tellSources();
  }

  /** Removes partitions from what all sources say; some always stay. */
  remove(count: number): void {
    this.#partitions.remove(count);
    this.#simulation.assertions.reachable("partitions were removed");
    this.#tellSources();
  }

  /** Changes the weights of some partitions. */
  weigh(count: number, weight: number): void {
    this.#partitions.weigh(count, weight);
    this.#tellSources();
  }

  /** From now on no place of the library misbehaves. */
  behave(): void {
    this.#behaves = true;
  }

  /** Something keeps everybody from doing what they should, for so many milliseconds from now. */
  disturbed(forMs = 0): void {
    this.observer.disturbed(this.#simulation.kernel.nowMs + forMs);
  }

  /** Kills the server's process. */
  crashServer(): void {
    for (const member of this.fleet.alive) this.fleet.excuse(member);
    this.server.crash();
    this.#crashedAtMs = this.#simulation.kernel.nowMs;
    this.#taps.serverCrashed();
  }

  /** Starts the server again after it was killed. */
  restartServer(): void {
    const { alive } = this.fleet;
    const awayForMs = this.#simulation.kernel.nowMs - this.#crashedAtMs;
    const isNobody = alive.length > 0 && alive.every(({ link }) => !link.connected);
    this.#simulation.assertions.sometimes("the server was away", isNobody && awayForMs >= AWAY_MS);
    this.server.restart();
    this.disturbed();
  }

  /** What misbehaves counts as a fault: leaders that it delays are held to nothing, and it ends when faults heal. */
  #buggify(owner: string): Buggify {
    const fires = this.#simulation.buggify.for(owner);
    return (site, probability) => {
      if (this.#behaves || !fires(site, probability)) return false;
      this.#simulation.assertions.sometimesEach("places that misbehave", site as BuggifySite);
      if (LEADER_SITES.has(site)) this.disturbed();
      return true;
    };
  }

  #tellObserver(): void {
    const weights = this.#shape.shards === undefined ? this.#partitions.weights : {};
    this.observer.sourceSays(this.unitNames, this.#simulation.kernel.nowMs, weights);
  }

  /** The partitions of a sharded feed are keys: nobody has to be told of them. */
  #tellSources(): void {
    if (this.#shape.shards !== undefined) return;
    this.#tellObserver();
    for (const { source } of this.fleet.alive) source.update(this.#partitions.all);
  }
}

/** How many acks the server takes late where it takes any late. */
const ACKS_LATE = 0.3;

/** No fault, but that acks and calls need not be taken in the order in which they were sent. */
function goodDay({ ackLateMs }: CoreParameters): NatsFaults {
  if (ackLateMs === 0) return NO_FAULTS;
  return { ...NO_FAULTS, feed: { ...NO_FAULTS.feed, ackLate: ACKS_LATE, ackLateMs } };
}
