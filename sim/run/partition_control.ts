/**
 * The coordinator's hand on the partitions: writes the list that the group shares, tells the producers what came and went, and sees what
 * is drained.
 *
 * @module
 */
import { isPartiError, OUTAGE_CODES, PartiError } from "../../lib/errors.ts";
import type { World } from "../../lib/ports/world.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import type { Fault } from "../fault/fault.ts";
import { addedWeight, partitionWeights, producerOfAdded, producerShares } from "../seed/weights.ts";
import { replicasOf } from "../config/nats_section.ts";
import { openPartitionBucket, writePartitionList } from "../streams/partition_list.ts";
import { feedSubject, type Topology } from "../streams/topology.ts";
import type { ProducerOrder } from "../wire/wire.ts";
import { command } from "./ask.ts";
import type { Fleet } from "./fleet.ts";
import type { RunState } from "./run_state.ts";
import { patiently } from "./wait.ts";

/** What it needs. */
export interface PartitionControlOptions {
  /** The configuration. */
  readonly config: Pick<SimulationConfig, "partitions" | "producers" | "nats">;
  /** The run's seed. */
  readonly seed: number;
  /** The run. */
  readonly runId: string;
  /** A planted defect. */
  readonly fault?: Fault | undefined;
  /** The processes. */
  readonly fleet: Pick<Fleet, "running">;
  /** What is known. */
  readonly state: Pick<RunState, "partitions">;
  /** Where the list and the messages lie. */
  readonly stage: { readonly world: World; readonly topology: Topology };
}

/** A producer answers when all is known; it is asked again if it has not by then, since it may be a new process. */
const TELL_MS = 2_000;

/** The partitions of a run, as the coordinator changes them. */
export class PartitionControl {
  readonly #options: PartitionControlOptions;
  /** One writing at a time: the list that is written last is the newest. */
  #writing: Promise<void> = Promise.resolve();

  /** @param options what it needs */
  constructor(options: PartitionControlOptions) {
    this.#options = options;
  }

  /** The planted defect: partitions are taken away while messages are still sent to them. */
  get strands(): boolean {
    return this.#options.fault?.kind === "strand";
  }

  /**
   * The weights of the next partitions that come.
   *
   * @param count how many
   */
  nextWeights(count: number): number[] {
    const { config, seed, state } = this.#options;
    const first = state.partitions.total;
    return Array.from({ length: count }, (_, index) => {
      return addedWeight(config.partitions, seed, first + index);
    });
  }

  /**
   * Writes the list of those that the group shares now.
   *
   * @param isOver ends the trying
   */
  publish(isOver: () => boolean): Promise<void> {
    const { stage: { world, topology }, config: { nats }, state: { partitions } } = this.#options;
    const written = this.#writing.then(async () => {
      await patiently(isOver, async () => {
        const bucket = await openPartitionBucket(world.kv, topology, replicasOf(nats));
        await writePartitionList(bucket, partitions.weights, partitions.current);
      });
    });
    // Whoever wanted it is told why it could not be; the next one is not kept from trying.
    this.#writing = written.catch(() => {});
    return written;
  }

  /**
   * Tells every producer what came and what went.
   *
   * @param isOver ends the trying
   * @returns when each has told all that it has sent to what went
   */
  async tellProducers(isOver: () => boolean): Promise<void> {
    const { config: { producers } } = this.#options;
    const all = Array.from({ length: producers.count }, (_, index) => index);
    await Promise.all(all.map((index) => this.#tell(index, { command: "change" }, isOver)));
  }

  /**
   * Has a message sent on which every handler fails, and the next one right behind it.
   *
   * @param partition where
   * @param order the number of the wish
   * @param isOver ends the trying
   */
  poison(partition: number, order: number, isOver: () => boolean): Promise<void> {
    return this.#tell(this.#producerOf(partition), { command: "poison", partition, order }, isOver);
  }

  /**
   * Which partitions have messages in the feed.
   *
   * @param partitions the ones in question
   * @returns those of them; all while the server does not say
   */
  async waiting(partitions: readonly number[]): Promise<number[]> {
    const { stage: { world: { feed }, topology } } = this.#options;
    const found = await Promise.all(partitions.map(async (partition) => {
      const subject = feedSubject(topology, partition);
      try {
        const last = await feed.lastMessage(topology.feedStream, subject);
        return last === undefined ? [] : [partition];
      } catch (error) {
        if (!isPartiError(error, ...OUTAGE_CODES)) throw error;
        return [partition];
      }
    }));
    return found.flat();
  }

  #producerOf(partition: number): number {
    const { config: { partitions, producers }, seed } = this.#options;
    if (partition >= partitions.count) return producerOfAdded(partition, producers.count);
    const shares = producerShares(partitionWeights(partitions, seed), producers);
    return shares.findIndex((share) => share.includes(partition));
  }

  /** One that was killed is told when it is back. */
  async #tell(
    index: number,
    what: ProducerOrder,
    isOver: () => boolean,
  ): Promise<void> {
    const { fleet, runId, stage: { world }, state } = this.#options;
    await patiently(isOver, async () => {
      const producer = fleet.running("producer").find((one) => one.index === index);
      if (producer?.readyUs === undefined) {
        throw new PartiError("PARTI_NO_RESPONDERS", `producer-${index} is not there`);
      }
      const told = { ...what, changes: state.partitions.changes };
      await command(world.messaging, runId, producer, told, TELL_MS);
    });
  }
}
