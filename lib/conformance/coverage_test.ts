/**
 * Every scenario and every weakness has a test that names it, or a reason here why there is none. The numbers are those of the list
 * of scenarios (rows) and of the register of weaknesses (W) that the group was built against.
 */
import assert from "node:assert/strict";

/** The scenarios that must hold: the strengthened versions of the original's integration tests. */
const ROWS = range(1, 97);
/** Those that the README lists line by line, with what they ask for. */
const LISTED = [...range(15, 26), ...range(34, 49)];
const WEAKNESSES = range(1, 42);

/** Where a scenario is shown by tests whose names do not carry its number. */
const ROW_REASONS: Readonly<Record<number, string>> = {
  3: "the oracles themselves: test_support/owner_oracle_test.ts plants what they must find",
  4: "list, update and deep copies: assignment/sources/static_source_test.ts",
  6: "a source shares nothing with its caller (static_source_test.ts), and one thread sees no half of an update",
  14: "weighted balance, with a tight bound: assignment/strategies/sticky_balanced_test.ts",
  77:
    "every transition of every test cluster is checked against the table: test_support/cluster.ts",
};

/** Why a weakness cannot occur, or which test shows it without carrying its number. */
const WEAKNESS_REASONS: Readonly<Record<number, string>> = {
  10: "stop drains before it gives anything back: rows 31 and 71 in lifecycle_test.ts",
  12:
    "there is one way in for an assignment, and it checks the version: assignment_follower_test.ts",
  21: "a line of the table in assignment/leader/planner_test.ts: an emergency knows no cooldown",
  22: "a line of the table in assignment/leader/planner_test.ts: a crash while a join waits",
  26: "no monitor goroutines to leak; every test runs with the op and resource sanitizers on",
  28: "every error of the client is mapped by one table: ports/nats/nats_errors_test.ts",
  32: "a lane that ends is made anew and shows in health, whatever ended it: rows 96 and 93",
  36: "one table of defaults, checked against the documented ones: config_test.ts",
  38: "workers are sorted by number before they are dealt to: round_robin_test.ts, order_test.ts",
  39:
    "options out of range are refused by name: assignment/strategies/options_test.ts, strategies_test.ts",
  41: "replicas are a setting, kvBuckets.replicas, and buckets.ts passes it on; default 1",
};

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** The numbers behind a word in a test's name: `rows 60, 64, 66`, `rows 21-23`, `W-1, W-3`. */
function rowsIn(text: string): number[] {
  const found: number[] = [];
  for (const [, list] of text.matchAll(/\brows? ((?:\d+(?:-\d+)?(?:, | and )?)+)/g)) {
    for (const [, from, to] of list!.matchAll(/(\d+)(?:-(\d+))?/g)) {
      found.push(...range(Number(from), Number(to ?? from)));
    }
  }
  return found;
}

function weaknessesIn(text: string): number[] {
  return [...text.matchAll(/\bW-(\d+)/g)].map(([, number]) => Number(number));
}

/** The names of the tests in a file's text, as they stand there. */
function testsIn(text: string): string[] {
  return [...text.matchAll(/[Tt]est\(\s*([`"'][^\n]*)/g)].map(([, test]) => test!);
}

/** The lines of the README's tables: their cells, but those of the heads. */
function tableLines(readme: string): string[][] {
  return readme.split("\n").filter((line) => line.startsWith("| ") && line.includes("_test.ts"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** The lines of tables whose last cells name a file and a test in it that are not there. */
async function broken(lines: readonly string[][]): Promise<string[]> {
  const found: string[] = [];
  for (const line of lines) {
    const [file, test] = line.slice(-2) as [string, string];
    const url = new URL(file.replaceAll("`", ""), import.meta.url);
    const text = await Deno.readTextFile(url).catch(() => "");
    if (!testsIn(text).some((name) => name.includes(test))) found.push(`${file}: ${test}`);
  }
  return found;
}

/** The names of all tests of the library, as they stand in its files. */
async function testNames(): Promise<string> {
  const names: string[] = [];
  const walk = async (folder: URL): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) await walk(new URL(`${name}/`, folder));
      else if (name.endsWith("_test.ts") && name !== "coverage_test.ts") {
        const text = await Deno.readTextFile(new URL(name, folder));
        names.push(...testsIn(text));
      }
    }
  };
  await walk(new URL("../", import.meta.url));
  return names.join("\n");
}

/** The files that a text names. */
function filesIn(text: string): string[] {
  return [...text.matchAll(/[\w/]+\.ts\b/g)].map(([file]) => file);
}

/** All files of the library, by their paths from `lib`. */
async function libraryFiles(
  folder = new URL("../", import.meta.url),
  path = "",
): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (!isDirectory) files.push(path + name);
    else files.push(...await libraryFiles(new URL(`${name}/`, folder), `${path}${name}/`));
  }
  return files;
}

