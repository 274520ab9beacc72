/**
 * What the book costs: `deno bench sim/ledger/ledger_bench.ts`. Each iteration books 20,000 messages of 1,500 partitions; 20 ms are 1 µs
 * per message.
 *
 * @module
 */
import type { Effect } from "../streams/effect.ts";
import { type Delivery, Ledger } from "./ledger.ts";

const MESSAGES = 20_000;
const PARTITIONS = 1_500;

const deliveries = Array.from({ length: MESSAGES }, (_, i): Delivery => ({
  partition: i % PARTITIONS,
  sequence: Math.floor(i / PARTITIONS) + 1,
  process: `worker-${i % 10}#1`,
  instance: `instance-${i % 10}`,
  epoch: 1,
  generation: 1,
  streamSequence: i + 1,
  deliveryCount: 1,
  startUs: i * 100,
  endUs: i * 100 + 50,
  outcome: "written",
}));
const effects = deliveries.map((delivery): Effect => ({
  ...delivery,
  publishedUs: delivery.startUs - 20,
  availableUs: delivery.startUs - 10,
  acquiredUs: 0,
  storedUs: delivery.endUs,
  outputSequence: delivery.streamSequence,
}));

const options = { group: `${MESSAGES} messages`, n: 15, warmup: 5 };

Deno.bench("sent", { ...options, baseline: true }, () => {
  const ledger = new Ledger(PARTITIONS);
  for (const { partition, sequence } of deliveries) ledger.sent(partition, sequence, sequence);
});

Deno.bench("sent, delivered, effective", options, () => {
  const ledger = new Ledger(PARTITIONS);
  for (let i = 0; i < MESSAGES; i++) {
    const { partition, sequence, process, instance, startUs } = deliveries[i]!;
    ledger.sent(partition, sequence, sequence);
    ledger.begun(process, instance, partition, sequence, startUs);
    ledger.delivered(deliveries[i]!);
    const [defect] = ledger.effective(effects[i]!);
    if (defect !== undefined) throw new Error(defect.detail);
  }
});
