/** Branches that simulations take and the contract does not are found, unless they are excused, and excuses do not outlive their use. */
import assert from "node:assert/strict";
import { type Coverage, type Excuse, judgeClosure, renderClosure } from "./dst_closure_compare.ts";
import { excuses } from "./dst_closure_excuses.ts";
import { readExecuted } from "./dst_closure_profile.ts";
import { findEmitted, readSource, type Source } from "./dst_closure_source.ts";
import { runOrThrow } from "./run_command.ts";

const FAKE = [
  "interface Never { readonly compiled: string }", // 1
  "const other = (text: string): string => text;", // 2
  "export function ternary(a: boolean): string { return a ? other('b') : other('c'); }", // 3
  "export function missing(a?: string): string { return a ?? other('b'); }", // 4
  "export function both(a: boolean): unknown { return a && other('b'); }", // 5
  "export function chain(a?: Never): unknown { return a?.compiled; }", // 6
  "export function early(a: boolean): string { if (a) return 'b'; return 'c'; }", // 7
  "export function preset(a: string = other('b'), b = () => a): string { return b(); }", // 8
  "export function cases(a: string): string {", // 9
  "  switch (a) {", // 10
  "    case 'b': return other('b');", // 11
  "    case 'c': return other('c');", // 12
  "    default: return a;", // 13
  "  }", // 14
  "}", // 15
].join("\n");

