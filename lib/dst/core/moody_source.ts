/**
 * A partition source that takes its time, and may fail or forget everything for a while.
 *
 * @module
 */
import type { Partition } from "../../assignment/partition.ts";
import { type StaticSource, staticSource } from "../../assignment/sources/static_source.ts";
import { type Clock, sleep } from "../../ports/clock.ts";
import type { Assertions } from "../assertions/assertions.ts";
import type { Draws } from "../draw.ts";
import type { CoreCatalog } from "./catalog.ts";
import { noteStrike } from "./fault_kinds.ts";

/** What a source is up to. */
export type Mood = "well" | "fails" | "empty" | "hangs";

/** What it needs. */
export interface MoodySourceOptions {
  /** What it says at first. */
  readonly partitions: readonly Partition[];
  /** Time. */
  readonly clock: Clock;
  /** How long an answer takes. */
  readonly draws: Draws;
  /** The same, at most, in milliseconds. */
  readonly maxMs: number;
  /** What it is up to, asked for each answer. */
  readonly mood: () => Mood;
  /** Told which moods somebody met. */
  readonly assertions: Assertions<CoreCatalog>;
  /** Told of each answer that says which partitions there are. */
  readonly onAnswer: () => void;
}

/** How long one that hangs lets wait, in milliseconds: longer than anybody does. */
const HANGING_MS = 60_000;

/**
 * Makes a source.
 *
 * @param options what it needs
 * @returns the source
 */
export function moodySource(options: MoodySourceOptions): StaticSource {
  const { clock, draws, maxMs, mood, assertions, onAnswer } = options;
  const inner = staticSource(options.partitions);
  return {
    watch: (onChange) => inner.watch(onChange),
    update: (list) => inner.update(list),
    list: async (signal) => {
      const is = mood();
      const delayMs = is === "hangs" ? HANGING_MS : maxMs > 0 ? draws.between(0, maxMs) : 0;
      if (is === "hangs") noteStrike(assertions, "source hangs");
      // Read before the answer is on its way: it may be out of date when it arrives.
      const list = await inner.list(signal);
      if (delayMs > 0) await sleep(clock, delayMs, signal);
      if (is === "fails") {
        noteStrike(assertions, "source fails");
        assertions.reachable("the source failed");
        throw new Error("the partition source is out of order");
      }
      if (is !== "empty") {
        if (list.length > 0) onAnswer();
        return list;
      }
      noteStrike(assertions, "source empty");
      assertions.reachable("the source said nothing");
      return [];
    },
  };
}
