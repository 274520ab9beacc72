import assert from "node:assert/strict";
import { contractCases } from "../../ports/contract/all_test.ts";
import { traitsOf, type VersionTraits } from "./version_traits.ts";

/** The cases of the contract that fail on one of the two servers if the model takes a trait for the other value. */
const CASES: Readonly<Record<keyof VersionTraits, string>> = {
  duplicateBeforeExpectation:
    "feed: an old server sees that it knows a message before it compares what is expected",
  readsIdsLate:
    "feed: after a restart an old server knows the messages that are left, a newer one all",
  fullAtLimit: "feed: for an old server a stream is full one byte sooner",
  lateAckRemoves:
    "feed: a late ack of a lane that gave up the subject is answered as if it were its own",
  keepsVanished:
    "feed: an old server goes on counting as pending what another consumer has handled",
  idleWaitsForAcks:
    "feed: a newer server keeps a consumer that nobody pulls from until its ack waits are over",
};

Deno.test("each difference has a case in the contract, and the two versions that are run differ in it", () => {
  const names = contractCases.map(({ name }) => name);
  assert.deepEqual(Object.values(CASES).filter((name) => !names.includes(name)), []);
  const [oldest, newest] = [traitsOf("2.10.27"), traitsOf("2.15.1")];
  const traits = Object.keys(CASES) as (keyof VersionTraits)[];
  assert.deepEqual(traits.toSorted(), Object.keys(oldest).toSorted());
  assert.deepEqual(traits.filter((trait) => oldest[trait] === newest[trait]), []);
});

Deno.test("each difference begins with its version", () => {
  const since: [string, keyof ReturnType<typeof traitsOf>, boolean][] = [
    ["2.12.0", "duplicateBeforeExpectation", false],
    ["2.12.0", "readsIdsLate", false],
    ["2.14.0", "fullAtLimit", false],
    ["2.12.5", "lateAckRemoves", false],
    ["2.12.7", "keepsVanished", false],
    ["2.11.7", "idleWaitsForAcks", true],
  ];
  for (const [version, trait, becomes] of since) {
    const [major, minor, patch] = version.split(".").map(Number);
    const before = patch === 0 ? `${major}.${minor! - 1}.99` : `${major}.${minor}.${patch! - 1}`;
    assert.equal(traitsOf(version)[trait], becomes, version);
    assert.equal(traitsOf(before)[trait], !becomes, before);
    assert.equal(traitsOf("3.0.0")[trait], becomes);
    assert.equal(traitsOf("2.10.0-RC.3")[trait], !becomes);
  }
});
