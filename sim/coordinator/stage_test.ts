import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { isPartiError } from "../../lib/errors.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { parseConfig } from "../config/config.ts";
import { openStage } from "./stage.ts";

Deno.test("stage: effects of the fastest partition there can be are kept for longer than two checkpoint intervals; streams stay as long as a run may go on, and it goes on with no others", async () => {
  const { config } = parseConfig(
    [
      "partitions: { count: 8, message_rate_per_partition: 10, distribution: exponential }",
      "producers: { count: 2, rate_variation: { enabled: true, max_multiplier: 5 } }",
      "checkpointing: { enabled: true, interval: 60s, keep: 3 }",
      "chaos: { enabled: true, events: [partition_changes] }",
    ].join("\n"),
    "test.yaml",
  );
  await using server = await launchNats();
  const ground = { urls: [server.url], server: undefined };
  const options = { ground, config, seed: 1, runId: "r", access: {} };
  const open = (mayGoOn: boolean, effectsRead?: number) =>
    openStage({ ...options, effectsRead, mayGoOn: () => Promise.resolve(mayGoOn) });
  {
    await using stage = await open(true);
    const manager = await jetstreamManager(stage.nc);
    const { config: stream } = await manager.streams.info(stage.topology.effectStream);
    // One that comes is a hundred times as heavy as those that are there, and at the height of the ramp five times as fast.
    const perSecond = 10 * 100 * 5;
    const most = stream.max_msgs_per_subject;
    // Also where the newest checkpoint is torn, and for as long as it takes until somebody goes on.
    assert.ok(most > (2 * 60 + 120) * perSecond, String(most));
  }
  {
    await using stage = await open(false, 0);
    assert.ok(stage.nc.info !== undefined, "whoever goes on finds them where they were");
  }
  // The run was over: they are gone, and whoever would go on with it all the same makes no new ones.
  for (const mayGoOn of [true, false]) {
    await assert.rejects(open(mayGoOn, 0), (error) => {
      assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
      assert.match(error.message, /cannot go on: there is no stream SIMULATION_R$/);
      return true;
    });
  }
});
