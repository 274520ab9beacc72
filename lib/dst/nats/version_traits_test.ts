import assert from "node:assert/strict";
import { traitsOf } from "./version_traits.ts";

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
