/**
 * A worker whose connection is cut while its handlers run: the others take its partitions over long before its lease ends.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { MessageHandler } from "../consumption/dispatch/handler.ts";
import { isPartiError } from "../errors.ts";
import type { ElectionAgent } from "../leadership/election_agent.ts";
import { sleep } from "../ports/clock.ts";
import type { World } from "../ports/world.ts";
import { Cluster } from "../test_support/cluster.ts";
import { cuttable } from "../test_support/cuttable.ts";
import { natsTest, until } from "../test_support/rig.ts";

/** A lease that lasts far longer than the others need to take over. */
const LONG_LEASE = { heartbeatTtl: "12s", workerIdTtl: "15s", electionTimeout: "12s" } as const;

/** A handler whose first messages last until they are told to stop, and a record of who handled what. */
function stubborn(world: World) {
  const record = {
    running: new Set<string>(),
    handled: [] as string[],
    reasons: [] as unknown[],
    isReleased: false,
  };
  const handler: MessageHandler = async (message, { partitionId, signal }) => {
    const name = `${partitionId} ${message.streamSequence}`;
    record.running.add(name);
    try {
      while (!record.isReleased && !signal.aborted) await sleep(world.clock, 20, signal);
      if (signal.aborted) record.reasons.push(signal.reason);
      signal.throwIfAborted();
      record.handled.push(name);
    } finally {
      record.running.delete(name);
    }
  };
  return { record, handler };
}

natsTest(
  "cut off: handlers that heed their signal have ended before the heirs' begin, and nothing is poison by that",
  async (rig) => {
    const overlaps: string[] = [];
    await using line = await cuttable(rig);
    await using cluster = await Cluster.open(rig, {
      partitionCount: 6,
      config: {
        ...LONG_LEASE,
        consumer: {
          stream: "FEED-g",
          subjectTemplate: "g.in.{{.PartitionID}}",
          deadLetterSubject: "g.out.dead",
          maxDeliver: 1,
        },
      },
    });
    const { record, handler } = stubborn(line.world);
    const begun: string[] = [];
    const heir: MessageHandler = (message, { partitionId }) => {
      const name = `${partitionId} ${message.streamSequence}`;
      begun.push(name);
      if (record.running.has(name)) overlaps.push(name);
    };
    await cluster.add(1, { handler: heir });
    const [victim] = await cluster.add(1, { world: line.world, handler });
    await cluster.untilStable();
    const { instance } = victim!.manager;
    const held = victim!.manager.assignment!.partitions.length;
    assert.equal(held, 3);
    await cluster.publish(1);
    await until("all its handlers run", () => record.running.size === held);
    line.cut();
    await until("the heir has handled everything", () => begun.length === 6);
    assert.deepEqual(overlaps, [], "two handled one message at once");
    assert.equal(victim!.manager.instance, instance, "its lease was in force all the time");
    assert.equal(record.reasons.length, held);
    for (const reason of record.reasons) assert.ok(isPartiError(reason, "PARTI_DISCONNECTED"));
    line.mend();
    await until("it is back", () => victim!.manager.instance !== instance, 10_000);
    await cluster.untilStable();
    await cluster.untilDrained();
    assert.deepEqual(record.handled, [], "what was interrupted was not acknowledged");
    const dead = await cluster.world.feed.lastMessage(cluster.output, "g.out.dead");
    assert.equal(dead, undefined, "an interrupted try is no failure");
  },
);

natsTest(
  "cut off for longer than the grace with nobody there to take over: what was interrupted is handled anew on the same lanes",
  async (rig) => {
    await using line = await cuttable(rig);
    await using cluster = await Cluster.open(rig, {
      partitionCount: 3,
      config: {
        ...LONG_LEASE,
        consumer: {
          stream: "FEED-g",
          subjectTemplate: "g.in.{{.PartitionID}}",
          deadLetterSubject: "g.out.dead",
          maxDeliver: 1,
        },
      },
    });
    const { record, handler } = stubborn(line.world);
    const [member] = await cluster.add(1, { world: line.world, handler });
    await cluster.untilStable();
    const { instance } = member!.manager;
    const lanes = async () =>
      (await cluster.world.feed.listConsumers(cluster.feed)).map(({ name }) => name);
    const before = await lanes();
    await cluster.publish(2);
    await until("its handlers run", () => record.running.size === 3);
    // What is on its way when the connection goes is lost, and would need a new lane.
    await until("the rest has arrived", () => member!.manager.consumerHealth?.buffered === 3);
    line.cut();
    await until("they are interrupted", () => record.reasons.length === 3);
    record.isReleased = true;
    assert.deepEqual(record.handled, []);
    line.mend();
    await cluster.untilDrained();
    assert.equal(record.handled.length, 6, "each message was handled once to its end");
    assert.equal(member!.manager.instance, instance);
    assert.deepEqual(await lanes(), before);
    assert.equal((await cluster.world.feed.streamInfo(cluster.output)).messages, 0);
  },
);

natsTest(
  "cut off while it is still joining: nothing is begun from then on either",
  async (rig) => {
    await using line = await cuttable(rig);
    await using cluster = await Cluster.open(rig, { partitionCount: 6, config: LONG_LEASE });
    await cluster.add(1);
    await cluster.untilStable();
    const inOffice = Promise.withResolvers<void>();
    const candidacy = {
      suspect: () => {},
      resign: () => Promise.resolve(),
      abandon: () => Promise.resolve(),
    };
    // The election keeps it from being in, and the assignment comes all the same.
    const slow: ElectionAgent = { run: () => inOffice.promise.then(() => candidacy) };
    let begun = 0;
    const member = await cluster.make({
      world: line.world,
      election: () => slow,
      handler: async (_message, { signal }) => {
        begun++;
        await sleep(line.world.clock, 5, signal);
      },
    });
    const starting = cluster.start(member);
    starting.catch(() => {});
    await cluster.publish(300);
    await until("it works", () => begun > 20);
    assert.equal(member.manager.instance, undefined, "it is not in yet");
    let atLoss = 0;
    line.world.messaging.onStatus(() => atLoss ||= begun);
    line.cut();
    // The others have its partitions and are through with them: time enough for it to go on, and plenty waits in its memory.
    await cluster.untilDrained();
    assert.ok(atLoss > 20 && begun <= atLoss, `${begun - atLoss} begun after the loss`);
    line.mend();
    inOffice.resolve();
    await starting;
    await cluster.untilStable();
  },
);