/** Runs calls of the fake module in processes of their own, as the check does it, and judges. */
async function gapsOfFake(simulated: string, ...checked: readonly string[]): Promise<string[]> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "parti-closure-" }));
  const run = async (coverage: string, calls: string): Promise<void> => {
    await Deno.writeTextFile(`${folder}/main.ts`, `import * as m from "./fake.ts";\n${calls}`);
    const flags = ["--quiet", "--no-check", `--coverage=${folder}/${coverage}`];
    const args = ["run", ...flags, `${folder}/main.ts`];
    await runOrThrow(Deno.execPath(), args, { cwd: folder, timeoutMs: 60_000 });
  };
  try {
    await Deno.writeTextFile(`${folder}/fake.ts`, FAKE);
    await run("seeds", simulated);
    for (const calls of checked) await run("tests", calls);
    const seeds = await readExecuted(`${folder}/seeds`, `file://${folder}/`);
    const tests = await readExecuted(`${folder}/tests`, `file://${folder}/`);
    const source = await readSource(await findEmitted(), `${folder}/fake.ts`);
    const { open } = judgeClosure(seeds, tests, new Map([["fake.ts", source]]), []);
    return open.map(({ first, column, text }) => `${first}:${column} ${text}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a branch within a line is reported if only simulations take it, with its place and text", async () => {
  const gaps = await gapsOfFake(
    "m.ternary(true); m.ternary(false); m.missing(); m.both(true); m.chain({ compiled: '' });" +
      "m.early(true); m.early(false); m.preset(); m.cases('c');",
    "m.ternary(false); m.missing(''); m.both(false); m.chain(); m.early(true);" +
      "m.preset('', () => ''); m.cases('a');",
  );
  assert.deepEqual(gaps, [
    "3:58 other('b')",
    "4:59 other('b')",
    "5:57 other('b')",
    // Deno's map knows where `a?.compiled` begins, and no place within it.
    "6:52 .compiled",
    "7:64 return 'c';",
    // What a parameter is by default is no block to V8; a function in it is.
    "8:52 ()=>a",
    "12:5 case 'c': return other('c');",
  ]);
});

Deno.test("what several processes of the contract take together is no gap, and a function none of them calls is one", async () => {
  const all = "m.ternary(true); m.ternary(false); m.early(true); m.early(false);";
  const parts = ["m.ternary(true); m.early(false);", "m.ternary(false); m.early(true);"];
  assert.deepEqual(await gapsOfFake(all, ...parts), []);
  const gaps = await gapsOfFake(all, "m.missing(''); m.early(true); m.early(false);");
  assert.match(gaps.join("\n"), /^2:15 \(text\)=>text\n3:8 function ternary[^\n]*$/);
});

const FILE = "lib/dst/nats/a.ts";
const MODEL = [
  "class A {", // 1
  "  common(): void {", // 2
  "    if (this.late) this.wait();", // 3
  "  }", // 4
  "", // 5
  "  fault(): void {", // 6
  "    // Nobody is told.", // 7
  "    this.lose();", // 8
  "    this.close();", // 9
  "  }", // 10
  "", // 11
  "  other(): void {", // 12
  "    this.close();", // 13
  "  }", // 14
  "}", // 15
].join("\n");
const source: Source = {
  script: MODEL,
  lines: MODEL.split("\n"),
  locate(offset) {
    const before = MODEL.slice(0, offset).split("\n");
    return { line: before.length, column: before.at(-1)!.length + 1 };
  },
};
const sources = new Map([[FILE, source]]);

/** Everything was executed but these parts. */
function allBut(...parts: readonly RegExp[]): Coverage {
  const executed = new Uint8Array(MODEL.length).fill(1);
  for (const part of parts) {
    const { index, 0: text } = part.exec(MODEL)!;
    executed.fill(0, index, index + text.length);
  }
  return new Map([[FILE, executed]]);
}

const WAIT = /this\.wait\(\);/;
const FAULT = /fault\(\)[^}]*\}/;
const OTHER = /other\(\)[^}]*\}/;
const all = allBut();
const noFault = allBut(FAULT, OTHER);
const judge = (checked: Coverage, ...some: readonly Excuse[]) =>
  judgeClosure(all, checked, sources, some);
const excuse = (line?: string): Excuse => ({
  file: FILE,
  ...(line === undefined ? {} : { line }),
  why: "A fault.",
});

Deno.test("each branch is reported with its place and how it begins", () => {
  const { open } = judge(allBut(WAIT, FAULT));
  const line = "if (this.late) this.wait();";
  assert.deepEqual(open[0], {
    file: FILE,
    first: 3,
    column: 20,
    last: 3,
    text: "this.wait();",
    line,
  });
  assert.deepEqual(renderClosure(judge(allBut(WAIT, OTHER))), [
    `${FILE}:3:20  this.wait();`,
    `${FILE}:12:3  other(): void { this.close(); }`,
    "not in the contract: 2 branches; excused: 0; stale excuses: 0",
  ]);
});

Deno.test("the end of a function that never comes to it is no branch", () => {
  assert.deepEqual(judge(allBut(/\s+\}\s+fault/)).open.map(({ text }) => text), ["} fault"]);
  assert.deepEqual(judge(allBut(/\s+\}\s+(?=fault)/)).open, []);
});

Deno.test("what simulations do not execute is nobody's concern", () => {
  assert.deepEqual(judgeClosure(noFault, noFault, sources, []).open, []);
  assert.deepEqual(judgeClosure(new Map(), noFault, sources, []).open, []);
});

Deno.test("what is excused is not reported, by the line it begins in or with its whole file", () => {
  const byLine = judge(noFault, excuse("fault(): void {"), excuse("other(): void {"));
  assert.deepEqual([byLine.open.length, byLine.excused.length, byLine.stale.length], [0, 2, 0]);
  const byFile = judge(noFault, excuse());
  assert.deepEqual([byFile.open.length, byFile.excused.length, byFile.stale.length], [0, 2, 0]);
  assert.equal(judge(noFault, excuse("this.lose();")).open.length, 2, "not by a line within");
});

Deno.test("an excuse is stale once the contract takes its branch, or the line is gone or there twice", () => {
  const problems = [
    judge(all, excuse("fault(): void {")),
    judge(allBut(OTHER), excuse("if (this.late) this.wait();")),
    judge(all, excuse()),
    judge(noFault, excuse("fault(late: boolean): void {")),
    judge(noFault, excuse("this.close();")),
    judge(noFault, { ...excuse(), file: "lib/dst/nats/b.ts" }),
  ].map(({ stale }) => stale.map(({ problem }) => problem));
  assert.deepEqual(problems, [
    ["the contract executes it"],
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
  for (const { file, line } of excuses) {
    const text = await Deno.readTextFile(new URL(`../${file}`, import.meta.url));
    const count = text.split("\n").filter((one) => one.trim() === line).length;
    assert.equal(count, line === undefined ? 0 : 1, `${file}: ${line}`);
  }
});
