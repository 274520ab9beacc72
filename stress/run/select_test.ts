import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { type Catalog, idOf, type StressCase } from "../case.ts";
import { CATALOG } from "../registry.ts";
import { selectCases } from "./select.ts";

function made(id: string, more: Partial<StressCase> = {}): StressCase {
  const [group = "", name = ""] = id.split("/");
  return {
    ...{ group, name, title: id, metrics: [], repetitions: 1, quick: false, server: false },
    timeoutMs: 1_000,
    run: () => Promise.resolve({ samples: [] }),
    ...more,
  };
}

const catalog: Catalog = {
  cases: [
    made("a/base", { quick: true }),
    made("a/one", { baseline: "base", quick: true }),
    made("a/two", { baseline: "base" }),
    made("b/three"),
  ],
  studies: [{
    ...{ group: "a", name: "law", title: "", over: "workers", metric: "x", law: "line" },
    cases: ["one", "two"],
  }],
};

const selected = (only: string[], quick = false) => selectCases(catalog, only, quick).map(idOf);

Deno.test("select: all, a group, a case with its baseline, a law with its cases, several", () => {
  assert.deepEqual(selected([]), ["a/base", "a/one", "a/two", "b/three"]);
  assert.deepEqual(selected(["b"]), ["b/three"]);
  assert.deepEqual(selected(["a/two"]), ["a/base", "a/two"]);
  assert.deepEqual(selected(["a/law"]), ["a/base", "a/one", "a/two"]);
  assert.deepEqual(selected(["b", "a/one"]), ["a/base", "a/one", "b/three"]);
});

Deno.test("select: what only one figure is taken over comes along, too", () => {
  const heap = { name: "heap", unit: "MB", kind: "memory", better: "lower", what: "" } as const;
  const cases = [...catalog.cases, made("a/four", { metrics: [{ ...heap, over: "two" }] })];
  const names = selectCases({ ...catalog, cases }, ["a/four"], false).map(idOf);
  assert.deepEqual(names, ["a/two", "a/four"]);
});

Deno.test("select: the sanity check has its own cases, and what is named by its own name", () => {
  assert.deepEqual(selected([], true), ["a/base", "a/one"]);
  assert.deepEqual(selected(["a"], true), ["a/base", "a/one"]);
  assert.deepEqual(selected(["a/two"], true), ["a/base", "a/two"]);
});

Deno.test("select: a name that there is not is told with the nearest one", () => {
  assert.throws(() => selected(["a/twos"]), (error) => {
    assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
    assert.match(error.message, /no group or case "a\/twos"/);
    assert.match(error.hint!, /did you mean a\/two\?/);
    return true;
  });
  assert.throws(() => selected(["zzzzzzzz"]), (error) => {
    assert.match((error as { hint: string }).hint, /groups are a, b; --list/);
    return true;
  });
});

Deno.test("catalog: names are given once, and what is referred to is there", () => {
  const ids = [...CATALOG.cases, ...CATALOG.studies].map(idOf);
  assert.equal(new Set(ids).size, ids.length);
  const cases = new Map(CATALOG.cases.map((one) => [idOf(one), one]));
  for (const { group, baseline, metrics } of CATALOG.cases) {
    if (baseline !== undefined) assert.ok(cases.has(`${group}/${baseline}`), baseline);
    const names = metrics.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const { share } of metrics) if (share !== undefined) assert.ok(names.includes(share.of));
  }
  for (const { group, cases: parts, metric, over } of CATALOG.studies) {
    for (const part of parts) {
      const found = cases.get(`${group}/${part}`);
      const measured = found?.metrics.map(({ name }) => name) ?? [];
      assert.ok(measured.includes(metric), `${group}/${part} ${metric}`);
      assert.ok(found?.size?.[over] !== undefined);
    }
  }
});
