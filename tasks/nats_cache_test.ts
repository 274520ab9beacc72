import assert from "node:assert/strict";
import { defaultCacheDir, NatsCache } from "./nats_cache.ts";
import { fakeServer, TempDir } from "./nats_fakes.ts";

function cacheIn(temp: TempDir) {
  const reports: string[] = [];
  const cache = new NatsCache(`${temp.path}/cache`, (line) => reports.push(line));
  const add = (version: string) =>
    cache.locked(() =>
      cache.add("a test", (dir) => Deno.writeTextFile(`${dir}/nats-server`, fakeServer(version)))
    );
  const names = () => [...Deno.readDirSync(cache.dir)].map(({ name }) => name).sort();
  return { cache, reports, add, names };
}

Deno.test("what was added is found, the newest first, and by its line", async () => {
  using temp = new TempDir();
  const { cache, add, reports } = cacheIn(temp);
  assert.equal(await cache.find(), undefined);
  for (const version of ["2.10.9", "2.10.27", "2.15.1"]) {
    const path = `${cache.dir}/${version}/nats-server`;
    assert.deepEqual(await add(version), { path, version });
  }
  assert.equal((await cache.find())?.version, "2.15.1");
  assert.equal((await cache.find("2.10"))?.version, "2.10.27");
  assert.equal((await cache.find("2.10.9"))?.version, "2.10.9");
  assert.equal(await cache.find("2.1"), undefined);
  assert.deepEqual(reports, []);
});

Deno.test("a program that was changed is not used, and is replaced by a good one", async () => {
  using temp = new TempDir();
  const { cache, add, reports } = cacheIn(temp);
  await add("2.10.27");
  const { path } = await add("2.15.1");
  Deno.writeTextFileSync(path, fakeServer("2.15.1") + "# changed\n");
  assert.equal((await cache.find())?.version, "2.10.27");
  assert.match(reports.join(), /ignoring the cached nats-server 2\.15\.1: .*checksum/);
  await add("2.15.1");
  assert.equal((await cache.find())?.version, "2.15.1");
});

Deno.test("a program that cannot be run here is not used", async () => {
  using temp = new TempDir();
  const { cache, add, reports } = cacheIn(temp);
  const { path } = await add("2.15.1");
  Deno.chmodSync(path, 0o644);
  assert.equal(await cache.find(), undefined);
  assert.match(reports.join(), /ignoring the cached nats-server 2\.15\.1: .*cannot be run/);
});

Deno.test("what is too old or no nats-server does not get in, and leaves nothing", async () => {
  using temp = new TempDir();
  const { cache, add, names } = cacheIn(temp);
  await assert.rejects(add("2.9.10"), /2\.9\.10, and parti needs 2\.10\.0 or newer/);
  const broken = cache.locked(() =>
    cache.add("a test", (dir) => Deno.writeTextFile(`${dir}/nats-server`, "#!/bin/sh\necho no\n"))
  );
  await assert.rejects(broken, /is not a nats-server/);
  await assert.rejects(
    cache.locked(() => cache.add("a test", () => Promise.reject(new Error("no network")))),
    /no network/,
  );
  assert.deepEqual(names(), [".lock"]);
});

Deno.test("what a killed process has left is removed by the next one", async () => {
  using temp = new TempDir();
  const { add, names } = cacheIn(temp);
  temp.write("cache/.new-abandoned/nats-server", "half of it");
  await add("2.15.1");
  assert.deepEqual(names(), [".lock", "2.15.1"]);
});

Deno.test("the cache is where the XDG rules say", () => {
  const dir = (env: Record<string, string>) => defaultCacheDir((name) => env[name]);
  assert.equal(dir({ XDG_CACHE_HOME: "/x", HOME: "/h" }), "/x/parti/nats-server");
  assert.equal(dir({ HOME: "/h" }), "/h/.cache/parti/nats-server");
  assert.equal(dir({ XDG_CACHE_HOME: "relative", HOME: "/h" }), "/h/.cache/parti/nats-server");
});
