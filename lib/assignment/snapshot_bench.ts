/**
 * What each new generation costs each worker, read whole and as what it differs in, beside the bare JSON: `deno bench lib/assignment/snapshot_bench.ts`.
 *
 * @module
 */
import { assignmentOf, desiredOf } from "../session/own_assignment.ts";
import { decodeSnapshot, encodeSnapshot, ownersOf, type Snapshot } from "./snapshot.ts";
import { applyChange, changeBetween, decodeChange, encodeChange } from "./snapshot_change.ts";

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
      ).sort(),
    })),
    weights: {},
  };
}

/** One worker more, which is given some of everybody's. */
function withOneMore(before: Snapshot): Snapshot {
  const { workers } = before;
  const count = workers.reduce((sum, { partitions }) => sum + partitions.length, 0);
  const share = Math.floor(count / (workers.length + 1));
  const taken: string[] = [];
  const others = workers.map((worker, w) => {
    const due = Math.floor((w + 1) * share / workers.length) - taken.length;
    taken.push(...worker.partitions.slice(0, due));
    return { ...worker, partitions: worker.partitions.slice(due) };
  });
  const newcomer = { id: `worker-${workers.length}`, instance: "new", partitions: taken.sort() };
  return { ...before, generation: before.generation + 1, workers: [...others, newcomer] };
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
  const next = withOneMore(snapshot);
  const change = encoder.encode(encodeChange(changeBetween(snapshot, next)));
  Deno.bench("one worker more: find what has changed, and encode it", { group }, () => {
    encoder.encode(encodeChange(changeBetween(snapshot, next)));
  });
  Deno.bench(
    `one worker more: decode and apply ${(change.length / 1024).toFixed(1)} KiB`,
    { group },
    () => void applyChange(snapshot, decodeChange(change)!),
  );
  Deno.bench("who owns what", { group }, () => void ownersOf(snapshot));
  Deno.bench("a worker's own part, and what its consumer is told", { group }, () => {
    desiredOf(assignmentOf(snapshot, mine), mine.instance, snapshot, snapshot, new Set());
  });
}
