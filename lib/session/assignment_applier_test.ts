import assert from "node:assert/strict";
import { AssignmentApplier } from "./assignment_applier.ts";
import { type Snapshot, weightTable } from "../assignment/snapshot.ts";
import type { DesiredPartitions } from "../consumption/dispatch/desired.ts";
import { settle } from "../test_support/manual_clock.ts";

function snapshot(generation: number, owned: Record<string, string[]>, epoch = 1): Snapshot {
  return {
    epoch,
    generation,
    leader: { worker: "worker-0", instance: "other" },
    reason: "refresh",
    atMs: 0,
    workers: Object.entries(owned).map(([instance, partitions]) => ({
      id: `worker-of-${instance}`,
      instance,
      partitions,
    })),
    weights: weightTable([]),
  };
}

/** An applier whose hook and consumer are done when the test says so. */
function rig(options: { consumes?: boolean } = {}) {
  const log: string[] = [];
  const errors: unknown[] = [];
  const end = new AbortController();
  const hooks: PromiseWithResolvers<void>[] = [];
  const settling: PromiseWithResolvers<void>[] = [];
  const names = (list: readonly { keys: readonly string[] }[]) =>
    list.map(({ keys }) => keys.join(".")).join(" ");
  const wait = (all: PromiseWithResolvers<void>[]) => {
    const one = Promise.withResolvers<void>();
    all.push(one);
    return one.promise;
  };
  const told: DesiredPartitions[] = [];
  const consumer = {
    update: (desired: DesiredPartitions) => {
      told.push(desired);
      log.push(`update ${names(desired.partitions)}`);
      return true;
    },
    settled: () => {
      log.push("settled?");
      return wait(settling);
    },
    close: () => {
      log.push("close");
      return Promise.resolve();
    },
  };
  const applier: AssignmentApplier = new AssignmentApplier({
    instance: "me",
    consumer: () => options.consumes === false ? undefined : consumer,
    events: {
      onAssignment: (assignment) => {
        log.push(`hook ${assignment.generation}`);
        return wait(hooks);
      },
      onProgress: () => void log.push(`progress${applier.isSettled ? ", settled" : ""}`),
      onError: (error) => void errors.push(error),
    },
    onEmpty: () => void log.push("empty"),
    acknowledge: () => {
      log.push(`acknowledge ${applier.applied}`);
      return Promise.resolve();
    },
    signal: end.signal,
  });
  const taken = (): string[] => log.splice(0);
  return { applier, errors, end, hooks, settling, taken, told };
}

Deno.test("applier: the consumer is told first, then the hook; acknowledged when both are done", async () => {
  const { applier, hooks, settling, taken } = rig();
  applier.take(snapshot(3, { me: ["a", "b"], other: ["c"] }), undefined);
  assert.deepEqual(taken(), ["update a b", "progress", "hook 3"]);
  assert.equal(applier.assignment?.generation, 3);
  hooks[0]!.resolve();
  await settle();
  assert.deepEqual(taken(), ["settled?"]);
  assert.deepEqual([applier.isSettled, applier.applied], [false, 0]);
  settling[0]!.resolve();
  await settle();
  assert.deepEqual(taken(), ["progress, settled", "acknowledge 3"]);
  assert.deepEqual([applier.isSettled, applier.applied], [true, 3]);
});

Deno.test("applier: of two assignments only the newer one is acknowledged", async () => {
  const { applier, hooks, settling, taken } = rig();
  applier.take(snapshot(1, { me: ["a"] }), undefined);
  applier.take(snapshot(2, { me: ["a", "b"] }), snapshot(1, { me: ["a"] }));
  for (const hook of hooks) hook.resolve();
  await settle();
  for (const one of settling) one.resolve();
  await settle();
  assert.deepEqual(taken().filter((line) => line.startsWith("acknowledge")), ["acknowledge 2"]);
});

