import assert from "node:assert/strict";
import { isPartiError, type PartiError } from "../errors.ts";
import type { AssignmentStrategy, Partition } from "./partition.ts";
import { assign, partitions, workers } from "./strategies/strategy_testing.ts";
import { stickyBalanced } from "./strategies/sticky_balanced.ts";
import { roundRobin } from "./strategies/round_robin.ts";
import { diffAssignment, normalizePartitions, validateAssignment } from "./validate.ts";

const input = { workers: workers(3), partitions: partitions(8), previous: new Map() };
const good = roundRobin()(input);

function refusal(run: () => void): PartiError {
  try {
    run();
  } catch (error) {
    assert.ok(isPartiError(error, "PARTI_INVALID_ASSIGNMENT"), String(error));
    return error;
  }
  assert.fail("it was not refused");
}

Deno.test("validate: a complete assignment passes", () => {
  validateAssignment(input, good);
  validateAssignment({ ...input, partitions: [] }, new Map());
});

Deno.test("validate: faulty strategies are refused, and the first offenders named", () => {
  const faults: [string, AssignmentStrategy, RegExp][] = [
    ["forgets one", () => new Map([...good].slice(1)), /no owner for tenant-0\.p-0$/],
    ["forgets all", () => new Map(), /no owner for tenant-0\.p-0, .*p-4 and 3 more$/],
    ["names the dead", () => new Map(good).set("tenant-0.p-3", "worker-9"), /p-3 at worker-9$/],
    [
      "invents one",
      () => new Map(good).set("tenant-9.p-0", "worker-1"),
      /partitions: tenant-9\.p-0$/,
    ],
    [
      "swaps one for another",
      () => new Map([...good].map(([id, owner], i) => [i === 0 ? "tenant-9.p-0" : id, owner])),
      /no owner for tenant-0\.p-0$/,
    ],
    ["owns nothing to nobody", () => new Map(good).set("tenant-0.p-2", ""), /p-2 at $/],
    [
      "answers with nothing",
      () => undefined as unknown as ReadonlyMap<string, string>,
      /undefined/,
    ],
    ["answers with an array", () => [...good] as unknown as ReadonlyMap<string, string>, /object/],
  ];
  for (const [name, strategy, message] of faults) {
    const error = refusal(() =>
      validateAssignment(input, assign(strategy, input.workers, input.partitions))
    );
    assert.match(error.message, message, name);
    assert.ok(error.hint);
  }
});

const list = (...items: [string[], number?][]): Partition[] =>
  items.map(([keys, weight]) => weight === undefined ? { keys } : { keys, weight });

Deno.test("normalize: sorts, fills in weights, drops repetitions", () => {
  assert.deepEqual(
    normalizePartitions(list([["b"], 2], [["a", "z"]], [["a"]], [["b"], 2], [["a"], 1])),
    [{ id: "a", weight: 1 }, { id: "a.z", weight: 1 }, { id: "b", weight: 2 }],
  );
});

Deno.test("normalize: bad keys, bad weights and contradictions are refused", () => {
  const bad = [
    list([[]]),
    list([[""]]),
    list([["a.b"]]),
    list([["a*"]]),
    list([["a", ">"]]),
    list([["a b"]]),
    list([["a"], 0]),
    list([["a"], -1]),
    list([["a"], NaN]),
    list([["a"], Infinity]),
    list([["a"], 1.001e15]),
    // As they come out of databases and documents, whatever the types say.
    list([["a"], "3" as unknown as number]),
    list([["a"], 3n as unknown as number]),
    list([["a", null as unknown as string]]),
    list([[7 as unknown as string]]),
    [{} as Partition],
    [null as unknown as Partition],
    // Half of a character: as a subject it is the same as any other half.
    list([["\ud83d"]]),
    list([["a"], 2], [["b"]], [["a"]]),
  ];
  for (const one of bad) {
    assert.throws(
      () => normalizePartitions(one),
      (error) => isPartiError(error, "PARTI_INVALID_PARTITION"),
      Deno.inspect(one),
    );
  }
  assert.equal(normalizePartitions(list([["\u{1f600}"]])).length, 1);
  assert.throws(
    () => normalizePartitions(bad.at(-1)!),
    /partition a is listed with weight 2 and with weight 1/,
  );
});

Deno.test("normalize: weights whose sum no number holds are refused; the heaviest that pass are balanced", () => {
  const twenty = (weight: number) =>
    list(...Array.from({ length: 20 }, (_, i): [string[], number] => [[`p-${i}`], weight]));
  assert.throws(() => normalizePartitions(twenty(1e308)), (error) => {
    assert.ok(isPartiError(error, "PARTI_INVALID_PARTITION"));
    assert.match(
      error.message,
      /the weight of p-0 is 1e\+308, not a number above 0 and at most 1e\+15/,
    );
    assert.match(error.hint!, /divide/);
    return true;
  });
  for (const weight of [1e15, Number.MIN_VALUE]) {
    const partitions = normalizePartitions(twenty(weight));
    const owners = stickyBalanced()({ workers: workers(3), partitions, previous: new Map() });
    const counts = [...Map.groupBy(owners.values(), (owner) => owner).values()];
    assert.deepEqual(counts.map(({ length }) => length).sort(), [6, 7, 7], String(weight));
  }
});

Deno.test("diff: tells what came, went and moved", () => {
  const before = new Map([["a", "w-1"], ["b", "w-1"], ["c", "w-2"], ["d", "w-2"]]);
  const after = new Map([["e", "w-3"], ["c", "w-1"], ["b", "w-3"], ["a", "w-1"]]);
  assert.deepEqual(diffAssignment(before, after, new Map([["b", 5]])), {
    added: ["e"],
    removed: ["d"],
    moved: ["b", "c"],
    movedWeight: 6,
  });
  assert.deepEqual(diffAssignment(before, before), {
    added: [],
    removed: [],
    moved: [],
    movedWeight: 0,
  });
});
