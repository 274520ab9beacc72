/**
 * Bugs in `lib/assignment`: who owns what, and what becomes of the dead.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

/** The bugs. */
export const assignmentMutants: readonly Mutant[] = [
  {
    name: "publish-without-compare",
    about: "The leader publishes without a compare: one that was deposed overwrites its successor.",
    file: "lib/assignment/snapshot_store.ts",
    find: ": await bucket.update(CURRENT_KEY, value, expectedRevision);",
    replace: ": await bucket.put(CURRENT_KEY, value);",
  },
  {
    name: "epoch-not-raised",
    about: "A new leader takes `current` over under its predecessor's epoch.",
    file: "lib/assignment/leader/publication.ts",
    find: ": { ...base, epoch: Math.max(term.epoch, base.epoch + 1), leader };",
    replace: ": { ...base, leader };",
  },
  {
    name: "epoch-by-wall-clock",
    about: "The epoch is the time of day: a leader whose clock is behind publishes into the past.",
    file: "lib/assignment/leader/publication.ts",
    find: ": { ...base, epoch: Math.max(term.epoch, base.epoch + 1), leader };",
    replace: ": { ...base, epoch: Math.floor(nowMs), leader };",
  },
  {
    name: "generation-used-twice",
    about: "A generation whose write had no answer is used again with another content.",
    file: "lib/assignment/leader/publication.ts",
    find: "return this.#tried + 1;",
    replace: "return this.snapshot.generation + 1;",
  },
  {
    name: "older-assignment-followed",
    about:
      "A worker follows whatever it reads last: an old assignment is applied after a newer one.",
    file: "lib/assignment/assignment_follower.ts",
    find:
      "if (this.#closed || (before !== undefined && compareSnapshots(snapshot, before) <= 0)) return;",
    replace: "if (this.#closed) return;",
  },
  {
    name: "two-owners",
    about: "A partition that moves is also left to its former owner.",
    file: "lib/assignment/leader/computation.ts",
    find: "if (previous.get(id) !== owner) movedCount++;",
    replace: `if (previous.get(id) !== owner) {
      movedCount++;
      parts.get(previous.get(id) ?? "")?.push(id);
    }`,
  },
  {
    name: "given-to-leavers",
    about: "Who wants to leave is given partitions as before: nobody ever takes them over.",
    file: "lib/assignment/leader/computation.ts",
    find: "input.members.filter((member) => !member.leaving).map((member) => ({",
    replace: "input.members.map((member) => ({",
  },
  {
    name: "leavers-not-listed",
    about: "A leaver is not listed any more while it drains: others take its lanes for a zombie's.",
    file: "lib/assignment/leader/computation.ts",
    find: "const workers: SnapshotWorker[] = members.map((member) => ({",
    replace:
      "const workers: SnapshotWorker[] = members.filter((member) => !member.leaving).map((member) => ({",
  },
  {
    name: "cooldown-before-emergency",
    about: "An emergency waits for the cooldown of planned moves.",
    file: "lib/assignment/leader/planner.ts",
    find: "Math.max(sinceMs + config.emergencyGracePeriodMs, recoveredAtMs(input, absent));",
    replace:
      "Math.max(sinceMs + config.emergencyGracePeriodMs, recoveredAtMs(input, absent), (input.lastPlannedAtMs ?? -Infinity) + config.minRebalanceIntervalMs);",
  },
  {
    name: "no-cooldown",
    about: "Planned moves are not kept apart from one another.",
    file: "lib/assignment/leader/planner.ts",
    find: "? input.lastPlannedAtMs + config.minRebalanceIntervalMs",
    replace: "? -Infinity",
  },
  {
    name: "no-cold-window",
    about: "A group that begins does not wait for those who start a little later than the first.",
    file: "lib/assignment/leader/planner.ts",
    find: "const untilMs = Math.max(closesAtMs, cooledAtMs);",
    replace: "const untilMs = Math.max(isPlanned ? closesAtMs : sinceMs, cooledAtMs);",
  },
  {
    name: "no-planned-window",
    about:
      "Each newcomer is served at once: workers that join together move partitions again and again.",
    file: "lib/assignment/leader/planner.ts",
    find: "const untilMs = Math.max(closesAtMs, cooledAtMs);",
    replace: "const untilMs = Math.max(isPlanned ? sinceMs : closesAtMs, cooledAtMs);",
  },
  {
    name: "no-change-window",
    about: "A change of the source is followed at once: several changes in a row move again.",
    file: "lib/assignment/leader/planner.ts",
    find: "const untilMs = Math.max(closesAtMs, cooledAtMs);",
    replace:
      'const untilMs = Math.max(reason === "partition_change" ? sinceMs : closesAtMs, cooledAtMs);',
  },
  {
    name: "no-balance-window",
    about: "A leader that finds the loads uneven moves partitions before it knows who is there.",
    file: "lib/assignment/leader/planner.ts",
    find: "const untilMs = Math.max(closesAtMs, cooledAtMs);",
    replace: 'const untilMs = Math.max(reason === "imbalance" ? sinceMs : closesAtMs, cooledAtMs);',
  },
  {
    name: "dead-not-missed",
    about:
      "Workers are compared as a count and not as a set: a dead one behind a new one is missed.",
    file: "lib/assignment/leader/planner.ts",
    find: "if (member === undefined) gone.push(worker);",
    replace: "if (member === undefined && living.size < input.assigned.length) gone.push(worker);",
  },
  {
    name: "look-lost",
    about: "The leader's loop loses a wake-up that comes while it looks.",
    file: "lib/assignment/leader/look_loop.ts",
    find: `    this.#again = true;
    if (!this.#isRunning) this.#running = this.#run();`,
    replace: `    if (this.#isRunning) return;
    this.#again = true;
    this.#running = this.#run();`,
  },
  {
    name: "failed-look-not-repeated",
    about: "What a leader could not publish it never tries again until something else happens.",
    file: "lib/assignment/leader/look_loop.ts",
    find: "this.wakeBy(clock.monotonicMs() + jitter(random, delayMs));",
    replace: "void clock, random, delayMs;",
  },
  {
    name: "lane-forgotten",
    about: "Of a dead worker's lanes one is forgotten and stays as a lock.",
    file: "lib/assignment/leader/lane_reaper.ts",
    find: "lanes.map(({ stream, name }) => feed.deleteConsumer(stream, name)),",
    replace: "lanes.slice(1).map(({ stream, name }) => feed.deleteConsumer(stream, name)),",
  },
  {
    name: "strangers-reaped",
    about:
      "A leader deletes the lanes of whoever it has never seen, without looking whether they have a lease.",
    file: "lib/assignment/leader/lane_reaper.ts",
    find: "      await lookAgain?.();\n",
    replace: "      void lookAgain;\n",
    elusive:
      'A leader has to stand still in the middle of an eviction, be cut off and deposed, and go on before its lease is over, while workers that came meanwhile are at work (lib/assignment/leader/lane_reaper_test.ts: "reaper: of a stranger it is looked for a lease after the lanes were listed, once; of whom it is known that they are over it is not").',
  },
  {
    name: "own-lanes-reaped",
    about: "The leader does not count itself among the living: it deletes its own lanes.",
    file: "lib/assignment/leader/liveness.ts",
    find: "isAlive: (instance) => instance === self.instance || this.#others().includes(instance),",
    replace:
      "isAlive: (instance) => instance !== self.instance && this.#others().includes(instance),",
  },
  {
    name: "hash-by-clock",
    about: "The hash of a partition is seeded by the clock: every leader has other homes.",
    file: "lib/assignment/strategies/hash.ts",
    find: "let from: Hash64 = seed;",
    replace: "let from: Hash64 = { hi: seed.hi, lo: Date.now() >>> 0 };",
  },
  {
    name: "hash-by-history",
    about: "A partition's hash depends on what the process has hashed before: two runs differ.",
    file: "lib/assignment/strategies/hash.ts",
    find: "let from: Hash64 = seed;",
    replace: `scratch[255]!++;
  let from: Hash64 = { hi: seed.hi, lo: scratch[255]! };`,
    twice: true,
  },
  {
    name: "parts-leave-markers",
    about: "Each part of an assignment that is over leaves something behind for ever.",
    file: "lib/assignment/snapshot_parts.ts",
    find: "keysOf(part).map((key) => bucket.erase(key))",
    replace: "keysOf(part).map((key) => bucket.remove(key))",
  },
  {
    name: "change-without-removals",
    about: "Whoever applies a change leaves partitions to those from whom it takes them.",
    file: "lib/assignment/snapshot_change.ts",
    find: `  const isThis = instance === before.instance &&
    partitions.length === before.partitions.length - change.removed.length;
  if (!isThis) return undefined;
  return { id, instance, partitions: partitions.concat(added).sort() };`,
    replace: `  if (instance !== before.instance) return undefined;
  void partitions;
  return { id, instance, partitions: before.partitions.concat(added).sort() };`,
  },
  {
    name: "parts-in-force-swept",
    about: "A new leader sweeps away all parts older than its own, those it goes on from included.",
    file: "lib/assignment/snapshot_parts.ts",
    find: "part.epoch < epoch && !hasPart(read, part);",
    replace: "part.epoch < epoch && !hasPart(read.slice(-1), part);",
  },
  {
    name: "present-epoch-swept",
    about:
      "A new leader sweeps away what its own first publication, or its successor's, is just writing.",
    file: "lib/assignment/snapshot_parts.ts",
    find: "part.epoch < epoch && !hasPart(read, part);",
    replace: "part.epoch <= epoch && !hasPart(read, part);",
  },
  {
    name: "doubt-forgets-its-part",
    about:
      "A leader that finds its write in doubt carried out goes on as if it had not added a part.",
    file: "lib/assignment/leader/publication.ts",
    find: "this.#inForce = { snapshot: now, parts };",
    replace: "this.#inForce = { snapshot: now, parts: this.#inForce.parts };",
  },
];
