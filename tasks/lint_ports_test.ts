import assert from "node:assert/strict";
import plugin, { isUnderRule } from "./lint_ports.ts";

function complaints(source: string, file = "lib/some/thing.ts"): string[] {
  return Deno.lint.runPlugin(plugin, file, source).map((diagnostic) =>
    diagnostic.message.split(" ")[0] ?? ""
  );
}

/** Each one is a fault, and the name that the rule has to give it. */
const faults: [string, string][] = [
  ["Deno.exit(1)", "Deno"],
  ["const id = setTimeout(() => {}, 10)", "setTimeout"],
  ["setInterval(() => {}, 10)", "setInterval"],
  ["setImmediate(() => {})", "setImmediate"],
  ["const f = { later: setTimeout }", "setTimeout"],
  ["const f = { setTimeout }", "setTimeout"],
  ["const now = Date.now()", "Date.now"],
  ["const now = Date['now']()", "Date.now"],
  ["const now = new Date()", "Date"],
  ["const at = new Date(0)", "Date"],
  ["const D = Date", "Date"],
  ["performance.now()", "performance"],
  ["Math.random()", "Math.random"],
  ["Math['random']()", "Math.random"],
  ["const { random } = Math", "Math"],
  ["const m = Math; m.random()", "Math"],
  ["Math[name]()", "Math"],
  ["Math['ran' + 'dom']()", "Math"],
  ["f(Math)", "Math"],
  ["const all = { Math }", "Math"],
  ["export { Math as maths }", "Math"],
  ["const pick = numbers[Math]", "Math"],
  ["crypto.randomUUID()", "crypto"],
  ["await fetch('/')", "fetch"],
  ["new WebSocket('ws://x')", "WebSocket"],
  ["AbortSignal.timeout(10)", "AbortSignal.timeout"],
  ["AbortSignal['timeout'](10)", "AbortSignal.timeout"],
  ["const { timeout } = AbortSignal", "AbortSignal"],
  ["const A = AbortSignal; A.timeout(10)", "AbortSignal"],
  ["Date[UTC]()", "Date"],
  ["Atomics.waitAsync(view, 0, 0)", "Atomics"],
  ["Atomics.wait(view, 0, 0)", "Atomics"],
  ["const { waitAsync } = Atomics", "Atomics"],
  ["const { port1 } = new MessageChannel()", "MessageChannel"],
  ["new Worker('x.ts')", "Worker"],
  ["const ref = new WeakRef(thing)", "WeakRef"],
  ["new FinalizationRegistry(() => {})", "FinalizationRegistry"],
  ["new Intl.DateTimeFormat().format()", "Intl"],
  ["await new Blob([]).text()", "Blob"],
  ["new CompressionStream('gzip')", "CompressionStream"],
  ["globalThis.setTimeout(() => {}, 1)", "globalThis"],
  ["globalThis['setTimeout'](() => {}, 1)", "globalThis"],
  ["globalThis['set' + 'Timeout'](() => {}, 1)", "globalThis"],
  ["const { setTimeout: later } = globalThis", "globalThis"],
  ["Reflect.get(globalThis, name)", "globalThis"],
  ["global.setTimeout(() => {}, 1)", "global"],
  ["self.setTimeout(() => {}, 1)", "self"],
  ["self['set' + 'Timeout'](() => {}, 1)", "self"],
  ["const { setTimeout: later } = self", "self"],
  ["const world = self", "self"],
  ["eval('Date.now()')", "eval"],
  ["new Function('return Date.now()')()", "Function"],
  ["process.exit()", "process"],
  ["import { readFile } from 'node:fs/promises'; readFile", "node:fs/promises"],
  ["import 'node:fs'", "node:fs"],
  ["export * from 'node:fs'", "node:fs"],
  ["export { join } from 'node:path'", "node:path"],
  ["await import('node:fs')", "node:fs"],
  ["await import(`node:fs`)", "import()"],
  ["await import(name)", "import()"],
  ["import { connect } from '@nats-io/transport-node'; connect", "@nats-io/transport-node"],
];

for (const [source, name] of faults) {
  Deno.test(`the ports rule finds: ${source}`, () => {
    assert.deepEqual(complaints(source), [name]);
  });
}

const harmless = [
  "// setTimeout, Date.now() and Deno.exit()",
  "const text = 'setTimeout Date.now()' + `Math.random() crypto.subtle`",
  "clock.setTimeout(10)",
  "port.fetch(10)",
  "class Feed { fetch(count: number) { return count; } performance = 1; }",
  "interface Feed { fetch(count: number): void; crypto: string }",
  "const options = { fetch: 1, crypto: 2 }",
  "const at: Date = stored; const all: Map<string, Date> = new Map()",
  "Date.UTC(2020, 1); Date.parse('2020-01-01')",
  "Math.floor(1.5); Math['floor'](1.5); Math.PI",
  "const both = AbortSignal.any([AbortSignal.abort(), signal])",
  "const f = (signal: AbortSignal): signal is AbortSignal => true; type M = typeof Math",
  "const { self } = options; self.instance; f(self)",
  "const { instance: self } = options; f(self)",
  "const f = (self: string, ...window: string[]) => self + window",
  "for (const [self = 1] of all) f(self)",
  "options.self.instance; const of = { self: 1 }",
  "queueMicrotask(() => {})",
  "import type { NatsConnection } from '@nats-io/nats-core'; type C = NatsConnection",
  "import { clock } from './setTimeout.ts'; clock",
];

for (const source of harmless) {
  Deno.test(`the ports rule lets pass: ${source}`, () => {
    assert.deepEqual(complaints(source), []);
  });
}

Deno.test("the ports rule knows its files", () => {
  const here = new URL("..", import.meta.url).pathname;
  const under = ["lib/manager/manager.ts", "lib/ports/clock.ts", "lib/dst/kernel.ts"];
  for (const file of [...under, "lib/session/client.ts", "lib/session/clip.ts"]) {
    assert.ok(isUnderRule(file), file);
    assert.ok(isUnderRule(here + file), file);
  }
  const exempt = [
    "lib/ports/nats/clock.ts",
    "lib/test_support/rig.ts",
    "lib/manager/manager_test.ts",
    "lib/assignment/strategies/xxh3_bench.ts",
    "tasks/spawn.ts",
    "sim/lib/x.ts",
  ];
  for (const file of exempt) {
    assert.ok(!isUnderRule(file), file);
    assert.ok(!isUnderRule(here + file), file);
    assert.deepEqual(complaints("Deno.exit(1)", file), []);
  }
});
