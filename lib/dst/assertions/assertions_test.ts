import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import { Assertions } from "./assertions.ts";
import {
  always,
  alwaysAtLeast,
  alwaysAtMost,
  alwaysOrUnreachable,
  type Catalog,
  combineCatalogs,
  reachable,
  sometimes,
  sometimesAtLeast,
  sometimesEach,
  unreachable,
} from "./catalog.ts";

const catalog = {
  "one leader": always("at most one leads"),
  "healed": alwaysOrUnreachable("what was healed is whole"),
  "conflict": sometimes("a conflict is seen"),
  "crash": reachable("somebody crashes"),
  "two owners": unreachable("two own one thing"),
  "latency": alwaysAtMost(100, "milliseconds"),
  "room": alwaysAtLeast(1, "places left"),
  "crowd": sometimesAtLeast(3, "workers at once"),
  "states": sometimesEach(["idle", "busy"], "states"),
} as const;

function make(): { broken: [string, string][]; assertions: Assertions<typeof catalog> } {
  const broken: [string, string][] = [];
  const onBroken = (name: string, message: string) => void broken.push([name, message]);
  return { broken, assertions: new Assertions(catalog, onBroken) };
}

Deno.test("what holds breaks nothing and is counted", () => {
  const { broken, assertions } = make();
  assertions.always("one leader", true);
  assertions.alwaysOrUnreachable("healed", true);
  assertions.sometimes("conflict", false);
  assertions.sometimes("conflict", true);
  assertions.reachable("crash");
  assertions.alwaysAtMost("latency", 40);
  assertions.alwaysAtMost("latency", 100);
  assertions.alwaysAtLeast("room", 7);
  assertions.alwaysAtLeast("room", 1);
  assertions.sometimesAtLeast("crowd", 2);
  assertions.sometimesAtLeast("crowd", 5);
  assertions.sometimesAtLeast("crowd", 3);
  assertions.sometimesEach("states", "idle");
  assertions.sometimesEach("states", "idle");
  assert.deepEqual(broken, []);
  const none = { watermark: null, keys: {} };
  assert.deepEqual(assertions.tallies(), {
    "one leader": { evaluated: 1, held: 1, notHeld: 0, ...none },
    "healed": { evaluated: 1, held: 1, notHeld: 0, ...none },
    "conflict": { evaluated: 2, held: 1, notHeld: 1, ...none },
    "crash": { evaluated: 1, held: 1, notHeld: 0, ...none },
    "two owners": { evaluated: 0, held: 0, notHeld: 0, ...none },
    "latency": { evaluated: 2, held: 2, notHeld: 0, watermark: 100, keys: {} },
    "room": { evaluated: 2, held: 2, notHeld: 0, watermark: 1, keys: {} },
    "crowd": { evaluated: 3, held: 2, notHeld: 1, watermark: 5, keys: {} },
    "states": { evaluated: 2, held: 2, notHeld: 0, watermark: null, keys: { idle: 2 } },
  });
});

Deno.test("what does not hold is told with its name and what was seen", () => {
  const { broken, assertions } = make();
  assertions.always("one leader", false, "a and b lead");
  assertions.always("one leader", false);
  assertions.alwaysOrUnreachable("healed", false, () => "in two");
  assertions.unreachable("two owners");
  assertions.alwaysAtMost("latency", 101, () => "of p-3");
  assertions.alwaysAtMost("latency", Number.NaN);
  assertions.alwaysAtLeast("room", 0);
  assert.deepEqual(broken, [
    ["one leader", "a and b lead"],
    ["one leader", "at most one leads"],
    ["healed", "in two"],
    ["two owners", "two own one thing"],
    ["latency", "101 is not ≤ 100: of p-3"],
    ["latency", "NaN is not ≤ 100"],
    ["room", "0 is not ≥ 1"],
  ]);
  assert.equal(assertions.tallies()["latency"]?.watermark, 101);
});

Deno.test("a detail is not made while all is well", () => {
  const { assertions } = make();
  const detail = () => assert.fail("made for nothing");
  assertions.always("one leader", true, detail);
  assertions.alwaysAtMost("latency", 1, detail);
  assertions.sometimesEach("states", "busy", detail);
});

Deno.test("a name that was not declared does not compile, and breaks the run if it gets there", () => {
  const { broken, assertions } = make();
  // @ts-expect-error: there is no such name.
  assertions.always("one leadr", true);
  // @ts-expect-error: it was declared as another kind.
  assertions.sometimes("one leader", true);
  // @ts-expect-error: there is no such key.
  assertions.sometimesEach("states", "asleep", "of worker-1");
  // @ts-expect-error: one that every object has.
  assertions.always("constructor", true);
  assert.deepEqual(broken, [
    ["one leadr", "used as always, but not declared"],
    ["one leader", "used as sometimes, but declared as always"],
    ["states", '"asleep" is not among the declared keys: of worker-1'],
    ["constructor", "used as always, but not declared"],
  ]);
});

Deno.test("tallies are a copy", () => {
  const { assertions } = make();
  const before = assertions.tallies();
  assertions.sometimesEach("states", "idle");
  assert.deepEqual(before["states"]?.keys, {});
});

const wrong: [string, Catalog][] = [
  ["an empty name", { " ": always("x") }],
  ['the bound of "a" is not a number', { a: alwaysAtMost(Number.NaN, "x") }],
  ['"a" has no keys', { a: sometimesEach([], "x") }],
  ['"a" has a key twice', { a: sometimesEach(["k", "k"], "x") }],
];
for (const [message, declarations] of wrong) {
  Deno.test(`a catalog that makes no sense is refused: ${message}`, () => {
    const isMistake = (error: unknown) =>
      error instanceof PartiError && error.code === "PARTI_INVALID_CONFIG" &&
      error.message.includes(message);
    assert.throws(() => new Assertions(declarations, () => {}), isMistake);
  });
}

Deno.test("catalogs are combined if no name is in both", () => {
  const both = combineCatalogs({ a: always("x") }, { b: reachable("y") });
  new Assertions(both, () => {}).reachable("b");
  assert.throws(
    () => combineCatalogs({ a: always("x"), b: always("x") }, { b: reachable("y") }),
    /declared twice: b/,
  );
});
