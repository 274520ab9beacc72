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
        if (others) board.strikes(two, "ack lost", 0.5);
        if (others) board.strikes(one, "stale read", 0.5);
        board.strikes(one, "ack lost", 0);
        seen.push(board.strikes(one, "ack lost", 0.5));
      }
      await Promise.resolve();
    });
    return seen;
  };
  const alone = await strikes(false);
  assert.deepEqual(await strikes(true), alone);
  assert.ok(alone.includes(true) && alone.includes(false));
});
