import assert from "node:assert/strict";
import { FaultBoard } from "./fault_board.ts";
import { NO_FAULTS } from "./faults.ts";
import { kvFaults, simulate } from "./simulate_test.ts";

Deno.test("a link has the faults of all, unless it has its own", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const [one, two] = [connect().link, connect().link];
    const board = FaultBoard.of(server);
    assert.equal(FaultBoard.of(server), board);
    assert.equal(board.of(one), NO_FAULTS);
    const common = kvFaults({ ackLost: 0.5 });
    const own = kvFaults({ ackLost: 1 });
    board.set(common);
    board.setFor(one, own);
    assert.equal(board.of(one), own);
    assert.equal(board.of(two), common);
    board.setFor(one, undefined);
    assert.equal(board.of(one), common);
    board.set(NO_FAULTS);
    assert.equal(board.of(two), NO_FAULTS);
    await Promise.resolve();
  }));

Deno.test("what strikes one link, or one of its faults, does not depend on the others", async () => {
  const strikes = async (others: boolean): Promise<boolean[]> => {
    const seen: boolean[] = [];
    await simulate("2.15.1", async ({ server, connect }) => {
      const [one, two] = [connect().link, connect().link];
      const board = FaultBoard.of(server);
      for (let i = 0; i < 50; i++) {
        if (others) board.strikes(two, "kv.ackLost", 0.5);
        if (others) board.strikes(one, "kv.staleRead", 0.5);
        board.strikes(one, "kv.ackLost", 0);
        seen.push(board.strikes(one, "kv.ackLost", 0.5));
      }
      await Promise.resolve();
    });
    return seen;
  };
  const alone = await strikes(false);
  assert.deepEqual(await strikes(true), alone);
  assert.ok(alone.includes(true) && alone.includes(false));
});

Deno.test("somebody is told of each fault that strikes, and of no other", () =>
  simulate("2.15.1", async ({ server, connect }) => {
    const { link } = connect();
    const board = FaultBoard.of(server);
    assert.equal(board.strikes(link, "kv.ackLost", 1), true, "with nobody to tell");
    const told: [string, boolean][] = [];
    board.tell((fault, whom) => told.push([fault, whom === link]));
    board.strikes(link, "kv.ackLost", 1);
    board.strikes(link, "kv.staleRead", 0);
    board.noted("feed.redeliveredEarly", true);
    board.noted("feed.redeliveryLateMs", false);
    assert.deepEqual(told, [["kv.ackLost", true], ["feed.redeliveredEarly", false]]);
    await Promise.resolve();
  }));
