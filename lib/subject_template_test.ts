import assert from "node:assert/strict";
import { mayLieUnder, mayMeet, placeholders } from "./subject_template.ts";

const P = "{{.PartitionID}}";

Deno.test("a template is a subject with places for the partition", () => {
  const rows: [string, number | undefined][] = [
    [`orders.${P}`, 1],
    [P, 1],
    [`a.${P}.b`, 1],
    [`a.p-${P}`, 1],
    [`a.${P}.${P}`, 2],
    ["a.b", 0],
    ["", undefined],
    [`a..${P}`, undefined],
    [`a.*.${P}`, undefined],
    [`${P}.>`, undefined],
    [`a b.${P}`, undefined],
    [`${P}.`, undefined],
    ["a.{{.Partition}}", undefined],
    ["a.{{ .PartitionID }}", undefined],
    ["a.\u0000", undefined],
    ["a.\u0007", undefined],
  ];
  for (const [template, count] of rows) assert.equal(placeholders(template), count, template);
});

Deno.test("two templates meet if some partitions make the same subject of them", () => {
  const rows: [string, string, boolean][] = [
    [`orders.${P}`, `orders.${P}`, true],
    [`orders.${P}`, `dead.${P}`, false],
    [`orders.${P}`, "orders.dead", true],
    [`orders.${P}`, "orders.dead.letter", true],
    [`orders.${P}`, "orders", false],
    [`orders.${P}`, `orders.dead.${P}`, true],
    [`orders.${P}.in`, `orders.${P}.out`, false],
    [`orders.${P}.in`, "orders.x.y.in", true],
    [`orders.${P}.in`, "orders.in", false],
    [`orders.p-${P}`, "orders.dead", false],
    [`orders.p-${P}`, "orders.p-1", true],
    [`${P}.dead`, `orders.${P}`, true],
    [P, "anything.at.all", true],
    ["a.b", "a.b", true],
    ["a.b", "a.c", false],
  ];
  for (const [a, b, expected] of rows) {
    assert.equal(mayMeet(a, b), expected, `${a} / ${b}`);
    assert.equal(mayMeet(b, a), expected, `${b} / ${a}`);
  }
});

Deno.test("a template lies under a pattern if some partition makes a subject of it that the pattern matches", () => {
  const rows: [string, string, boolean][] = [
    [`orders.${P}`, "orders.>", true],
    [`orders.${P}`, ">", true],
    [`orders.${P}`, "orders.*", true],
    [`orders.${P}`, "orders.*.*", true],
    [`orders.${P}`, "*.*.new", true],
    [`orders.${P}`, "orders.eu", true],
    [`orders.${P}`, "orders.eu.>", true],
    [`orders.${P}`, "orders", false],
    [`orders.${P}`, "order.>", false],
    [`orders.${P}`, "*", false],
    [`orders.${P}.in`, "orders.*", false],
    [`orders.${P}.in`, "orders.*.*", true],
    [`orders.${P}.in`, "orders.*.out", false],
    [`orders.${P}.in`, "orders.*.out.>", true],
    [`orders.p-${P}`, "orders.*", true],
    [`orders.p-${P}`, "orders.q-1", false],
    [`orders.p-${P}`, "orders.p-1", true],
    ["a.b", "a.*", true],
  ];
  for (const [template, pattern, expected] of rows) {
    assert.equal(mayLieUnder(template, pattern), expected, `${template} under ${pattern}`);
  }
});
