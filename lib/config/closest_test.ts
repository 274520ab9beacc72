import assert from "node:assert/strict";
import { closest } from "./closest.ts";

Deno.test("the closest word is the one with the fewest other letters", () => {
  const keys = ["heartbeatInterval", "heartbeatTtl", "settle", "group"];
  assert.equal(closest("heartbeatIntervall", keys), "heartbeatInterval");
  assert.equal(closest("heartbeatTTL", keys), "heartbeatTtl");
  assert.equal(closest("setle", keys), "settle");
  assert.equal(closest("gruop", keys), undefined, "two letters of five are too many");
  assert.equal(closest("heartbeat", keys), undefined);
  assert.equal(closest("", keys), undefined);
  assert.equal(closest("settle", []), undefined);
});
