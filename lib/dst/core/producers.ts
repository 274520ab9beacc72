/**
 * The producers: each has a connection of its own and publishes to some of the partitions, so that each partition's messages come from one
 * of them, one after the other.
 *
 * @module
 */
import type { World } from "../../ports/world.ts";
import { Draws } from "../draw.ts";
import type { Simulation } from "../workload.ts";
import type { CoreCatalog } from "./catalog.ts";
import type { CoreParameters } from "./parameters.ts";
import { Producer } from "./producer.ts";

/** What producers need. */
export interface ProducersOptions {
  /** The run. */
  readonly simulation: Simulation<CoreCatalog>;
  /** Its parameters. */
  readonly parameters: CoreParameters;
  /** Connects a process of this name. */
  readonly connect: (name: string) => World;
  /** The partitions there are. A partition keeps its place in the list for as long as it is in it, and never comes back. */
  readonly partitions: () => readonly string[];
  /** The subject of a partition's messages. */
  readonly subjectOf: (partition: string) => string;
}

/** All producers of a run. */
export class Producers {
  readonly #all: readonly Producer[];

  /** @param options what they need */
  constructor({ simulation, parameters, connect, partitions, subjectOf }: ProducersOptions) {
    const { assertions, plan: { seed } } = simulation;
    const { producers: count, ratePerSecond, repeats } = parameters;
    assertions.sometimesAtLeast("producers in a run", count);
    this.#all = Array.from({ length: count }, (_, index) => {
      const name = `producer-${index}#1`;
      return new Producer(connect(name), {
        ratePerSecond: ratePerSecond / count,
        subjectOf,
        partitions: partOf(partitions, (place) => place % count === index),
        numberOf: (n) => n * count + index,
        // One of them is enough for the feed to be told things twice.
        repeats: index === 0 ? repeats : 0,
        draws: new Draws(seed, "repeats", name),
        onDuplicate: () => assertions.reachable("the feed dropped what came twice"),
      });
    });
  }

  /** Publish until they are stopped; the messages under way are finished. */
  async run(): Promise<void> {
    await Promise.all(this.#all.map((one) => one.run()));
  }

  /** Ends them. */
  stop(): void {
    for (const one of this.#all) one.stop();
  }

  /** Publish one message to each partition, as quickly as they can. */
  async visitAll(): Promise<void> {
    await Promise.all(this.#all.map((one) => one.visitAll()));
  }
}

/** A part of a list, made anew only where the list is another one: it is asked for with each message. */
function partOf(
  list: () => readonly string[],
  has: (place: number) => boolean,
): () => readonly string[] {
  let whole: readonly string[] = [];
  let part: readonly string[] = [];
  return () => {
    const now = list();
    if (now !== whole) part = now.filter((_, place) => has(place));
    whole = now;
    return part;
  };
}
