/**
 * What core messaging tells of those who serve a subject and die, or stand still.
 *
 * @module
 */
import assert from "node:assert/strict";
import { bytes, refused, textOf, until } from "./helpers_test.ts";
import type { ContractCase } from "./rig_test.ts";

/** The cases. */
export const messagingDeathCases: ContractCase[] = [
  {
    name: "messaging: a request under way to one that dies times out, and the next fails at once",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { messaging, clock } = one.world;
      let isAsked = false;
      two.world.messaging.subscribe("probe", () => isAsked = true);
      await two.world.messaging.flush(2_000);
      const startMs = clock.monotonicMs();
      const request = refused(messaging.request("probe", bytes("?"), 1_000), "PARTI_TIMEOUT");
      await until(clock, "the request", () => isAsked);
      await two.close();
      await request;
      const tookMs = clock.monotonicMs() - startMs;
      assert.ok(tookMs > 900, `the server told of the death, after ${tookMs} ms`);
      const againMs = clock.monotonicMs();
      await refused(messaging.request("probe", bytes("?"), 5_000), "PARTI_NO_RESPONDERS");
      assert.ok(clock.monotonicMs() - againMs < 1_000, "at once");
      await one.close();
    },
  },
  {
    name: "messaging: of one that stands still with its connection open only a time-out tells",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { messaging } = one.world;
      two.world.messaging.subscribe("probe", (notice) => notice.respond(bytes("here")));
      await two.world.messaging.flush(2_000);
      two.hold();
      await refused(messaging.request("probe", bytes("?"), 250), "PARTI_TIMEOUT");
      assert.deepEqual(await messaging.unserved(["probe"], 5_000), [], "for the server it serves");
      two.release();
      assert.equal(textOf(await messaging.request("probe", bytes("?"), 5_000)), "here");
      await one.close();
      await two.close();
    },
  },
];
