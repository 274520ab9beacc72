/**
 * What dispatch costs per message, without a server: `deno bench -A lib/consumption/dispatch/dispatcher_bench.ts`. Each iteration takes
 * 10,000 messages from a lane over a feed that has them all at once, handles and acknowledges them; 20 ms are 2 µs per message.
 *
 * @module
 */
import { noConsumptionEvents } from "../events.ts";
import { fakeLane, FakeMessage, slots } from "../fakes_test.ts";
import { testConfig } from "../team_test.ts";
import type { World } from "../../ports/world.ts";
import { systemClock } from "../../ports/nats/clock.ts";
import { systemRandom } from "../../ports/nats/random.ts";
import type { MessageHandler } from "./handler.ts";
import { makeDispatcher } from "./make_dispatcher.ts";

const MESSAGES = 10_000;
const world = {
  clock: systemClock,
  random: systemRandom,
  messaging: { connected: true },
} as unknown as World;

/** Takes every message as a worker does, up to the end of the last handler. */
function whole(partitions: number, handler: MessageHandler) {
  const made = slots(...Array.from({ length: partitions }, (_, i) => `p-${i}`));
  const { lane, pull } = fakeLane(made);
  const { promise, resolve } = Promise.withResolvers<void>();
  let handled = 0;
  const dispatcher = makeDispatcher({
    options: {
      world,
      config: testConfig(),
      owner: { group: "g", worker: "w", instance: "i" },
      handler,
      operationTimeoutMs: 1_000,
    },
    events: noConsumptionEvents,
    mayAct: () => true,
    onIdle: () => {
      if (++handled === MESSAGES) resolve();
    },
  });
  lane.setLimit(MESSAGES, Infinity);
  for (let i = 0; i < MESSAGES; i++) {
    const slot = made[i % partitions]!;
    pull.deliver(new FakeMessage(slot.id, i + 1, i + 1));
    dispatcher.offer(slot);
  }
  return promise;
}

for (const partitions of [1, 100, 1_500]) {
  const group = `${partitions} partitions`;
  const options = { group, n: 20, warmup: 5 };
  Deno.bench("messages alone", { ...options, baseline: true }, async () => {
    for (let i = 0; i < MESSAGES; i++) {
      const message = new FakeMessage(`p-${i % partitions}`, i + 1, i + 1);
      await undefined;
      message.ack();
    }
  });
  Deno.bench("a handler that is done at once", options, () => whole(partitions, () => {}));
  Deno.bench("a handler with one await", options, () =>
    whole(partitions, async () => {
      await undefined;
    }));
}
