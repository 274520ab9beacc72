/** A leader that is elected and cannot lead: it lets somebody else try. */
import assert from "node:assert/strict";
import { isPartiError, PartiError } from "../../errors.ts";
import { CURRENT_KEY } from "../../names.ts";
import { assertCovered, memoryTest, TestTerm } from "./leader_rig_test.ts";
import { stickyBalanced } from "../strategies/sticky_balanced.ts";

const refused = () => new PartiError("PARTI_REFUSED", "no writes for this user");

memoryTest(
  "unable: a leader whose writes are refused gives up after five tries and three seconds, and another one does it",
  async (group) => {
    const first = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    group.assignments.before = (operation) => {
      if (operation === "update") throw refused();
    };
    group.kill([1]);
    await group.pass(3_000);
    assert.deepEqual(first.told.unable, [], "not at once");
    await group.pass(3_000);
    const [error] = first.told.unable;
    assert.ok(isPartiError(error, "PARTI_REFUSED"));
    assert.equal(first.told.unable.length, 1);
    assert.deepEqual(first.told.stale, [], "its term is in force");
    const tries = first.told.errors.length;
    assert.ok(tries >= 5, "each try was told");
    await group.pass(10_000);
    assert.equal(first.told.errors.length, tries, "and it tries no more");
    await assert.rejects(
      first.leader.refresh(),
      (error) => isPartiError(error, "PARTI_NOT_LEADER"),
    );
    group.assignments.before = () => {};
    group.lead({ self: 2, term: new TestTerm(20) });
    await group.pass(3_000);
    assertCovered(await group.current(), 12, "worker-0 worker-2");
  },
);

memoryTest("unable: a leader that cannot even take the assignment over gives up", async (group) => {
  // As a later version of this library may write it.
  group.assignments.poke(CURRENT_KEY, { v: 99, epoch: 5, generation: 7 });
  const { told } = group.lead();
  group.join([0, 1]);
  await group.pass(10_000);
  assert.equal(told.unable.length, 1);
  assert.deepEqual(told.published, []);
});

memoryTest("unable: a strategy that throws here may do well elsewhere", async (group) => {
  const strategy = stickyBalanced();
  let isBroken = false;
  const { told } = group.lead({
    strategy: (input) => {
      if (isBroken) throw new Error("no such file on this machine");
      return strategy(input);
    },
  });
  group.join([0, 1, 2]);
  await group.pass(2_000);
  isBroken = true;
  group.kill([1]);
  await group.pass(10_000);
  assert.equal(told.unable.length, 1);
});

memoryTest(
  "unable: what fails for a while and then succeeds is begun to be counted anew",
  async (group) => {
    const { told } = group.lead();
    group.join([0, 1, 2, 3]);
    await group.pass(2_000);
    for (const victim of [1, 2, 3]) {
      let failures = 4;
      group.assignments.before = (operation) => {
        if (operation === "update" && failures-- > 0) throw refused();
      };
      group.kill([victim]);
      await group.pass(4_000);
    }
    assert.equal(told.failed.length, 12);
    assert.deepEqual(told.unable, []);
    assertCovered(await group.current(), 12, "worker-0");
  },
);

memoryTest(
  "unable: without a connection nobody gives up: the term ends by itself or goes on",
  async (group) => {
    const { told } = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    group.assignments.before = () => {
      throw new PartiError("PARTI_DISCONNECTED", "not connected");
    };
    group.join([1], { leaving: true });
    await group.pass(20_000);
    assert.ok(told.errors.length > 5);
    assert.deepEqual(told.unable, []);
  },
);
