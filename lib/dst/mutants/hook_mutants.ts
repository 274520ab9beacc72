/**
 * Bugs in how actors are told of their beginning and their end, in a directory and by partition.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const ACTIVATION = "lib/bus/actors/activation.ts";
const PARTITION_ACTORS = "lib/bus/actors/partition_actors.ts";

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
    file: ACTIVATION,
    find: "      await this.#actor!.onDeactivate?.(reason);\n",
    replace: "      void Promise.resolve(this.#actor!.onDeactivate?.(reason)).catch(() => {});\n",
  },
  {
    workload: "bus-6-partition",
    name: "shard-turns-during-the-first-hook",
    about: "An actor by partition takes its first turn while it is still told that it begins.",
    file: PARTITION_ACTORS,
    find: "    await actor.onActivate?.();\n",
    replace: "    void Promise.resolve(actor.onActivate?.()).catch(() => {});\n",
  },
  {
    workload: "bus-6-partition",
    name: "shard-goodbye-not-waited-for",
    about: "The next life by partition begins while the one before it is still told that it ends.",
    file: PARTITION_ACTORS,
    find: "      await life.actor.onDeactivate?.(reason);\n",
    replace: "      void Promise.resolve(life.actor.onDeactivate?.(reason)).catch(() => {});\n",
  },
];
