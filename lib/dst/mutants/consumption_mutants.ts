/**
 * Bugs in `lib/consumption`: lanes, order, handover.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

/** The bugs. */
export const consumptionMutants: readonly Mutant[] = [
  {
    name: "begun-anew-unconfirmed",
    about:
      "A lane that has ended goes, or starts anew in its place, before the acks sent last are confirmed: what they are for comes again.",
    file: "lib/consumption/lanes/detacher.ts",
    find: '    if (lane.ended !== "deleted") await this.#confirm(lane);\n',
    replace: "",
  },
  {
    name: "filter-grows",
    about:
      "A new partition is put into a lane there is: its cursor is past what waits in the stream.",
    file: "lib/consumption/lanes/acquirer.ts",
    find: "    this.#creating.add(name);\n",
    replace: `    const host = this.#table.all.find((lane) => !lane.closed && !lane.busy);
    if (host !== undefined) {
      const subjects = [...host.config.filterSubjects, ...slots.map((slot) => slot.subject)];
      host.shrunk(subjects);
      await world.feed.shrinkConsumer(config.stream, host.config, subjects);
      for (const slot of slots) {
        host.slots.set(slot.subject, slot);
        slot.lane = host;
      }
      return;
    }
    this.#creating.add(name);
`,
  },
  {
    name: "empty-filter",
    about:
      "The last partition of a lane is shrunk away too: an empty filter is one for everything.",
    file: "lib/consumption/lanes/detacher.ts",
    find: "if (rest.length > 0) {",
    replace: "if (rest.length >= 0) {",
  },
  {
    name: "lane-without-filter",
    about: "A lane is made without a filter and reads everybody's partitions.",
    file: "lib/consumption/lanes/acquirer.ts",
    find: "config.shards === undefined ? slots.map((slot) => slot.subject) : []",
    replace: "[]",
  },
  {
    name: "shard-let-go-at-work",
    about: "A shard is let go while handlers of its keys run.",
    file: "lib/consumption/dispatch/shard_slot.ts",
    find: "    let some: Run | undefined;\n",
    replace: '    const some = undefined;\n    if (this.id !== "") return some;\n',
  },
  {
    name: "keys-forgotten-at-work",
    about: "A shard forgets its keys with each confirmation, those included whose handlers run.",
    file: "lib/consumption/dispatch/shard_slot.ts",
    find: "    if (this.#recent.size < KEYS_MAX) return;\n",
    replace: "    this.#recent.clear();\n",
  },
  {
    name: "keys-without-order",
    about: "Each message of a shard is taken for a key of its own.",
    file: "lib/consumption/dispatch/shard_slot.ts",
    find: "    if (recent !== undefined) return recent;\n",
    replace: "",
  },
  {
    name: "released-without-double-ack",
    about: "A partition is let go before its last ack is confirmed: its heir handles that again.",
    file: "lib/consumption/lanes/detacher.ts",
    find: `        await lane.acks.confirm();
        if (rest`,
    replace: "        if (rest",
  },
  {
    name: "released-while-running",
    about: "A partition is let go while its handler runs by right.",
    file: "lib/consumption/lanes/detacher.ts",
    find: "return slot.running === undefined || slot.running.aborted;",
    replace: "return true;",
  },
  {
    name: "ended-lane-not-kept",
    about: "A lane that ended gives up partitions whose handlers run by right.",
    file: "lib/consumption/lanes/detacher.ts",
    find: 'return lane.ended !== "deleted" && slot.running !== undefined && !slot.running.aborted;',
    replace: "return lane === undefined && slot === undefined;",
  },
  {
    name: "moving-started",
    about: "A message is started in a partition that is on its way off its lane.",
    file: "lib/consumption/dispatch/slot.ts",
    find: "this.running === undefined && this.wanted && !this.moving &&",
    replace: "this.running === undefined && this.wanted &&",
  },
  {
    name: "stale-started",
    about: "After a message was given up the next one is started before it has come again.",
    file: "lib/consumption/dispatch/slot.ts",
    find: "if (run.lane === this.lane && this.lane !== undefined) this.stale = true;\n    else ",
    replace: "",
    elusive:
      'A message is given up while its lane stays, and the next one is there already and runs to its end before it comes again (lib/consumption/dispatch/slot_test.ts: "a message given up on its own lane makes the slot stale: the lane is past it").',
  },
  {
    name: "out-of-order-accepted",
    about: "A message that comes again after younger ones is handled as it comes.",
    file: "lib/consumption/dispatch/slot.ts",
    find: 'if (index < 0) return "out-of-order";',
    replace: `if (index < 0) {
      this.queue.push(message);
      return "queued";
    }`,
    masked:
      'A delivery that is missing ends its lane before anything comes out of order, and what was given up makes its slot stale (lib/consumption/dispatch/slot_test.ts: "an older message after a younger one is out of order, and not queued").',
  },
  {
    name: "gap-overlooked",
    about: "A delivery that never arrived is overlooked: what comes after it is handled before it.",
    file: "lib/consumption/lanes/lane.ts",
    find: "if (message.deliverySequence !== expected) {",
    replace: "if (message.deliverySequence < expected) {",
  },
  {
    name: "credits-leak",
    about: "A delivery that takes no room is not asked for again: a lane runs dry.",
    file: "lib/consumption/lanes/lane.ts",
    find: "    } else this.#refill();\n    if (slot !== undefined) {",
    replace: "    }\n    if (slot !== undefined) {",
    masked:
      'Each message that leaves a queue asks anew for all the room there is, so that a lane runs dry only by as many repeated messages in a row as it has room for (lib/consumption/lanes/lane_test.ts: "deliveries that take no room give their credit back: a lane does not run dry on what it ignores").',
  },
  {
    name: "acted-without-right",
    about: "Handlers are started without a look at the lease.",
    file: "lib/consumption/dispatch/dispatcher.ts",
    find: "if (slot === undefined || !this.#options.mayAct()) return false;",
    replace: "if (slot === undefined) return false;",
  },
  {
    name: "acked-at-start",
    about: "A message is acknowledged when its handler starts.",
    file: "lib/consumption/dispatch/dispatcher.ts",
    find: "    onStarted(slot, message);\n    this.#begin(slot, run);",
    replace:
      "    onStarted(slot, message);\n    slot.lane?.ack(message);\n    this.#begin(slot, run);",
  },
  {
    name: "lock-deleted-in-doubt",
    about:
      "A lane that could not be shrunk is deleted although handlers run by right in what it locks.",
    file: "lib/consumption/lanes/detacher.ts",
    find: 'if (isPartiError(error, "PARTI_NOT_FOUND")) return await this.#delete(lane, setbackMs);',
    replace: "return await this.#delete(lane, setbackMs);",
    elusive:
      'A lane cannot be shrunk, again and again, while a handler runs on it and its heir waits (lib/consumption/lanes/detacher_test.ts: "a lane that ended and cannot be shrunk stays the lock on what it handles").',
  },
  {
    name: "tried-again-without-lane",
    about: "What is tried again is tried although its lane, which is the lock, was deleted.",
    file: "lib/consumption/dispatch/dispatcher.ts",
    find: 'return slot.wanted && !run.aborted && run.lane?.ended !== "deleted" && slot.mayRetry;',
    replace: "return slot.wanted && !run.aborted && slot.mayRetry;",
  },
  {
    name: "failure-skipped",
    about: "A message whose handler failed is not tried again but taken for done.",
    file: "lib/consumption/dispatch/dispatcher.ts",
    find: "      run.message.working();\n",
    replace: '      return "done";\n',
  },
  {
    name: "aborted-taken-for-done",
    about: "What a handler says after its right has ended counts.",
    file: "lib/consumption/dispatch/dispatcher.ts",
    find: `if (run.aborted || !mayAct()) return "abandoned";
      if (run.interrupted) {`,
    replace: "if (run.interrupted) {",
  },
  {
    name: "stale-token",
    about: "A partition keeps the generation under which it was first held.",
    file: "lib/consumption/dispatch/slot_table.ts",
    find: "slot.ownership = ownership;",
    replace: "slot.ownership = known?.wanted ? known.ownership : ownership;",
  },
  {
    name: "removed-still-consumed",
    about:
      "A partition that has no new owner stays wanted: the source removed it, and it is consumed.",
    file: "lib/consumption/dispatch/slot_table.ts",
    find: "this.#unwant((slot) => !wanted.has(slot.id));",
    replace:
      "this.#unwant((slot) => !wanted.has(slot.id) && desired.successorOf?.(slot.id) !== undefined);",
  },
  {
    name: "older-assignment-consumed",
    about: "The consumer does what it is told last, also if that is older.",
    file: "lib/consumption/worker_consumer.ts",
    find: "if (order < 0) return false;",
    replace: "",
    masked:
      'A session hands on only what its AssignmentFollower takes, which is never older than what came before (lib/consumption/dispatch/slot_table_test.ts: "W-7: an assignment that is older than the last one is ignored, the same one again does nothing").',
  },
  {
    name: "signal-not-aborted",
    about: "Handlers that run when the lease is lost are not told.",
    file: "lib/consumption/worker_consumer.ts",
    find: "for (const slot of this.#slots.all.values()) slot.abort(error);",
    replace: "void error;",
  },
  {
    name: "no-poll-behind-notice",
    about: "A release notice is waited for without a poll behind it: one that is lost is the end.",
    file: "lib/consumption/lanes/acquirer.ts",
    find: "slot.nextTryAtMs = isFree ? 0 : now + EXPECTED_MS;",
    replace: "slot.nextTryAtMs = isFree ? 0 : Infinity;",
  },
  {
    name: "never-surveyed",
    about: "Whoever is refused never looks who holds it: a zombie's lane is a lock for ever.",
    file: "lib/consumption/lanes/acquirer.ts",
    find: "const SURVEY_AFTER_REFUSALS = 2;",
    replace: "const SURVEY_AFTER_REFUSALS = Infinity;",
    masked:
      'The leader sweeps away the lanes of whoever is not alive, at each death and now and then (lib/consumption/lanes/acquirer_test.ts: "a zombie\'s late lane is evicted by whoever is refused because of it").',
  },
  {
    name: "survey-without-generation",
    about: "Whoever is behind deletes the lanes of instances of a later generation.",
    file: "lib/consumption/lanes/survey.ts",
    find: "options.isKnown(holder.instance) || isLater(consumer, options.present);",
    replace: "options.isKnown(holder.instance);",
    elusive:
      'A worker misses a generation, and before it hears of it asks for lanes that were made since (lib/consumption/lanes/survey_test.ts: "a lane made in a later generation is lawful: the asker is behind").',
  },
  {
    name: "evicted-without-right",
    about: "A survey deletes lanes without a look at the lease: a zombie evicts its successor.",
    file: "lib/consumption/lanes/acquirer.ts",
    find: "if (this.#closed || !this.#options.mayAct()) return [];",
    replace: "",
    masked:
      'What its successors hold was made in a later generation than that of a zombie, whose survey leaves it alone (lib/consumption/lanes/acquirer_test.ts: "whoever loses its right while it looks who holds what deletes nothing").',
  },
  {
    name: "orphans-kept",
    about: "A lane whose deletion had no answer is never deleted.",
    file: "lib/consumption/lanes/orphans.ts",
    find: "await world.feed.deleteConsumer(stream, name);",
    replace: "",
  },
  {
    name: "working-never-said",
    about: "The server is not told that work goes on: long handlers' messages are sent again.",
    file: "lib/consumption/dispatch/ack_wait_keeper.ts",
    find: "if (mayAct()) this.#extend();",
    replace: "",
  },
  {
    name: "timer-left-behind",
    about: "A timer outlives what set it.",
    file: "lib/consumption/dispatch/ack_wait_keeper.ts",
    find: "    this.#timer?.cancel();",
    replace: "",
  },
  {
    name: "acks-not-sent-again",
    about: "Acks that were under way when the connection went are taken for received.",
    file: "lib/consumption/lanes/ack_log.ts",
    find: "if (this.#doubtful) {",
    replace: "if (count < 0) {",
  },
  {
    name: "through-the-gate-by-interrupt",
    about: "Whoever waits at the gate is let through by what interrupts those that are through.",
    file: "lib/consumption/dispatch/run.ts",
    find: "  renew(): void {",
    replace: "  renew(): void {\n    this.#isTrying = true;",
  },
];
