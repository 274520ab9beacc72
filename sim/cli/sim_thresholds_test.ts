import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { isOverloaded } from "../measure/machine_load.ts";
import { sim, SMALL } from "./sim_rig_test.ts";

Deno.test("a run that does not keep to a threshold fails; on an overloaded machine it could not be verified", async () => {
  const limits = ["--set", "thresholds.startup.allStableMs=0.01", "--set"];
  const { code, stdout, stderr, report } = await sim(
    ...[...SMALL, ...limits, "thresholds.messages.lost=== 0"],
  );
  assert.ok(report !== undefined, stderr);
  const overloaded = isOverloaded(report.machine);
  assert.equal(code, overloaded ? 2 : 1, stdout);
  assert.equal(report.verdict, overloaded ? "unknown" : "fail");
  assert.match(
    report.reasons[0]!,
    /^threshold failed: startup\.allStableMs <= 0\.01ms, but it is \d+ms$/,
  );
  assert.match(stdout, /^Thresholds: {7}1 of 2 hold$/m);
  assert.match(stdout, /^ {2}holds: {10}messages\.lost == 0: 0$/m);
  assert.match(stdout, /^ {2}fails: {10}startup\.allStableMs <= 0\.01ms: \d+ms$/m);
});

/** A run that would take minutes. */
const LONG = ["--duration", "5m", "--seed", "5"];

Deno.test("planted: a threshold with abortOnFail ends a long run early, with exit 1", async () => {
  const limit = "thresholds.messages.sent={ threshold: < 100, abortOnFail: true }";
  const { code, stdout, stderr, report } = await sim(...SMALL, ...LONG, "--set", limit);
  assert.ok(report !== undefined, stderr);
  assert.equal(code, 1, stdout);
  assert.equal(report.verdict, "fail");
  assert.equal(report.reasons.length, 1, report.reasons.join());
  assert.match(
    report.reasons[0]!,
    /^threshold failed: messages\.sent < 100, but it is \d+; the run was ended at once$/,
  );
  assert.ok(report.durationMs < 60_000, `${report.durationMs}`);
  assert.equal(report.thresholds[0]!.endedRun, true);
  assert.ok(report.thresholds[0]!.actual! >= 100);
});

Deno.test("a lost message ends a long run early, if that is asked for", async () => {
  const limit = "thresholds.messages.lost={ threshold: == 0, abortOnFail: true }";
  const { code, stdout, stderr, report } = await sim(
    ...[...SMALL, ...LONG, "--set", limit, "--fault", "lose"],
  );
  assert.ok(report !== undefined, stderr);
  assert.equal(code, 1, stdout);
  assert.deepEqual(report.reasons, [
    "1 lost: sent, gone from the feed, and without an effect",
    "threshold failed: messages.lost == 0, but it is 1; the run was ended at once",
  ]);
  assert.equal(report.messages.lost, 1);
  assert.ok(report.durationMs < 60_000, `${report.durationMs}`);
});

Deno.test("a figure that the report does not have: file, line and key, exit 3, nothing run", async () => {
  using folder = new TempDir();
  const file = folder.write("my.yaml", 'thresholds:\n  messages.lots: "== 0"\n');
  const { code, stdout, stderr, report } = await sim("--config", file);
  assert.equal(code, 3);
  assert.equal(report, undefined);
  assert.equal(stdout, "");
  assert.ok(
    stderr.startsWith(
      `error: ${file}:2:18: thresholds.messages.lots: unknown figure; did you mean messages.lost?`,
    ),
    stderr,
  );
});
