/** Lines that simulations execute and the contract does not are found, unless they are excused, and excuses do not outlive their use. */
import assert from "node:assert/strict";
import { excuses } from "./dst_closure_excuses.ts";
import { type Excuse, judgeClosure, readLcov, renderClosure } from "./dst_closure_compare.ts";

const FILE = "lib/dst/nats/a.ts";
const SOURCE = [
  "class A {", // 1
  "  common(): void {", // 2
  "    if (this.late) this.wait();", // 3
  "  }", // 4
  "", // 5
  "  fault(): void {", // 6
  "    this.lose();", // 7
  "    // Nobody is told.", // 8
  "    this.close();", // 9
  "  }", // 10
  "", // 11
  "  other(): void {", // 12
  "    this.close();", // 13
  "  }", // 14
  "}", // 15
];
const sources = new Map([[FILE, SOURCE]]);

/** A report in which these lines were executed; the comment and the blank lines are not in it, as in those of Deno. */
function coverageOf(...executed: readonly number[]) {
  const lines = SOURCE.flatMap((text, index) =>
    text === "" || text.includes("//")
      ? []
      : [`DA:${index + 1},${Number(executed.includes(index + 1))}`]
  );
  return readLcov(`SF:/p/${FILE}\nFNF:3\n${lines.join("\n")}\nLF:12\nend_of_record\n`, "/p/");
}

const all = coverageOf(1, 2, 3, 4, 6, 7, 9, 10, 12, 13, 14, 15);
const noFault = coverageOf(1, 2, 3, 4, 15);
const judge = (checked: typeof all, ...some: readonly Excuse[]) =>
  judgeClosure(all, checked, sources, some);
const excuse = (line?: string): Excuse => ({
  file: FILE,
  ...(line === undefined ? {} : { line }),
  why: "A fault.",
});

Deno.test("what only simulations execute is reported, method by method, with the first line's text", () => {
  const closure = judge(noFault);
  assert.deepEqual(closure.open, [
    { file: FILE, first: 6, last: 10, text: "fault(): void {" },
    { file: FILE, first: 12, last: 14, text: "other(): void {" },
  ]);
  assert.deepEqual(renderClosure(closure), [
    `${FILE}:6-10  fault(): void {`,
    `${FILE}:12-14  other(): void {`,
    "not in the contract: 2 gaps (8 lines); excused: 0 (0 lines); stale excuses: 0",
  ]);
});

Deno.test("a line within what both execute is reported, and a file the contract never loads", () => {
  const { open } = judge(coverageOf(1, 2, 4, 6, 7, 9, 10, 12, 13, 14, 15));
  assert.deepEqual(open, [{ file: FILE, first: 3, last: 3, text: "if (this.late) this.wait();" }]);
  assert.equal(judge(readLcov("", "/p/")).open.length, 3);
});

Deno.test("what simulations do not execute is nobody's concern", () => {
  assert.deepEqual(judgeClosure(noFault, noFault, sources, []).open, []);
});

Deno.test("what is excused is not reported, by its first line or with its whole file", () => {
  const byLine = judge(noFault, excuse("fault(): void {"), excuse("other(): void {"));
  assert.deepEqual([byLine.open.length, byLine.excused.length, byLine.stale.length], [0, 2, 0]);
  const byFile = judge(noFault, excuse());
  assert.deepEqual([byFile.open.length, byFile.excused.length, byFile.stale.length], [0, 2, 0]);
  assert.equal(judge(noFault, excuse("this.lose();")).open.length, 2, "not by a line within");
});

Deno.test("an excuse is stale once the contract executes its line, or the line is gone or there twice", () => {
  const problems = [
    judge(all, excuse("fault(): void {")),
    judge(all, excuse()),
    judge(noFault, excuse("fault(late: boolean): void {")),
    judge(noFault, excuse("this.close();")),
    judge(noFault, { ...excuse(), file: "lib/dst/nats/b.ts" }),
  ].map(({ stale }) => stale.map(({ problem }) => problem));
  assert.deepEqual(problems, [
    ["the contract executes it"],
    ["the contract executes all of it"],
    ["the line is there 0 times"],
    ["the line is there 2 times"],
    ["there is no such file"],
  ]);
  assert.match(
    renderClosure(judge(all, excuse("fault(): void {")))[0]!,
    /^stale excuse: .*a\.ts {2}fault\(\): void \{: the contract executes it$/,
  );
});

Deno.test("an excuse that fewer seeds have no use for is not stale", () => {
  assert.deepEqual(judgeClosure(noFault, noFault, sources, [excuse("fault(): void {")]).stale, []);
});

Deno.test("the excuses of this project name lines that are there once, and files", async () => {
  const texts = new Map<string, readonly string[]>();
  for (const { file } of excuses) {
    const text = await Deno.readTextFile(new URL(`../${file}`, import.meta.url));
    texts.set(file, text.split("\n"));
  }
  assert.deepEqual(judgeClosure(new Map(), new Map(), texts, excuses).stale, []);
});
