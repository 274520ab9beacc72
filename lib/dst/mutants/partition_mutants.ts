/**
 * Bugs in actors by partition.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const PARTITION_ACTORS = "lib/bus/actors/partition_actors.ts";

const bugs: readonly Mutant[] = [
  {
    name: "next-life-not-after-the-last",
    about: "A life by partition begins while the one before it still comes to its end.",
    file: "lib/bus/actors/passages.ts",
    find:
      "    for (let other; (other = this.#passages.get(id)) !== undefined;) await other.done;\n",
    replace: "",
  },
  {
    name: "beginning-not-waited-for",
    about: "A life by partition begins while one still begins whose shard went and came back.",
    file: "lib/bus/actors/passages.ts",
    find: "    this.#enter(id, { done, giveUp });\n    try {",
    replace: "    void [done, giveUp];\n    try {",
  },
  {
    name: "turn-without-the-shard",
    about: "A turn begins whether the shard is still here or not.",
    file: PARTITION_ACTORS,
    find:
      "    if (!context.mayAct()) throw context.signal.reason ?? rightOver();\n    life.right = context;",
    replace: "    life.right = context;",
  },
  {
    name: "saved-after-the-goodbye",
    about: "A life by partition that has said goodbye can still save.",
    file: "lib/bus/actors/partition_life.ts",
    find: "const mayAct = (): boolean => !this.#isOver;",
    replace: "const mayAct = (): boolean => !this.#isOver || true;",
  },
  {
    name: "shard-goes-without-goodbye",
    about: "Actors whose shard goes are not told.",
    file: "lib/bus/actors/goodbye.ts",
    find: "    await actor.onDeactivate?.(reason);\n",
    replace: '    if (reason !== "stopping") await actor.onDeactivate?.(reason);\n',
  },
  {
    name: "turn-not-told",
    about: "A turn is not told that its right is over, and goes on with what it does.",
    file: PARTITION_ACTORS,
    find: "const signal = AbortSignal.any([context.signal, life.abort.signal]);",
    replace: "const { signal } = new AbortController();",
  },
  {
    name: "calls-of-one-actor-at-once",
    about: "The feed gives all calls of an actor at once, each as if it were another actor's.",
    file: "lib/consumption/dispatch/shard_slot.ts",
    find: "    if (recent !== undefined) return recent;\n",
    replace: "",
  },
  {
    name: "stored-and-not-handled",
    about: "Of the calls that the feed has stored some are taken off it and handled by nobody.",
    file: PARTITION_ACTORS,
    find: "    const incoming = new Incoming(call, world.clock, lainMs);\n",
    replace:
      "    const incoming = new Incoming(call, world.clock, lainMs);\n    if (/[05]$/.test(call.id)) return;\n",
  },
  {
    name: "shard-answers-left-out",
    about: "Some calls to actors by partition are handled and never answered.",
    file: PARTITION_ACTORS,
    find: "      bus.outbox.answer(call, doneWith(value));\n",
    replace: "      if (!/[05]$/.test(call.id)) bus.outbox.answer(call, doneWith(value));\n",
  },
  {
    name: "shard-life-may-act-for-ever",
    about: "An actor by partition is told that it may act although its life is over.",
    file: "lib/bus/actors/partition_life.ts",
    find: "      mayAct: () => !this.#isOver && !signal.aborted && this.right.mayAct(),\n",
    replace: "      mayAct: () => true,\n",
  },
];

/** The bugs. */
export const partitionMutants: readonly Mutant[] = bugs.map((mutant) => ({
  workload: "bus-6-partition",
  ...mutant,
}));