/** The files that reasons name and that are not there: a name alone may be in any folder. */
function absent(reasons: readonly string[], files: readonly string[]): string[] {
  return reasons.flatMap(filesIn).filter((named) =>
    !files.some((file) => file === named || (!named.includes("/") && file.endsWith(`/${named}`)))
  );
}

/** What has neither a test nor a reason. */
function missing(
  wanted: readonly number[],
  named: readonly number[],
  reasons: Readonly<Record<number, string>>,
): number[] {
  return wanted.filter((number) => !named.includes(number) && reasons[number] === undefined);
}

Deno.test("every scenario has a test that names it, or a reason", async () => {
  assert.deepEqual(missing(ROWS, rowsIn(await testNames()), ROW_REASONS), []);
});

Deno.test("every weakness has a test that names it, or a reason", async () => {
  assert.deepEqual(missing(WEAKNESSES, weaknessesIn(await testNames()), WEAKNESS_REASONS), []);
});

Deno.test("planted: a scenario without test and reason is found", () => {
  const names = '"rows 21-23, 60 and 64: x"\n"row 7: y"\n"W-1, W-3: z"';
  assert.deepEqual(rowsIn(names), [21, 22, 23, 60, 64, 7]);
  assert.deepEqual(weaknessesIn(names), [1, 3]);
  assert.deepEqual(missing([7, 8, 9], rowsIn(names), { 9: "a reason" }), [8]);
});

Deno.test("the files that reasons name are there", async () => {
  const reasons = [...Object.values(ROW_REASONS), ...Object.values(WEAKNESS_REASONS)];
  assert.ok(reasons.flatMap(filesIn).length > 10);
  assert.deepEqual(absent(reasons, await libraryFiles()), []);
});

Deno.test("planted: a file that was moved is found", () => {
  const files = ["a/b/one_test.ts", "two.ts"];
  assert.deepEqual(absent(["see one_test.ts and a/one_test.ts", "two.ts"], files), [
    "a/one_test.ts",
  ]);
});

Deno.test("each line of the README's tables names a test that is there, and each row that is to be listed has a line", async () => {
  const lines = tableLines(await Deno.readTextFile(new URL("README.md", import.meta.url)));
  assert.deepEqual(await broken(lines), []);
  const rows = new Set(lines.map(([row]) => Number(row)));
  assert.deepEqual(LISTED.filter((row) => !rows.has(row)), []);
  // What is no row is one of the scenarios that nobody tested.
  assert.ok(lines.filter(([row]) => Number.isNaN(Number(row))).length >= 20);
});

Deno.test("planted: a line that names a lost file or test is found", async () => {
  const lines = tableLines(
    "| row | where | test |\n| 1 | `gone_test.ts` | x |\n| 2 | `coverage_test.ts` | planted: a line |\n" +
      "| 3 | `coverage_test.ts` | no such test |",
  );
  assert.deepEqual(await broken(lines), ["`gone_test.ts`: x", "`coverage_test.ts`: no such test"]);
});
