import assert from "node:assert/strict";
import { SimulationFailure } from "../kernel/failure.ts";
import { installStubs, type StubOptions } from "./stubs.ts";
import { findWays } from "./ways_out.ts";

/** Does something behind the stubs, and tells what escaped. */
function behindStubs(act: () => void, options: StubOptions = {}): SimulationFailure[] {
  const escapes: SimulationFailure[] = [];
  const host = {
    nowMs: () => 12.5,
    onEscape: (failure: SimulationFailure) => escapes.push(failure),
  };
  const putBack = installStubs(host, options);
  try {
    act();
  } finally {
    putBack();
  }
  return escapes;
}

/** What is where now, by name. */
function snapshot(): Map<string, PropertyDescriptor> {
  return new Map(findWays().map(({ name, original }) => [name, original]));
}

Deno.test("every way out is closed, reported with its name and place, and open again afterwards", () => {
  const before = snapshot();
  const ways = findWays();
  assert.ok(ways.length > 120, `${ways.length} ways were found`);
  for (const { name, holder, key, kind } of ways) {
    const use = () => {
      const value = Reflect.get(holder, key);
      if (kind !== "value") value.call(holder);
    };
    const [escape, ...more] = behindStubs(() => assert.throws(use, SimulationFailure, name));
    assert.deepEqual([escape?.check, escape?.kind, escape?.atMs], [name, "escape", 12.5]);
    assert.match(escape!.message, /stubs_test\.ts:\d+:\d+\)?$/);
    assert.deepEqual(more, []);
  }
  assert.deepEqual(snapshot(), before);
});

Deno.test("what the requirements name is among the ways", () => {
  const names = new Set(findWays().map(({ name }) => name));
  const named = [
    ...["setTimeout", "setInterval", "setImmediate", "Date", "Date.now", "performance.now"],
    ...["Math.random", "crypto.getRandomValues", "crypto.randomUUID", "crypto.subtle.digest"],
    ...["AbortSignal.timeout", "MessageChannel", "fetch", "WebSocket", "WeakRef", "Worker"],
    ...["FinalizationRegistry", "Temporal.Now.instant", "BroadcastChannel", "Atomics.waitAsync"],
    ...["Deno.connect", "Deno.readFile", "Deno.Command", "Deno.listen", "Deno.serve", "Deno.open"],
    ...["Deno.resolveDns", "Deno.pid", "process.hrtime", "WebAssembly.instantiate"],
    ...["Intl.DateTimeFormat", "Blob.prototype.text", "performance.timeOrigin"],
    ...["performance.toJSON", "File.prototype.lastModified", "process.getBuiltinModule"],
    ...["URL.createObjectURL", "PerformanceMark"],
  ];
  assert.deepEqual(named.filter((name) => !names.has(name)), []);
});

Deno.test("classes are closed with `new`, and their members too", () => {
  const uses: [string, () => unknown][] = [
    ["WeakRef", () => new WeakRef({})],
    ["FinalizationRegistry", () => new FinalizationRegistry(() => {})],
    ["MessageChannel", () => new MessageChannel()],
    ["WebSocket", () => new WebSocket("ws://localhost")],
    ["Worker", () => new Worker("data:text/javascript,")],
    ["Deno.Command", () => new Deno.Command("true")],
    ["process.hrtime.bigint", () => process.hrtime.bigint()],
    ["Date", () => new Date()],
    ["Date", () => Date()],
    ["Date.now", () => Date.now()],
    ["Date", () => new (class extends Date {})()],
    ["Date.prototype.constructor", () => Reflect.construct(new Date(0).constructor, [])],
    ["Intl.DateTimeFormat", () => new Intl.DateTimeFormat().format()],
  ];
  for (const [name, use] of uses) {
    const escapes = behindStubs(() => assert.throws(use, SimulationFailure));
    assert.deepEqual(escapes.map(({ check }) => check), [name]);
  }
});

