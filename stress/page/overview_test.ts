import assert from "node:assert/strict";
import { resultWith } from "../results/result_rig_test.ts";
import { overview } from "./overview.ts";

Deno.test("overview: a row for each case with a size, a column for each figure of any of them", () => {
  const { cases } = resultWith({
    "memory/baseline": { heap: [13] },
    "memory/1w-100p": { heap: [1, 2, 3] },
    "memory/50w-500p": { heap: [9.8], start: [1_233] },
  });
  const sized = cases.map((one, at) =>
    at === 0 ? one : { ...one, size: { workers: at, partitions: 100 * at } }
  );
  const { text } = overview("memory", sized);
  const cells = (tag: string) =>
    [...text.matchAll(new RegExp(`<${tag}[^>]*>([^<]*)</${tag}>`, "g"))].map(([, cell]) => cell);
  assert.deepEqual(cells("th"), [
    ...["Configuration", "Workers", "Partitions", "heap, MB", "start, ms"],
  ]);
  assert.deepEqual(cells("td"), [
    ...["1w-100p", "1", "100", "2", "—", "50w-500p", "2", "200", "9.8", "1,233"],
  ]);
  assert.equal(overview("memory", cases).text, "");
});
