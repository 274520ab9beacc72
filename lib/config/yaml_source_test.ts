import assert from "node:assert/strict";
import { isPartiError } from "../errors.ts";
import { readYaml } from "./yaml_source.ts";

Deno.test("keys are found in mappings, lists and behind aliases", () => {
  const source = readYaml("a: &x {b: 1}\nlist:\n  - c: 2\n  - d: 3\nalias: *x\n", "f.yaml");
  assert.deepEqual(source.value, {
    a: { b: 1 },
    list: [{ c: 2 }, { d: 3 }],
    alias: { b: 1 },
  });
  assert.deepEqual(source.locate([]), { line: 1, col: 1 });
  assert.deepEqual(source.locate(["a", "b"]), { line: 1, col: 8 });
  assert.deepEqual(source.locate(["list", 1]), { line: 4, col: 5 });
  assert.deepEqual(source.locate(["list", 1, "d"]), { line: 4, col: 5 });
  assert.deepEqual(source.locate(["alias", "b"]), { line: 1, col: 8 });
  assert.equal(source.locate(["a", "c"]), undefined);
  assert.equal(source.locate(["list", 2]), undefined);
  assert.equal(source.locate(["a", "b", "c"]), undefined);
});

Deno.test("all syntax errors are told with their places", () => {
  assert.throws(
    () => readYaml("a: 1\na: 2\nb: 1\nb: 2\n", "f.yaml"),
    (e) =>
      isPartiError(e, "PARTI_INVALID_CONFIG") &&
      /^invalid YAML in f\.yaml:\n {2}f\.yaml:2:1: .*\n {2}f\.yaml:4:1: .*$/.test(e.message),
  );
});

Deno.test({
  name: "without the permission the parser needs, the error says which one",
  permissions: { env: false },
  fn: () => {
    assert.throws(
      () => readYaml("a: 1\n", "f.yaml"),
      (e) =>
        isPartiError(e, "PARTI_INVALID_CONFIG") && e.hint!.includes("--allow-env=LOG_TOKENS") &&
        e.message.startsWith("cannot read f.yaml: "),
    );
  },
});

Deno.test({
  name: "these two variables are all it needs",
  permissions: { env: ["LOG_TOKENS", "LOG_STREAM"] },
  fn: () => assert.deepEqual(readYaml("a: 1\n", "f.yaml").value, { a: 1 }),
});
