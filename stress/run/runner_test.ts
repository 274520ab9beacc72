import assert from "node:assert/strict";
import { PartiError } from "../../lib/errors.ts";
import { until } from "../../tasks/until.ts";
import { idOf, type StressCase } from "../case.ts";
import type { CaseRun, RunCaseOptions } from "../child/run_case.ts";
import { runCases, type RunnerOptions } from "./runner.ts";

function made(name: string, repetitions: number): StressCase {
  return {
    ...{ group: "g", name, title: name, metrics: [], repetitions, quick: true, server: false },
    timeoutMs: 1_000,
    run: () => Promise.reject(new Error("not in this process")),
  };
}

function rig(
  runOnce: (one: StressCase, options: RunCaseOptions) => CaseRun | PartiError,
  more: Partial<RunnerOptions> = {},
) {
  const order: string[] = [];
  const lines: string[] = [];
  const options: RunnerOptions = {
    ...{ quick: false, repeat: undefined, seed: 1, registry: undefined, fault: undefined },
    ...{ durationMs: undefined, signal: new AbortController().signal, loadAverage: () => 0 },
    report: (line) => lines.push(line),
    runOnce: (one, given) => {
      order.push(`${one.name}${given.repetition}`);
      const result = runOnce(one, given);
      return result instanceof PartiError ? Promise.reject(result) : Promise.resolve(result);
    },
    ...more,
  };
  return { options, order, lines };
}

const fine = (value: number): CaseRun => ({
  outcome: { samples: [{ metric: "m", value }] },
  natsServerVersion: "2.15.1",
});

const cases = [made("a", 2), made("b", 3), made("c", 1)];

Deno.test("runner: each case as often as it wants, round by round, in an order that the seed decides", async () => {
  const { options, order } = rig((_, { repetition }) => fine(repetition));
  const { cases: measured, natsServerVersion } = await runCases(cases, options);
  assert.equal(natsServerVersion, "2.15.1");
  assert.deepEqual(order.slice(0, 3).sort(), ["a0", "b0", "c0"]);
  assert.deepEqual(order.slice(3, 5).sort(), ["a1", "b1"]);
  assert.deepEqual(order.slice(5), ["b2"]);
  assert.deepEqual(
    measured.map(({ stressCase, outcomes }) => [idOf(stressCase), outcomes.length]),
    [
      ...[["g/a", 2], ["g/b", 3], ["g/c", 1]],
    ],
  );
  const again = rig(() => fine(0));
  await runCases(cases, again.options);
  assert.deepEqual(again.order, order);
});

Deno.test("runner: --repeat and the sanity check decide how often", async () => {
  const twice = rig(() => fine(0), { repeat: 2 });
  await runCases(cases, twice.options);
  assert.equal(twice.order.length, 6);
  const quick = rig(() => fine(0), { quick: true });
  await runCases(cases, quick.options);
  assert.equal(quick.order.length, 3);
});

Deno.test("runner: a case that cannot be measured is told, given up after two, and the others go on", async () => {
  const { options, order, lines } = rig((one) =>
    one.name === "b" ? new PartiError("PARTI_TIMEOUT", "too long") : fine(1)
  );
  const { cases: measured } = await runCases(cases, options);
  assert.deepEqual(measured[1]!.failures, Array(2).fill("PARTI_TIMEOUT: too long"));
  assert.equal(measured[0]!.outcomes.length, 2);
  assert.ok(!order.includes("b2"));
  assert.ok(lines.some((line) => line.includes("g/b: PARTI_TIMEOUT")));
});

Deno.test("runner: no nats-server is the end of it; an interruption keeps what there is", async () => {
  const none = rig(() => new PartiError("PARTI_NOT_FOUND", "no nats-server"));
  await assert.rejects(runCases(cases, none.options), /no nats-server/);
  const controller = new AbortController();
  const { options, order } = rig(() => {
    controller.abort();
    return fine(1);
  }, { signal: controller.signal });
  const { cases: measured } = await runCases(cases, options);
  assert.equal(order.length, 1);
  assert.equal(measured.flatMap(({ outcomes }) => outcomes).length, 1);
});

Deno.test("runner: planted: a burst of load in the middle of one process is told of that one, and of no other", async () => {
  let looks = 0;
  const burst = [1, 9, 1];
  const { options } = rig(() => fine(1), {
    loadAverage: () => burst[looks++] ?? 0.5,
    lookEveryMs: 1,
    runOnce: async () => {
      await until("it was looked at", () => looks >= burst.length);
      return fine(1);
    },
  });
  const { cases: measured } = await runCases([cases[0]!], options);
  assert.deepEqual(measured[0]!.loadAverages, [9, 0.5]);
});

Deno.test("runner: after each process it tells what there is by then", async () => {
  const counts: number[] = [];
  const { options } = rig(() => fine(1), {
    onRun: ({ cases }) => {
      counts.push(cases.flatMap(({ outcomes }) => outcomes).length);
      return Promise.resolve();
    },
  });
  await runCases(cases, options);
  assert.deepEqual(counts, [1, 2, 3, 4, 5, 6]);
});
