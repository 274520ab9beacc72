import assert from "node:assert/strict";
import { caseResults } from "./conclude.ts";
import { figureRows, figureText, lawText, tableLines, targetText } from "./text.ts";
import { resultWith } from "./result_rig_test.ts";

Deno.test("text: figures have as many digits as tell something", () => {
  const values = [
    0,
    -1e-9,
    0.00042,
    -0.000423,
    0.0123,
    0.1234,
    5.678,
    56.78,
    567.8,
    12_345.6,
    null,
    Infinity,
  ];
  assert.deepEqual(values.map(figureText), [
    ...[
      "0",
      "0",
      "0.00042",
      "-0.00042",
      "0.012",
      "0.12",
      "5.68",
      "56.8",
      "568",
      "12,346",
      "—",
      "—",
    ],
  ]);
});

Deno.test("text: a law says its slope or its exponent, and how sure it is", () => {
  const study = { id: "g/l", title: "", over: "workers", metric: "heap", unit: "MB" } as const;
  const line = { slope: 0.0838, intercept: 0.4, slopeInterval: [0.08, 0.09], r2: 0.999, count: 5 };
  const points = { xs: [1, 2], ys: [1, 2] };
  assert.equal(
    lawText({ ...study, ...points, law: "line", line } as never),
    "0.0838 MB for each of the workers more, beside 0.4 MB (95 %: 0.08 to 0.09, R² 1.00)",
  );
  const power = { exponent: 1.02, exponentInterval: [null, null], factor: 3, r2: 0.9, count: 2 };
  assert.equal(
    lawText({ ...study, ...points, law: "power", power } as never),
    "grows with workers to the power of 1.02 (R² 0.90, 2 points)",
  );
  const zeros = { xs: [1, 2, 3, 4], ys: [0, 1, 2, 3], power: { ...power, count: 3 } };
  assert.equal(
    lawText({ ...study, ...zeros, law: "power" } as never),
    "grows with workers to the power of 1.02 (R² 0.90, 3 points)",
    "what has no logarithm is not in it",
  );
});

Deno.test("text: a row for each figure, with its bound and whether it holds", () => {
  const { cases } = resultWith({ "memory/a": { heap: [5, 6, 7], start: [900] } });
  const [heap, start] = figureRows(cases);
  assert.deepEqual(heap, ["memory/a", "heap", "6", "MB", "5 – 7", "3", "", "", ""]);
  assert.deepEqual(start!.slice(0, 5), ["", "start", "900", "ms", ""]);
  assert.equal(targetText({ target: { atMost: 5, atLeast: 0.85 } }), "≤ 5, ≥ 0.85");
  const [missed] = caseResults([{
    stressCase: {
      ...{ group: "g", name: "n", title: "", repetitions: 1, quick: true, server: false },
      timeoutMs: 1,
      metrics: [{
        ...{ name: "heap", unit: "MB", kind: "memory", better: "lower", what: "" },
        target: { atMost: 5 },
      }],
      run: () => Promise.resolve({ samples: [] }),
    },
    outcomes: [{ samples: [{ metric: "heap", value: 6 }] }],
    ...{ failures: [], loadAverages: [1] },
  }]);
  assert.deepEqual(figureRows([missed!])[0]!.slice(7), ["≤ 5", "MISSED"]);
});

Deno.test("text: columns stand under each other", () => {
  const lines = tableLines([["a", "1"], ["bcd", "22"]], new Set([1]));
  assert.deepEqual(lines, ["a     1", "bcd  22"]);
});
