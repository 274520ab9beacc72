import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import { ManualClock } from "../../test_support/manual_clock.ts";
import type { Directory, DirectoryEntry } from "./directory.ts";
import { Returns } from "./returns.ts";

const ID = "a::b/c";
const OURS: DirectoryEntry = { address: "here_1", activation: "ours", revision: 7 };
const STALE: DirectoryEntry = { address: "there_1", activation: "theirs", revision: 5 };

Deno.test("returns: a place that is known is given back, however long reads are out of date", async () => {
  const clock = new ManualClock();
  let place: DirectoryEntry | undefined = OURS;
  let failures = 5;
  const directory: Directory = {
    lookup: () => Promise.resolve(STALE),
    register: () => Promise.resolve({ kind: "lost" }),
    unregister: (_id, { revision }) => {
      if (failures-- > 0) return Promise.reject(new PartiError("PARTI_TIMEOUT", "planted"));
      const isIt = place?.revision === revision;
      if (isIt) place = undefined;
      return Promise.resolve(isIt);
    },
    sweep: () => Promise.resolve(0),
  };
  const errors: string[] = [];
  const returns = new Returns({
    world: { clock, random: { float: () => 0.5, uuid: () => "" } as never },
    ...{ directory, address: OURS.address, over: new AbortController().signal },
    isDead: () => false,
    onError: ({ code }) => errors.push(code),
  });
  await returns.give(ID, OURS.activation, OURS);
  assert.equal(place, OURS);
  let isOver = false;
  const settled = returns.settled().then(() => isOver = true);
  while (!isOver) await clock.advance(1_000);
  await settled;
  assert.equal(place, undefined);
  assert.deepEqual(errors, Array(5).fill("PARTI_TIMEOUT"));
});
