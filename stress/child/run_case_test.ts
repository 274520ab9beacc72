import assert from "node:assert/strict";
import { until } from "../../tasks/until.ts";
import { HANGS_SECONDS, toyCase, toyRegistry } from "../run/toy_catalog_rig_test.ts";
import { runCaseOnce, timeoutMsOf } from "./run_case.ts";

const options = { repetition: 0, quick: false, seed: 1, registry: toyRegistry() };

Deno.test("a case runs in a process of its own beside a server of its own, which is gone afterwards", async () => {
  const { outcome, natsServerVersion } = await runCaseOnce(toyCase("server"), options);
  assert.deepEqual(outcome.problems, []);
  assert.match(natsServerVersion!, /^2\./);
  const pid = outcome.samples[0]!.value;
  await until("the server is gone", async () => !await isThere(`/proc/${pid}`));
});

Deno.test("a case that throws, dies or hangs is told as what it is", async () => {
  const run = (name: string) => runCaseOnce(toyCase(name), options);
  await assert.rejects(run("throws"), { code: "PARTI_REFUSED", message: "planted" });
  await assert.rejects(run("dies"), /ended with exit code 7/);
  const beganMs = performance.now();
  await assert.rejects(run("hangs"), { code: "PARTI_TIMEOUT", message: "it took more than 2 s" });
  const tookMs = performance.now() - beganMs;
  assert.ok(tookMs < HANGS_SECONDS * 1_000 / 2, `what it had started was waited for: ${tookMs} ms`);
});

Deno.test("a sanity check may take two minutes, however long its case may; a planned duration is added", () => {
  const hour = { timeoutMs: 3_600_000 }, seconds = { timeoutMs: 2_000 };
  assert.equal(timeoutMsOf(hour, { quick: true, durationMs: undefined }), 120_000);
  assert.equal(timeoutMsOf(seconds, { quick: true, durationMs: undefined }), 2_000);
  const lasting = { ...hour, leastDurationMs: 1 };
  assert.equal(timeoutMsOf(lasting, { quick: false, durationMs: 5 }), 3_600_005);
  assert.equal(
    timeoutMsOf(hour, { quick: false, durationMs: 5 }),
    3_600_000,
    "not of a case that ends by itself",
  );
  const tooLong = timeoutMsOf(lasting, { quick: false, durationMs: 1e10 });
  assert.equal(tooLong, 2 ** 31 - 1, "a longer timer fires at once");
});

Deno.test("planted: a server that ends in the middle ends the case at once, and its log is told", async () => {
  const running = runCaseOnce(toyCase("loses-server"), options);
  await assert.rejects(running, {
    code: "PARTI_REFUSED",
    message: /^its nats-server ended with exit code 137; its log ends with:\n[^]*Server is ready/,
  });
});

Deno.test("an answer that cannot be read is told, and where", async () => {
  const running = runCaseOnce(toyCase("infinite"), options);
  await assert.rejects(running, /its answer cannot be read: outcome\.samples\.0\.value: /);
});

Deno.test("a case's process has the flags of V8 that it asks for", async () => {
  const { outcome } = await runCaseOnce(toyCase("flagged"), options);
  assert.deepEqual(outcome.samples, [{ metric: "flags", value: 1 }]);
  const plain = { ...toyCase("flagged"), v8Flags: [] };
  assert.equal((await runCaseOnce(plain, options)).outcome.samples[0]!.value, 0);
});

Deno.test("an interruption ends a case at once", async () => {
  const controller = new AbortController();
  const hanging = { ...toyCase("hangs"), timeoutMs: 60_000 };
  const running = runCaseOnce(hanging, { ...options, signal: controller.signal });
  controller.abort();
  await assert.rejects(running, { code: "PARTI_ABORTED" });
});

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
