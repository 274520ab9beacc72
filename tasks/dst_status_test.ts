import assert from "node:assert/strict";
import { reachable } from "../lib/dst/assertions/catalog.ts";
import { emptySummary } from "../lib/dst/summary.ts";
import { replayCommand } from "./dst_files.ts";
import { showCount, showPace, Status } from "./dst_status.ts";

function watch(terminal: boolean) {
  const clock = { ms: 0 };
  const written: string[] = [];
  const write = (text: string) => void written.push(text);
  const status = new Status({ write, terminal, columns: () => 30, now: () => clock.ms });
  return { clock, written, status };
}

Deno.test("on a terminal one line is written over, from two seconds on", () => {
  const { clock, written, status } = watch(true);
  const text = () => `at ${clock.ms} ${"x".repeat(50)}`;
  for (clock.ms = 0; clock.ms < 2_500; clock.ms += 50) status.update(text);
  status.clear();
  status.clear();
  assert.equal(written[0], `\r\x1b[2K${"at 2000 ".padEnd(29, "x")}`);
  assert.deepEqual(written.map((line) => line.slice(0, 11)), [
    ...["\r\x1b[2Kat 200", "\r\x1b[2Kat 220", "\r\x1b[2Kat 240"].map((line) => line.slice(0, 11)),
    "\r\x1b[2K",
  ]);
});

Deno.test("elsewhere there is a plain line now and then", () => {
  const { clock, written, status } = watch(false);
  for (clock.ms = 0; clock.ms < 25_000; clock.ms += 500) status.update(() => `at ${clock.ms}`);
  status.clear();
  assert.deepEqual(written, ["at 2000\n", "at 12000\n", "at 22000\n"]);
});

Deno.test("the pace is for people", () => {
  const empty = emptySummary({ x: reachable("y") });
  const summary = { ...empty, runs: 200, events: 1_234_567, virtualMs: 12_000_000 };
  assert.equal(
    showPace(summary, 3_200),
    "200 seeds in 3.2s (63/s) · 1.2M events (386k/s) · 3h20m simulated (3750× real time)",
  );
  const counts = [0, 1, 0.25, 9.94, 12.4, 9_999, 10_400, 9_990_000, 12_300_000];
  assert.deepEqual(counts.map(showCount), [
    ...["0", "1", "0.3", "9.9", "12", "9999", "10k", "10.0M", "12M"],
  ]);
});

Deno.test("a command can be copied into a shell", () => {
  const again = { workload: "core", seed: 7, twice: false };
  const plain = replayCommand(again, { registry: undefined, seedLimit: undefined }, false);
  assert.equal(plain, "deno task dst --workload core --seed 7 --trace");
  const quoted = { plan: "my plans/it's.json", twice: true };
  assert.equal(
    replayCommand(quoted, { registry: "r.ts", seedLimit: "2s" }, true),
    `parti dst --registry r.ts --plan 'my plans/it'\\''s.json' --seed-limit 2s --twice --trace`,
  );
});
