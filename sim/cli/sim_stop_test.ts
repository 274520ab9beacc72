import assert from "node:assert/strict";
import { SAME_MS } from "../../tasks/interruptible.ts";
import { findLeftovers } from "../../tasks/leftovers.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { selfArguments } from "../../tasks/spawn.ts";
import { until } from "../../tasks/until.ts";
import type { SimReport } from "../report/report.ts";
import { processesOf, SMALL } from "./sim_rig_test.ts";

/** So long the seeds give a run to stop. */
const STOP_MS = 30_000;
/** At once, on a machine where others work, too. */
const AT_ONCE_MS = 5_000;

/** When a signal is sent: as soon as this was written. */
interface Sent {
  readonly after: RegExp;
  readonly signal: Deno.Signal;
}

/** Runs a simulation of a minute, and stops it. */
async function stopped(...signals: Sent[]) {
  using temp = new TempDir();
  const name = crypto.randomUUID().slice(0, 23);
  const out = `${temp.path}/out`;
  const named = ["--duration", "60s", "--set", `simulation.name=${name}`, "--out", out];
  const child = new Deno.Command(Deno.execPath(), {
    args: selfArguments(["sim", ...SMALL, ...named], ["--allow-all"]),
    env: { NO_COLOR: "1", TMPDIR: temp.path },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let text = "";
  let signalledMs = 0;
  const waiting = [...signals];
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    while (waiting[0]?.after.test(text)) {
      // What comes sooner is the same Ctrl-C.
      const againMs = signalledMs + SAME_MS;
      await until("it is another one", () => performance.now() > againMs);
      signalledMs = performance.now();
      const { signal } = waiting.shift()!;
      const isRunning = await Promise.race([child.status, undefined]) === undefined;
      if (isRunning) child.kill(signal);
    }
  }
  const { code } = await child.status;
  const tookMs = performance.now() - signalledMs;
  assert.deepEqual(waiting, [], text);
  await until("nobody is left", async () => (await processesOf(name)).length === 0);
  const report: SimReport | undefined = await Deno.readTextFile(`${out}/report.json`)
    .then(JSON.parse, () => undefined);
  await Deno.remove(out, { recursive: true });
  // The server's directory would be there, too; who guards it removes it a moment after the end.
  await until("no file is left", async () => (await findLeftovers(temp.path)).length === 0);
  return { code, tookMs, text, report };
}

const PHASES: [string, RegExp][] = [
  ["at the start", /Started 3 workers/],
  ["under load", /\] load /],
];

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  for (const [when, after] of PHASES) {
    Deno.test(`${signal} ${when} ends a run soon, with a verdict, and nothing is left`, async () => {
      const { code, tookMs, text, report } = await stopped({ after, signal });
      assert.equal(code, 2, text);
      assert.ok(tookMs < STOP_MS, `it took ${tookMs} ms`);
      assert.equal(report?.verdict, "unknown");
      assert.match(text, /UNKNOWN: could not verify\n {2}- the run was interrupted/);
    });
  }
}

Deno.test("the second Ctrl-C ends a run at once, and nothing is left", async () => {
  const { code, tookMs, text, report } = await stopped(
    { after: /\] load /, signal: "SIGINT" },
    { after: /Interrupted: stopping everything/, signal: "SIGINT" },
  );
  assert.equal(code, 2, text);
  assert.ok(tookMs < AT_ONCE_MS, `it took ${tookMs} ms`);
  // It may have been done already when the second one came.
  assert.ok(report === undefined || report.verdict === "unknown");
});
