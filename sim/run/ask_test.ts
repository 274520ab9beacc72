import assert from "node:assert/strict";
import { PartiError } from "../../lib/errors.ts";
import { askStatus } from "./ask.ts";
import { RUN_ID, status, TestFleet } from "./fleet_rig_test.ts";

Deno.test("a worker that does not answer is taken at its last word", async () => {
  const fleet = new TestFleet();
  const member = fleet.add("worker", 0, { status: status({ owned: [1] }) });
  fleet.answer = () => status({ owned: [2] });
  assert.deepEqual((await askStatus(fleet.messaging, RUN_ID, member))?.owned, [2]);
  fleet.answer = () => {
    throw new PartiError("PARTI_TIMEOUT", "late");
  };
  assert.deepEqual((await askStatus(fleet.messaging, RUN_ID, member))?.owned, [1]);
});

Deno.test("planted: an error that is no outage's is no silence", async () => {
  const fleet = new TestFleet();
  const member = fleet.add("worker", 0, { status: status() });
  fleet.answer = () => {
    throw new TypeError("a mistake");
  };
  await assert.rejects(askStatus(fleet.messaging, RUN_ID, member), /a mistake/);
});
