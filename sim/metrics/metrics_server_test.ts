import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { serveMetrics } from "./metrics_server.ts";

Deno.test("metrics are served on this machine, as text that Prometheus knows", async () => {
  await using server = serveMetrics(0, () => Promise.resolve("up 1\n"));
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  const answer = await fetch(server.url);
  assert.equal(await answer.text(), "up 1\n");
  assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const others = [["GET", "health", 200], ["GET", "", 404], ["POST", "metrics", 405]] as const;
  for (const [method, path, status] of others) {
    const other = await fetch(new URL(`/${path}`, server.url), { method });
    assert.equal(other.status, status, path);
    await other.body?.cancel();
  }
});

Deno.test("a port that is in use is one clear error", async () => {
  await using server = serveMetrics(0, () => Promise.resolve(""));
  const port = Number(new URL(server.url).port);
  assert.throws(() => serveMetrics(port, () => Promise.resolve("")), (error) => {
    assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
    assert.equal(
      error.message,
      `metrics.prometheus.port: cannot serve metrics on 127.0.0.1:${port}: the port is in use`,
    );
    assert.match(error.hint!, /--set metrics\.prometheus\.port=/);
    assert.equal(error.value, port);
    return true;
  });
});

Deno.test("the end waits for nobody who is still looking", async () => {
  const asked = Promise.withResolvers<void>();
  const server = serveMetrics(0, () => {
    asked.resolve();
    return new Promise(() => {});
  });
  const look = fetch(server.url).then(() => "answered", () => "cut off");
  await asked.promise;
  await server[Symbol.asyncDispose]();
  assert.equal(await look, "cut off");
});
