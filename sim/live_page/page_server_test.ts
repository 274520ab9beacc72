import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { liveDocument } from "./document.ts";
import { LiveRig } from "./live_rig_test.ts";
import { PageServer, refusal } from "./page_server.ts";
import { until } from "../../tasks/until.ts";
import { MAX_VIEWERS } from "./viewers.ts";

async function serve(rig = new LiveRig(), port = 0, host = "127.0.0.1"): Promise<PageServer> {
  return new PageServer({ host, port }, await liveDocument(rig.feed.facts), rig.feed);
}

Deno.test("the page is served on this machine, and may do nothing but ask us", async () => {
  await using server = await serve();
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  const answer = await fetch(server.url);
  const text = await answer.text();
  assert.match(text, /^\s*<!doctype html>/);
  const policy = answer.headers.get("content-security-policy")!;
  assert.match(policy, /^default-src 'none'; script-src 'sha256-\S+ 'sha256-\S+; style-src/);
  assert.match(policy, /connect-src 'self'; frame-ancestors 'none'$/);
  assert.equal(answer.headers.get("cache-control"), "no-store");
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  const others = [["GET", "other", 404], ["POST", "", 405], ["DELETE", "events", 405]] as const;
  for (const [method, path, status] of others) {
    const other = await fetch(`${server.url}/${path}`, { method });
    assert.equal(other.status, status, path);
    await other.body?.cancel();
  }
});

Deno.test("planted: no name of a run becomes HTML", async () => {
  const planted = `</script><img src=x onerror="planted = 1">'`;
  const { text } = await liveDocument(new LiveRig(undefined, planted).feed.facts);
  assert.doesNotMatch(text, /<img/);
  assert.equal(text.match(/&lt;img src=x/g)!.length, 2);
});

/** What is answered to a request as it is written here. */
async function raw(url: string, head: string): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const text = `${head}\r\nConnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(text));
  return await new Response(connection.readable).text();
}

Deno.test("a name that is not ours is refused, whatever address it has been given", async () => {
  await using server = await serve();
  const first = async (host: string) => {
    const answer = await raw(server.url, `GET / HTTP/1.1\r\nHost: ${host}`);
    return answer.split("\r\n")[0];
  };
  for (const host of ["127.0.0.1", "localhost:1234", "LOCALHOST", "[::1]:80"]) {
    assert.match((await first(host))!, /200/, host);
  }
  for (const host of ["evil.example", "evil.example:80", "127.0.0.1.evil.example"]) {
    assert.match((await first(host))!, /403/, host);
  }
  assert.match(await raw(server.url, "GET / HTTP/1.0"), /^HTTP\/1\.[01] (403|400)/);
});

Deno.test("another page cannot read it, even if it knows the address; a link to it works", () => {
  const ask = (headers: Record<string, string>, host = "127.0.0.1") =>
    refusal(new Request("http://127.0.0.1/", { headers: { host: "127.0.0.1", ...headers } }), host)
      ?.status;
  assert.equal(ask({}), undefined);
  assert.equal(ask({ "sec-fetch-site": "same-origin" }), undefined);
  assert.equal(ask({ "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" }), 403);
  assert.equal(
    ask({ "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }),
    undefined,
  );
  assert.equal(ask({ host: "build-7:80" }), 403);
  assert.equal(ask({ host: "build-7:80" }, "Build-7"), undefined, "a name that was asked for");
});

Deno.test("news come as server-sent events, and the last of them is the end", async () => {
  const rig = new LiveRig();
  rig.begin();
  const server = await serve(rig);
  const answer = await fetch(`${server.url}/events`);
  assert.equal(answer.headers.get("content-type"), "text/event-stream");
  const text = answer.text();
  rig.feed.end({ verdict: "pass", reasons: [] });
  await server[Symbol.asyncDispose]();
  const messages = (await text).split("\n\n").filter((part) => part.startsWith("data: "))
    .map((part) => JSON.parse(part.slice(6)));
  assert.equal(messages[0].facts.seed, 42);
  assert.deepEqual(messages.at(-1).end, { verdict: "pass", reasons: [] });
});

Deno.test("too many pages are refused, and one that leaves makes room", async () => {
  await using server = await serve();
  const open = await Promise.all(
    Array.from({ length: MAX_VIEWERS }, () => fetch(`${server.url}/events`)),
  );
  const refused = await fetch(`${server.url}/events`);
  assert.equal(refused.status, 503);
  assert.equal(await refused.text(), "too many pages are open already\n");
  await open.pop()!.body!.cancel();
  await until("there is room", () => server.viewers.count < MAX_VIEWERS);
  open.push(await fetch(`${server.url}/events`));
  assert.equal(open.at(-1)!.status, 200);
  for (const { body } of open) await body!.cancel();
});

Deno.test("the end waits for nobody who does not listen", async () => {
  const rig = new LiveRig({ partitions: 20_000, workers: 100, seconds: 100 });
  rig.pass(80);
  rig.begin();
  const server = await serve(rig);
  const { hostname, port } = new URL(server.url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const ask = `GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
  await connection.write(new TextEncoder().encode(ask));
  await connection.read(new Uint8Array(16));
  const beganMs = performance.now();
  await server[Symbol.asyncDispose]();
  assert.ok(performance.now() - beganMs < 10_000);
});

Deno.test("a port that is in use, or an address that is not ours, is one clear error", async () => {
  await using server = await serve();
  const port = Number(new URL(server.url).port);
  await assert.rejects(serve(undefined, port), (error) => {
    assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
    assert.equal(
      error.message,
      `page.port: cannot serve the live page on 127.0.0.1:${port}: the port is in use`,
    );
    assert.match(error.hint!, /--set page\.port=<port>.*--set page\.enabled=false/);
    assert.equal(error.value, port);
    return true;
  });
  await assert.rejects(serve(undefined, 0, "192.0.2.1"), (error) => {
    assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
    assert.match(error.message, /^page\.host: cannot serve the live page on 192\.0\.2\.1:0: /);
    return true;
  });
});
