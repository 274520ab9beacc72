/**
 * What each new generation costs each worker, beside the bare JSON: `deno bench lib/assignment/snapshot_bench.ts`.
 *
 * @module
 */
import { assignmentOf, desiredOf } from "../session/own_assignment.ts";
import { decodeSnapshot, encodeSnapshot, ownersOf, type Snapshot } from "./snapshot.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Each partition is 30 bytes long, or about. */
function snapshotOf(workers: number, partitions: number): Snapshot {
  const each = partitions / workers;
  return {
    epoch: 7,
    generation: 12,
    leader: { worker: "worker-0", instance: "instance-0" },
    reason: "emergency",
    atMs: 1_700_000_000_000,
    workers: Array.from({ length: workers }, (_, w) => ({
      id: `worker-${w}`,
      instance: `00000000-0000-4000-8000-${String(w).padStart(12, "0")}`,
      partitions: Array.from(
        { length: each },
        (_, i) => `tenant-${w % 10}.orders.p-${w * each + i}`,
      ),
    })),
    weights: {},
  };
}

for (const [w, p] of [[100, 1_500], [100, 10_000], [1_000, 100_000]] as const) {
  const group = `${w}×${p}`;
  const snapshot = snapshotOf(w, p);
  const data = encoder.encode(encodeSnapshot(snapshot));
  const mine = snapshot.workers[3]!;
  Deno.bench(
    `JSON.parse of ${Math.round(data.length / 1024)} KiB`,
    { group, baseline: true },
    () => {
      JSON.parse(decoder.decode(data));
    },
  );
  Deno.bench("encode", { group }, () => void encoder.encode(encodeSnapshot(snapshot)));
  Deno.bench("decode", { group }, () => void decodeSnapshot(data));
  Deno.bench("who owns what", { group }, () => void ownersOf(snapshot));
  Deno.bench("a worker's own part, and what its consumer is told", { group }, () => {
    desiredOf(assignmentOf(snapshot, mine), mine.instance, snapshot, snapshot, new Set());
  });
}
