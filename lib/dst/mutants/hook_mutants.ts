/**
 * Bugs in how actors are told of their beginning and their end, in a directory and by partition.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const ACTIVATION = "lib/bus/actors/activation.ts";
const GOODBYE = "lib/bus/actors/goodbye.ts";
/** Both kinds of actors say goodbye there. */
const NOT_WAITED_FOR = {
  file: GOODBYE,
  find: "    await actor.onDeactivate?.(reason);\n",
  replace: "    void Promise.resolve(actor.onDeactivate?.(reason)).catch(() => {});\n",
};

/** The bugs. */
export const hookMutants: readonly Mutant[] = [
  {
    workload: "bus-4-directory",
    name: "turns-during-the-first-hook",
    about: "An actor takes its first turn while it is still told that it begins.",
    file: ACTIVATION,
    find: "      await this.#actor.onActivate?.();\n",
    replace: "      void Promise.resolve(this.#actor.onActivate?.()).catch(() => {});\n",
  },
  {
    workload: "bus-4-directory",
    name: "goodbye-not-waited-for",
    about: "An actor gives its place back while it is still told that it ends.",
    ...NOT_WAITED_FOR,
  },
  {
    workload: "bus-6-partition",
    name: "shard-turns-during-the-first-hook",
    about: "An actor by partition takes its first turn while it is still told that it begins.",
    file: "lib/bus/actors/partition_life.ts",
    find: "    await this.#actor.onActivate?.();\n",
    replace: "    void Promise.resolve(this.#actor.onActivate?.()).catch(() => {});\n",
  },
  {
    workload: "bus-6-partition",
    name: "shard-goodbye-not-waited-for",
    about: "The next life by partition begins while the one before it is still told that it ends.",
    ...NOT_WAITED_FOR,
  },
];
