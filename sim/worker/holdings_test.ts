import assert from "node:assert/strict";
import { Holdings } from "./holdings.ts";

function rig() {
  const told: string[] = [];
  const clock = { us: 1 };
  const holdings = new Holdings(() => clock.us, (change, partitions, atUs) => {
    told.push(`${change} ${partitions.join()} at ${atUs}`);
  });
  return { told, clock, holdings };
}

Deno.test("holdings: since when a partition is held, and what is told", () => {
  const { told, clock, holdings } = rig();
  holdings.acquired([1, 2]);
  clock.us = 5;
  holdings.released([1]);
  assert.equal(holdings.since(1), undefined);
  assert.equal(holdings.since(2), 1);
  assert.deepEqual(told, ["acquired 1,2 at 1", "released 1 at 5"]);
});

Deno.test("holdings: a change of lanes is no acquisition", () => {
  const { told, clock, holdings } = rig();
  holdings.acquired([1, 2]);
  clock.us = 7;
  holdings.acquired([1, 2, 3]);
  assert.equal(holdings.since(1), 1);
  assert.equal(holdings.since(3), 7);
  assert.deepEqual(told, ["acquired 1,2 at 1", "acquired 3 at 7"]);
  holdings.acquired([1]);
  assert.equal(told.length, 2);
});

Deno.test("holdings: after the right was lost it is a new acquisition, and the release is told all the same", () => {
  const { told, clock, holdings } = rig();
  holdings.acquired([1]);
  holdings.forget([1]);
  clock.us = 3;
  holdings.released([1]);
  clock.us = 9;
  holdings.acquired([1]);
  assert.equal(holdings.since(1), 9);
  assert.deepEqual(told, ["acquired 1 at 1", "released 1 at 3", "acquired 1 at 9"]);
});
