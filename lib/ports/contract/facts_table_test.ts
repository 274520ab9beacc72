/**
 * Every fact about NATS that the library was designed around has a line in the README, and what a line names is there. The numbers are
 * those of the list of facts: streams and consumers, buckets (K), connections, Deno.
 */
import assert from "node:assert/strict";
import { contractCases } from "./all_test.ts";

const FACTS = { S: 16, K: 11, C: 4, D: 5 };
const NO_FILE = "—";
/** A reason of fewer words is none. */
const REASON_WORDS = 5;

type Line = readonly [number: string, fact: string, file: string, text: string];

/** The numbers of all facts. */
function factNumbers(): string[] {
  return Object.entries(FACTS).flatMap(([letter, count]) =>
    Array.from({ length: count }, (_, index) => `${letter}${index + 1}`)
  );
}

/** The lines of the README's tables, but those of the heads. */
function linesOf(readme: string): Line[] {
  return readme.split("\n").filter((line) => /^\| [SKCD]\d/.test(line)).map((line) => {
    const cells = line.split("|").slice(1, -1).map((cell) => cell.trim());
    assert.equal(cells.length, 4, line);
    const [number, fact, file, text] = cells as [string, string, string, string];
    return [number, fact, file.replaceAll("`", ""), text];
  });
}

/** The names of the tests and cases in a file's text, as they stand there. */
function namesIn(text: string): string[] {
  const names = text.matchAll(/(?:(?:[Tt]est|\bfact)\(|\bname:)\s*(["`])(.*?)\1/g);
  return [...names].map(([, , name]) => name!);
}

/** Whether a name is that of a test, which may begin with the label of a server. */
function isNamed(test: string, name: string): boolean {
  return name === test || (name.startsWith("${") && name.endsWith(`: ${test}`));
}

/** What is wrong with a line; undefined if nothing is. */
async function flawOf([number, , file, text]: Line): Promise<string | undefined> {
  if (file === NO_FILE) {
    return text.split(" ").length < REASON_WORDS ? `${number}: no reason` : undefined;
  }
  const source = await Deno.readTextFile(new URL(file, import.meta.url)).catch(() => "");
  if (!namesIn(source).some((name) => isNamed(text, name))) return `${file}: ${text}`;
  // A case that is written and not registered runs nowhere.
  const isOfContract = !file.includes("/");
  const isRun = contractCases.some(({ name }) => name === text);
  return isOfContract && !isRun ? `${file}: ${text} is not among the cases` : undefined;
}

async function flawsOf(lines: readonly Line[]): Promise<string[]> {
  const flaws = await Promise.all(lines.map(flawOf));
  return flaws.filter((flaw) => flaw !== undefined);
}

/** Facts without a line that says what they are, and lines of facts that nobody knows. */
function unmatched(lines: readonly Line[]): string[] {
  const wanted = new Set(factNumbers());
  const told = new Set(lines.filter(([, fact]) => fact !== "").map(([number]) => number));
  const known = lines.map(([number]) => number);
  return [...wanted.difference(told), ...new Set(known).difference(wanted)];
}

Deno.test("every fact about NATS has a line, and each case that a line names is there", async () => {
  const lines = linesOf(await Deno.readTextFile(new URL("README.md", import.meta.url)));
  assert.deepEqual(unmatched(lines), []);
  assert.deepEqual(await flawsOf(lines), []);
});

Deno.test("the lines are in the order of the list", async () => {
  const lines = linesOf(await Deno.readTextFile(new URL("README.md", import.meta.url)));
  assert.deepEqual([...new Set(lines.map(([number]) => number))], factNumbers());
});

Deno.test("planted: a line that names a lost file or case, gives no reason or is missing is found", async () => {
  const sound = "feed: a stream takes more than a thousand consumers";
  const lines = linesOf(
    "| no. | fact | file | case |\n" +
      `| S1 | x | \`feed_lanes_test.ts\` | ${sound} |\n` +
      `| S1 |  | \`feed_acks_test.ts\` | ${sound} |\n` +
      "| S2 | y | `gone_test.ts` | feed: z |\n" +
      "| S3 |  | — | it is so |\n" +
      "| S99 | w | — | it says nothing of a server |\n" +
      "| K1 | v | `../nats/facts_test.ts` | the format of buckets |",
  );
  assert.deepEqual(await flawsOf(lines), [
    `feed_acks_test.ts: ${sound}`,
    "gone_test.ts: feed: z",
    "S3: no reason",
    "../nats/facts_test.ts: the format of buckets",
  ]);
  const told = ["S1", "S2", "K1"];
  const expected = factNumbers().filter((number) => !told.includes(number));
  assert.deepEqual(unmatched(lines), [...expected, "S99"]);
});