Deno.test("applier: whoever keeps what it has stays settled, and acknowledges the new generation", async () => {
  const { applier, hooks, settling, taken } = rig();
  const first = snapshot(1, { me: ["a"], other: ["b"] });
  applier.take(first, undefined);
  hooks[0]!.resolve();
  await settle();
  settling[0]!.resolve();
  await settle();
  taken();
  const second = snapshot(2, { me: ["a"], third: ["b"] });
  applier.take(second, first);
  assert.equal(applier.isSettled, true);
  assert.deepEqual(taken(), ["update a", "progress, settled", "hook 2"]);
  // A new leader's first word: another epoch, the old generation.
  applier.take(snapshot(2, { me: ["a"], third: ["b"] }, 5), second);
  assert.deepEqual(taken(), ["update a"]);
  assert.equal(applier.assignment?.epoch, 5);
});

Deno.test("applier: strangers' assignments are none of its business until it has been named once", () => {
  const { applier, taken } = rig({ consumes: false });
  const first = snapshot(1, { other: ["a"] });
  applier.take(first, undefined);
  const owned = () => applier.assignment?.partitions;
  assert.equal(owned(), undefined);
  const second = snapshot(2, { other: ["a"], me: ["b"] });
  applier.take(second, first);
  applier.take(snapshot(3, { other: ["a", "b"] }), second);
  assert.deepEqual(taken(), ["progress", "hook 2", "empty", "progress", "hook 3"]);
  assert.deepEqual(owned(), []);
});

Deno.test("applier: once it has let go no snapshot brings anything back, but the application is told", async () => {
  const { applier, taken } = rig();
  await applier.letGo();
  applier.take(snapshot(1, { me: ["a"] }), undefined);
  assert.deepEqual(taken(), ["close", "progress", "hook 1"]);
  assert.equal(rig({ consumes: false }).applier.letGo(), undefined);
});

Deno.test("applier: after the session's end nothing is taken and nothing acknowledged", async () => {
  const { applier, end, hooks, settling, taken } = rig();
  applier.take(snapshot(1, { me: ["a"] }), undefined);
  hooks[0]!.resolve();
  await settle();
  end.abort();
  settling[0]!.resolve();
  applier.take(snapshot(2, { me: ["b"] }), undefined);
  await settle();
  assert.deepEqual(taken(), ["update a", "progress", "hook 1", "settled?"]);
  assert.deepEqual([applier.assignment?.generation, applier.applied], [1, 0]);
});

Deno.test("applier: what fails in the background is told", async () => {
  const { applier, errors, hooks, settling } = rig();
  applier.take(snapshot(1, { me: ["a"] }), undefined);
  hooks[0]!.resolve();
  await settle();
  const error = new Error("the consumer");
  settling[0]!.reject(error);
  await settle();
  assert.deepEqual(errors, [error]);
  assert.equal(applier.applied, 0);
});

Deno.test("applier: the consumer knows who gets what is leaving, over several generations, until all of it is gone", async () => {
  const { applier, hooks, settling, told } = rig();
  const successors = () => ["a", "b", "c"].map((id) => told.at(-1)!.successorOf!(id));
  applier.take(snapshot(1, { me: ["a", "b", "c"] }), undefined);
  assert.deepEqual(successors(), [undefined, undefined, undefined]);
  const second = snapshot(2, { me: ["b", "c"], i1: ["a"] });
  applier.take(second, snapshot(1, { me: ["a", "b", "c"] }));
  assert.deepEqual(successors(), ["i1", undefined, undefined]);
  // The first may not have gone yet, and its successor is another one now.
  applier.take(snapshot(3, { me: ["c"], i1: ["b"], i2: ["a"] }), second);
  assert.deepEqual(successors(), ["i2", "i1", undefined]);
  // What comes back is not leaving.
  const fourth = snapshot(4, { me: ["a", "c"], i1: ["b"] });
  applier.take(fourth, undefined);
  assert.deepEqual(successors(), [undefined, "i1", undefined]);
  for (const hook of hooks) hook.resolve();
  await settle();
  for (const one of settling) one.resolve();
  await settle();
  assert.equal(applier.isSettled, true);
  applier.take(snapshot(5, { me: ["a"], i1: ["b", "c"] }), fourth);
  assert.deepEqual(successors(), [undefined, undefined, "i1"]);
});
