import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { parseConfig } from "../config/config.ts";
import { openStage } from "./stage.ts";

Deno.test("stage: effects of the fastest partition there can be are kept for longer than a checkpoint interval", async () => {
  const { config } = parseConfig(
    [
      "partitions: { count: 8, message_rate_per_partition: 10, distribution: exponential }",
      "producers: { count: 2, rate_variation: { enabled: true, max_multiplier: 5 } }",
      "checkpointing: { enabled: true, interval: 60s }",
      "chaos: { enabled: true, events: [partition_changes] }",
    ].join("\n"),
    "test.yaml",
  );
  await using server = await launchNats();
  const ground = { urls: [server.url], server: undefined };
  await using stage = await openStage(ground, config, 1, "r", {});
  const manager = await jetstreamManager(stage.nc);
  const { config: stream } = await manager.streams.info(stage.topology.effectStream);
  // One that comes is a hundred times as heavy as those that are there, and at the height of the ramp five times as fast.
  const perSecond = 10 * 100 * 5;
  assert.ok(stream.max_msgs_per_subject > 60 * perSecond, String(stream.max_msgs_per_subject));
});
