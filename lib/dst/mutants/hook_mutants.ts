/**
 * Bugs in how actors and their nodes begin and end, and in what they are told of it, in a directory and by partition.
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
  {
    workload: "bus-4-directory",
    name: "life-may-act-for-ever",
    about: "An actor is told that it may act although its life is over.",
    file: ACTIVATION,
    find: "      mayAct: () => this.#mayAct(),\n      deactivate",
    replace: "      mayAct: () => true,\n      deactivate",
  },
  {
    workload: "bus-4-directory",
    name: "start-fails-by-itself",
    about: "A node cannot start now and then, and nothing is in its way.",
    file: "lib/bus/actors/actor_system.ts",
    find: "    const { nodes, states } = await this.#openBuckets();\n",
    replace:
      '    const { nodes, states } = await this.#openBuckets();\n    if (world.random.float() < 0.3) throw new PartiError("PARTI_TIMEOUT", "planted");\n',
  },
  {
    workload: "bus-4-directory",
    name: "stop-waits-for-a-lease",
    about: "A node that is to stop while it has no lease never does.",
    file: "lib/bus/actors/node_lives.ts",
    find: "    this.end();\n    await this.#living;",
    replace:
      "    if (this.#means !== undefined && this.#host === undefined) await new Promise(() => {});\n    this.end();\n    await this.#living;",
  },
];
