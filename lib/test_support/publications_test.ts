import assert from "node:assert/strict";
import { encodeJson } from "../codec.ts";
import { Publications } from "./publications.ts";

let revision = 0;

function published(
  epoch: number,
  generation: number,
  leader: string,
  workers: Record<string, string[]> = {},
) {
  return {
    key: "current",
    revision: ++revision,
    operation: "put" as const,
    value: encodeJson({
      epoch,
      generation,
      leader: { worker: leader, instance: leader },
      reason: "planned_scale",
      workers: Object.entries(workers).map(([instance, partitions]) => ({ instance, partitions })),
    }),
  };
}

function seen(...entries: ReturnType<typeof published>[]): Publications {
  const publications = new Publications();
  for (const entry of entries) publications.take(entry);
  return publications;
}

Deno.test("an orderly history is right, and generations leave out takeovers", () => {
  const history = seen(
    published(3, 0, "a"),
    published(3, 1, "a", { a: ["p"], b: ["q"] }),
    published(9, 1, "b"),
    published(9, 2, "b"),
  );
  assert.deepEqual(history.violations, []);
  assert.deepEqual(history.generations.map((one) => one.generation), [1, 2]);
});

Deno.test("planted: every disorder in what is published is seen", () => {
  const of = (...entries: ReturnType<typeof published>[]) => seen(...entries).violations.join("\n");
  assert.match(of(published(3, 1, "a"), published(2, 2, "b")), /after epoch 3/);
  assert.match(of(published(3, 5, "a"), published(4, 4, "b")), /after generation 5/);
  assert.match(of(published(3, 1, "a"), published(3, 1, "a")), /of the same epoch/);
  assert.match(of(published(3, 1, "a"), published(3, 3, "a")), /of the same epoch/);
  assert.match(of(published(3, 1, "a"), published(3, 2, "b")), /wrote in one epoch/);
  assert.match(of(published(3, 1, "a"), published(4, 2, "b")), /before taking it over/);
  assert.match(of(published(3, 1, "a", { a: ["p"], b: ["p"] })), /p has two owners/);
});
