import assert from "node:assert/strict";
import * as v from "valibot";
import {
  configError,
  type ConfigProblem,
  formatPath,
  problemsOf,
  valueAt,
} from "./config_problems.ts";
import { strictObject } from "./schema_objects.ts";

const refused = (path: ConfigProblem["path"], value: unknown): ConfigProblem => ({
  path,
  value,
  kind: "refused",
  allowed: "something else",
});

Deno.test("a value is found by its path, and only own keys count", () => {
  const tree = { a: [{ b: 0 }], c: null };
  assert.equal(valueAt(tree, ["a", 0, "b"]), 0);
  assert.equal(valueAt(tree, []), tree);
  assert.equal(valueAt(tree, ["a", 1, "b"]), undefined);
  assert.equal(valueAt(tree, ["c", "d"]), undefined);
  assert.equal(valueAt(tree, ["toString"]), undefined);
});

Deno.test("a path is written as in code", () => {
  assert.equal(formatPath(["workers", 2, "id"]), "workers[2].id");
  assert.equal(formatPath(["labels", "a.b"]), 'labels."a.b"');
  assert.equal(formatPath([]), "");
});

Deno.test("one problem is one line; several are a list in the order of the file", () => {
  assert.equal(
    configError([refused(["a"], 1)]).message,
    "invalid configuration: a: 1 is not allowed; allowed: something else",
  );
  const source = {
    name: "f.yaml",
    locate: ([key]: readonly (string | number)[]) =>
      key === "a" ? { line: 9, col: 1 } : key === "b" ? { line: 2, col: 3 } : undefined,
  };
  assert.equal(
    configError([refused(["a"], 1), refused(["b", "x"], "2")], source).message,
    "invalid configuration in f.yaml, 2 problems:\n" +
      '  f.yaml:2:3: b.x: "2" is not allowed; allowed: something else\n' +
      "  f.yaml:9:1: a: 1 is not allowed; allowed: something else",
  );
});

Deno.test("odd values are shown, long ones cut", () => {
  const circle: unknown[] = [];
  circle.push(circle);
  const rows: [unknown, string][] = [
    [NaN, "NaN is"],
    [10n, "10 is"],
    [null, "null is"],
    ["x".repeat(200), `"${"x".repeat(79)}… is`],
    [circle, "a value that contains itself is"],
    [[1, { a: "b" }], '[1,{"a":"b"}] is'],
  ];
  for (const [value, shown] of rows) {
    assert.ok(configError([refused(["k"], value)]).message.includes(`: k: ${shown} not allowed`));
  }
});

Deno.test("each key is complained of once, unknown keys one by one", () => {
  const a = v.pipe(v.string(), v.minLength(3, "long"), v.regex(/x/, "with x"));
  const schema = strictObject({ a, b: v.number() });
  const input = { a: "", c: 1, d: 2 };
  const { issues } = v.safeParse(schema, input);
  assert.deepEqual(
    problemsOf(issues!, input).map(({ path, kind, value }) => [path, kind, value]),
    [
      [["a"], "refused", ""],
      [["b"], "missing", undefined],
      [["c"], "unknown", 1],
      [["d"], "unknown", 2],
    ],
  );
});