Deno.test("a date that is given its time is a date as before", () => {
  const epoch = new Date(0);
  const escapes = behindStubs(() => {
    const date = new Date(2026, 0, 1, 12);
    assert.ok(date instanceof Date && epoch instanceof Date);
    assert.equal(new Date(date).getTime(), date.getTime());
    assert.equal(new Date("2026-01-01T00:00:00Z").getTime(), Date.UTC(2026, 0));
    assert.equal(Date.parse("1970-01-01T00:00:01Z"), 1_000);
    assert.deepEqual(structuredClone(epoch), epoch);
    assert.equal(new Date(5).toISOString(), "1970-01-01T00:00:00.005Z");
    assert.ok(new (class extends Date {})(5) instanceof Date);
    assert.deepEqual([Date.name, Deno.inspect(epoch)], ["Date", "1970-01-01T00:00:00.000Z"]);
  });
  assert.deepEqual(escapes, []);
});

Deno.test("what tests and logs need goes on: console, assertions, inspection, errors, abort signals", async (t) => {
  const escapes = behindStubs(() => {
    // deno-lint-ignore no-console -- an empty line is all that shows
    console.error("");
    Deno.inspect({ deep: [new Map([[1, new Date(5)]])], promise: Promise.resolve(new Error("x")) });
    for (const fails of [() => assert.ok(false), () => assert.deepEqual({ a: 1 }, { a: [2] })]) {
      assert.throws(fails, (error) => (error as Error).stack!.includes("stubs_test.ts"));
    }
    const abort = new AbortController();
    const heard: string[] = [];
    const any = AbortSignal.any([abort.signal]);
    any.addEventListener("abort", () => heard.push("any"));
    abort.abort();
    assert.deepEqual(heard, ["any"]);
    new URL("nats://localhost:4222");
    new TextDecoder().decode(new TextEncoder().encode("text"));
    new Event("event");
  });
  assert.deepEqual(escapes, []);
  const putBack = installStubs({ nowMs: () => 0, onEscape: (failure) => assert.fail(failure) });
  try {
    await t.step("a step of a test begins and ends behind the stubs", () => {});
  } finally {
    putBack();
  }
});

Deno.test("what is allowed stays, with its members; what is replaced is what was given", () => {
  const { Date: RealDate } = globalThis;
  const allow = ["Date", "crypto.subtle", "Deno.readFile"];
  const replace = { "Math.random": () => 0.25 };
  const escapes = behindStubs(() => {
    assert.equal(Date, RealDate);
    assert.ok(Date.now() > 0);
    assert.equal(typeof crypto.subtle.digest, "function");
    assert.equal(Math.random(), 0.25);
    assert.throws(() => crypto.randomUUID(), SimulationFailure);
    assert.throws(() => Deno.readFileSync("x"), SimulationFailure);
  }, { allow, replace });
  assert.deepEqual(escapes.map(({ check }) => check), ["crypto.randomUUID", "Deno.readFileSync"]);
  assert.notEqual(Math.random(), Math.random());
});

Deno.test("a name that is no way out is a mistake, not a permission that does nothing", () => {
  assert.throws(() => behindStubs(() => {}, { allow: ["Math.rand"] }), /Math\.rand/);
  assert.throws(() => behindStubs(() => {}, { replace: { "Tate": 5 } }), /Tate/);
  assert.equal(typeof Math.random(), "number");
});

Deno.test("guards may stand within each other and go in any order; the innermost decides and is told", () => {
  const before = snapshot();
  const told: string[] = [];
  const guard = (name: string, options: StubOptions = {}) =>
    installStubs(
      { nowMs: () => 0, onEscape: ({ check }) => told.push(`${name}: ${check}`) },
      options,
    );
  const random = () => assert.throws(() => Math.random(), SimulationFailure);
  const outer = guard("outer");
  random();
  const inner = guard("inner", { allow: ["Date"] });
  random();
  assert.ok(Date.now() > 0);
  inner();
  assert.throws(() => Date.now(), SimulationFailure);
  const innermost = guard("innermost");
  outer();
  outer();
  random();
  innermost();
  innermost();
  const expected = ["outer: Math.random", "inner: Math.random", "outer: Date.now"];
  assert.deepEqual(told, [...expected, "innermost: Math.random"]);
  assert.deepEqual(snapshot(), before);
});

Deno.test("globals that a test has replaced before are put back as they were", () => {
  const { random } = Math;
  const fake = () => 0.5;
  Math.random = fake;
  try {
    behindStubs(() => assert.throws(() => Math.random(), SimulationFailure));
    assert.equal(Math.random, fake);
  } finally {
    Math.random = random;
  }
});
