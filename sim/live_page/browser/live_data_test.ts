import assert from "node:assert/strict";
import { cellsFor, gridHeight } from "./cells.js";
import { LiveData } from "./live_data.js";

/** A message in which nothing is new but the changes. */
function message(changes: object = {}) {
  return {
    ...{ status: {}, range: [0, 1] as [number, number], workers: [], events: [], log: [] },
    samples: { from: 0, columns: {} },
    owners: { partitions: 3, removed: [], names: [], at: [], partition: [], owner: [] },
    ...changes,
  };
}

Deno.test("live data: the last sample is replaced, what is new is added, arrays stay the same", () => {
  const data = new LiveData();
  assert.equal(data.take(message({ facts: {} })), true);
  data.take(message({ samples: { from: 0, columns: { at: [1, 2], sent: [5, 6] } } }));
  const { samples } = data.pictures;
  assert.equal(
    data.take(message({ samples: { from: 1, columns: { at: [2, 3], sent: [7, null] } } })),
    false,
  );
  assert.equal(data.pictures.samples, samples);
  assert.deepEqual([samples["at"], samples["sent"]], [[1, 2, 3], [5, 7, null]]);
});

Deno.test("live data: who has what now, since when, and how often that changed", () => {
  const data = new LiveData();
  data.take(message({ facts: {} }));
  const before = data.changes;
  const owners = { partitions: 4, removed: [2], names: ["worker-0", "worker-1"] };
  data.take(
    message({ owners: { ...owners, at: [1, 2, 3], partition: [0, 1, 0], owner: [0, 1, -1] } }),
  );
  assert.deepEqual([data.current, data.since], [[-1, 1], [3, 2]]);
  assert.equal(data.changes, before + 4);
  assert.deepEqual([...data.removed], [2]);
  assert.equal(data.pictures.owners.partitions, 4);
});

Deno.test("live data: events are told again when they change; skipped ones are in no picture", () => {
  const data = new LiveData();
  const event = { number: 1, at: 2, until: null, type: "worker_crash", target: "worker-0" };
  const open = { ...event, open: true, skipped: null, failed: null };
  const skipped = { ...open, number: 2, open: false, skipped: "nobody there" };
  data.take(message({ facts: {}, range: [0, 9], events: [open, skipped] }));
  assert.deepEqual(data.pictures.events, [
    { number: 1, at: 2, text: "worker_crash worker-0", until: 9 },
  ]);
  data.take(message({ range: [0, 10], events: [{ ...open, open: false, until: 5 }] }));
  assert.equal(data.pictures.events[0]!.until, 5);
  assert.equal(data.events.length, 2);
});

Deno.test("live data: events stay in the order in which they happened, whatever their numbers", () => {
  const data = new LiveData();
  const event = { at: 2, until: null, type: "leader_failure", target: "", open: true };
  const [third, second] = [3, 2].map((number) => ({
    ...{ ...event, number, skipped: null, failed: null },
  }));
  const numbers = () => data.events.map(({ number, open }) => [number, open]);
  data.take(message({ facts: {}, events: [third] }));
  assert.deepEqual(numbers(), [[3, true]]);
  data.take(message({ events: [second] }));
  data.take(message({ events: [{ ...third, open: false }] }));
  assert.deepEqual(numbers(), [[3, false], [2, true]]);
  assert.deepEqual(data.pictures.events.map(({ number }) => number), [3, 2]);
  data.take(message({ facts: {}, events: [second] }));
  assert.deepEqual(numbers(), [[2, true]], "another run");
});

Deno.test("live data: another run begins anew, and what was said is bounded", () => {
  const data = new LiveData();
  const log = Array.from({ length: 150 }, (_, atMs) => ({ atMs, tag: "INFO", text: "" }));
  data.take(message({ facts: {}, log }));
  data.take(message({ log, samples: { from: 0, columns: { at: [1] } } }));
  assert.equal(data.said.length, 200);
  data.take(message({ facts: {} }));
  assert.deepEqual([data.said, data.events, data.current], [[], [], []]);
  assert.deepEqual(data.pictures.samples["at"], []);
});

Deno.test("cells: as large as there is room, all of them, however many", () => {
  for (const count of [0, 1, 12, 100, 1_500, 100_000]) {
    for (const width of [1, 300, 602, 1_200]) {
      const { cell, columns } = cellsFor(width, count);
      assert.ok(cell >= 3 && cell <= 46);
      assert.ok(columns * cell <= Math.max(width, cell));
      assert.ok(gridHeight(width, count) / cell * columns >= count);
    }
  }
  assert.ok(gridHeight(602, 1_500) <= 384);
});
