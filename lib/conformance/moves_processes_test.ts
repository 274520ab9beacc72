/**
 * Acceptance 4 with real processes: four workers, each a `WorkerConsumer` alone in a process of its own, on a real server, moved about
 * while they drain a backlog.
 */
import assert from "node:assert/strict";
import { names, seeded, testConfig } from "../consumption/team_test.ts";
import { MoveFleet } from "../test_support/move_fleet.ts";
import { problemsOf } from "../test_support/move_record.ts";
import { natsTest, until } from "../test_support/rig.ts";

const PATIENCE_MS = 30_000;
/** A fourth one has nothing all the time. */
const BUSY = ["worker-0", "worker-1", "worker-2"];

/** Waits until so many effects are there. */
async function untilEffects(fleet: MoveFleet, count: number): Promise<void> {
  await until(`${count} effects`, async () => await fleet.effectCount() >= count, PATIENCE_MS);
}

/** The instances in a list of whatever they did, each once. */
function instancesOf(list: readonly { readonly instance: string }[]): string[] {
  return [...new Set(list.map(({ instance }) => instance))].sort();
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

natsTest(
  "acceptance 4, in processes: 20,000 messages, ten random moves and a swap while draining: " +
    "everything once and in order, one owner at a time, nothing for a worker without partitions",
  async (rig) => {
    const config = testConfig();
    await using fleet = await MoveFleet.start(rig, { workers: 4, config, workMs: 20 });
    const partitions = names(100);
    await fleet.publish(partitions, 200);
    const random = seeded(4);
    await fleet.assign(
      Object.fromEntries(partitions.map((name, index) => [name, BUSY[index % 3]!])),
    );
    for (let move = 1; move <= 10; move++) {
      await untilEffects(fleet, move * 1_300);
      const moved = partitions.filter(() => random() < 0.2);
      await fleet.assign(
        Object.fromEntries(moved.map((name) => [name, BUSY[Math.floor(random() * 3)]!])),
      );
    }
    await untilEffects(fleet, 14_000);
    const other = { "worker-0": "worker-1", "worker-1": "worker-0" } as Record<string, string>;
    const swap = Object.fromEntries(
      [...fleet.owners].filter(([, owner]) => owner in other)
        .map(([name, owner]) => [name, other[owner]!]),
    );
    await fleet.assign(swap);
    await fleet.settled();
    const lanes = await fleet.lanes();
    await fleet.drained();
    const record = await fleet.record();
    await fleet.stop();

    assert.deepEqual(problemsOf(record), []);
    assert.equal(record.effects.length, 20_000);
    assert.equal(record.handled.length, 20_000, "deliveries to handlers");
    // It was really so: something was handled between any two moves, and both went on where the other had stopped.
    const generations = new Set(record.handled.map(({ generation }) => generation));
    assert.deepEqual([...generations].sort((a, b) => a - b), range(1, fleet.generation));
    const afterSwap = record.handled.filter(({ generation, partition }) =>
      generation === fleet.generation && swap[partition] !== undefined
    );
    assert.deepEqual(instancesOf(afterSwap), ["worker-0", "worker-1"]);
    assert.deepEqual(instancesOf(record.handled), BUSY, "the one without partitions got nothing");
    const holders = lanes.map(({ metadata }) => ({ instance: metadata["parti_instance"]! }));
    assert.deepEqual(instancesOf(holders), BUSY, "nor does it hold a lane");
  },
);

natsTest(
  "planted: a worker that handles a message it was not given, and skips the fence, is found out",
  async (rig) => {
    const config = testConfig();
    await using fleet = await MoveFleet.start(rig, { workers: 2, config, workMs: 0 });
    const partitions = names(4);
    await fleet.publish(partitions, 25);
    await fleet.intrude("worker-1", "p0");
    await fleet.assign(Object.fromEntries(partitions.map((name) => [name, "worker-0"])));
    await fleet.drained();
    const record = await fleet.record();
    await fleet.stop();
    const problems = problemsOf(record);
    const expected = [
      /^24 of p0 has its effect twice$/,
      /^not its owner: 24 of p0 by worker-1/,
      /^24 of p0 was handled 2 times$/,
    ];
    for (const pattern of expected) {
      assert.ok(problems.some((problem) => pattern.test(problem)), problems.join("\n"));
    }
    assert.ok(problems.every((problem) => / of p0\b/.test(problem)), problems.join("\n"));
  },
);
