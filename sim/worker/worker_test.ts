import assert from "node:assert/strict";
import type { World } from "../../lib/ports/world.ts";
import { parseConfig } from "../config/config.ts";
import { encodeMessage } from "../streams/message.ts";
import { topologyOf } from "../streams/topology.ts";
import type { Reporter } from "../wire/reporter.ts";
import type { ChildSpec } from "../wire/wire.ts";
import type { GroupMember, GroupMessage } from "./group_member.ts";
import { SimWorker } from "./worker.ts";

/** A worker whose handlers work on a clock that only notes for how long. */
function rig() {
  const worked: number[] = [];
  const world = {
    clock: {
      setTimer: (delayMs: number, fire: () => void) => {
        worked.push(delayMs);
        queueMicrotask(fire);
        return { cancel: () => {} };
      },
    },
    messaging: { publish: () => {} },
  } as unknown as World;
  const { config } = parseConfig(
    "workers: { processing_delay: { min: 1ms, max: 9ms } }",
    "my.yaml",
  );
  const spec: ChildSpec = {
    ...{ runId: "r", seed: 1, natsUrl: "", name: "worker-0", index: 0, process: "worker-0#1" },
    ...{ config, topology: topologyOf("simulation"), partitionsChange: false },
  };
  const reporter = { room: () => Promise.resolve(), add: () => {} } as unknown as Reporter;
  const worker = new SimWorker(spec, world, {} as GroupMember, reporter);
  const handle = async (sequence: number) => {
    const content = { partitionId: 3, producerId: "producer-0", partitionSequence: sequence };
    const message: GroupMessage = {
      ...{ partition: 3, instance: "i", epoch: 1, generation: 1, streamSequence: sequence },
      ...{ deliveryCount: 1, storedAtMs: 0, acquiredUs: 0, signal: new AbortController().signal },
      data: encodeMessage({ ...content, producerSequence: 1, timestampUs: 1, weight: 1 }),
      effect: () => Promise.resolve("written"),
    };
    await worker.handle(message);
    return worked.pop()!;
  };
  return { worker, handle };
}

Deno.test("worker: handlers take twenty times as long while it is slow, at least 50 ms, and no longer once it is quick", async () => {
  const { worker, handle } = rig();
  for (let sequence = 1; sequence <= 20; sequence++) {
    const usualMs = await handle(sequence);
    assert.ok(usualMs >= 1 && usualMs <= 9, `${usualMs} ms`);
    worker.setSlow(true);
    assert.equal(await handle(sequence), Math.max(50, 20 * usualMs));
    worker.setSlow(false);
    assert.equal(await handle(sequence), usualMs);
  }
});
