import assert from "node:assert/strict";
import { isPartiError, PartiError } from "../lib/errors.ts";
import { debianSource } from "./nats_debian.ts";
import { fakeServer, TempDir } from "./nats_fakes.ts";
import { ensureNatsServer } from "./nats_server.ts";
import type { NatsSource } from "./nats_source.ts";
import { until } from "./until.ts";

/** A world of its own: nothing of this machine's is looked at unless a test says so. */
function world(temp: TempDir, env: Record<string, string> = {}) {
  const reports: string[] = [];
  const fetched: string[] = [];
  const works = (version: string): NatsSource => ({
    name: `source of ${version}`,
    fetch: async ({ dir }) => {
      fetched.push(version);
      await Deno.writeTextFile(`${dir}/nats-server`, fakeServer(version));
    },
  });
  const fails = (reason: string): NatsSource => ({
    name: `source with ${reason}`,
    fetch: () => Promise.reject(new PartiError("PARTI_NOT_FOUND", reason)),
  });
  const ensure = (options: { binary?: string; versionLine?: string }, ...sources: NatsSource[]) =>
    ensureNatsServer({
      env: (name) => env[name],
      cacheDir: `${temp.path}/cache`,
      report: (line) => reports.push(line),
      sources,
      ...options,
    });
  return { ensure, works, fails, fetched, reports };
}

Deno.test("a named one comes first, and nothing else is tried", async () => {
  using temp = new TempDir();
  const named = temp.write("named", fakeServer("2.11.0"), 0o755);
  const other = temp.write("other", fakeServer("2.12.0"), 0o755);
  const { ensure, works, fetched } = world(temp, { PARTI_NATS_SERVER: other });
  const source = works("2.15.1");
  assert.deepEqual(await ensure({ binary: named }, source), {
    path: named,
    version: "2.11.0",
    source: "--nats-server",
  });
  assert.equal((await ensure({}, source)).source, "PARTI_NATS_SERVER");
  await assert.rejects(ensure({ binary: `${temp.path}/none` }, source), /there is no program/);
  assert.deepEqual(fetched, []);
});

Deno.test("a named one that is too old is refused", async () => {
  using temp = new TempDir();
  const named = temp.write("named", fakeServer("2.9.10"), 0o755);
  const { ensure, works } = world(temp);
  await assert.rejects(ensure({ binary: named }, works("2.15.1")), (error) => {
    assert.ok(isPartiError(error, "PARTI_SERVER_TOO_OLD"));
    assert.equal(
      error.message,
      `${named} is nats-server 2.9.10, and parti needs 2.10.0 or newer`,
    );
    assert.match(error.hint ?? "", /deno task nats-server/);
    return true;
  });
});

Deno.test("a named one of another version than asked for is refused", async () => {
  using temp = new TempDir();
  const named = temp.write("named", fakeServer("2.15.1"), 0o755);
  const { ensure } = world(temp, { PARTI_NATS_VERSION: "2.10" });
  await assert.rejects(ensure({ binary: named }), /2\.15\.1, and version 2\.10 was asked for/);
});

Deno.test("what is asked for has to be a version", async () => {
  using temp = new TempDir();
  await assert.rejects(
    world(temp).ensure({ versionLine: "latest" }),
    /"latest" is not a version such as 2\.10/,
  );
});

Deno.test("the cache comes before the PATH, and the PATH before fetching", async () => {
  using temp = new TempDir();
  const onPath = temp.write("bin/nats-server", fakeServer("2.12.0"), 0o755);
  const path = `relative:${temp.path}/none:${temp.path}/bin`;
  const { ensure, works, fetched } = world(temp, { PATH: path });
  assert.deepEqual(await ensure({}, works("2.15.1")), {
    path: onPath,
    version: "2.12.0",
    source: "PATH",
  });
  const first = await ensure({ versionLine: "2.15" }, works("2.15.1"));
  assert.equal(first.source, "source of 2.15.1");
  assert.equal((await ensure({}, works("2.16.0"))).source, "cache");
  assert.deepEqual(fetched, ["2.15.1"]);
});

Deno.test("one on the PATH that is too old is passed over, and the next source is asked", async () => {
  using temp = new TempDir();
  temp.write("bin/nats-server", fakeServer("2.9.10"), 0o755);
  const { ensure, works, fails } = world(temp, { PATH: `${temp.path}/bin` });
  const found = await ensure({}, fails("no network"), works("2.15.1"));
  assert.equal(found.source, "source of 2.15.1");
  assert.equal(found.path, `${temp.path}/cache/2.15.1/nats-server`);
});

Deno.test("if there is none, every place says why, and the hint what to do", async () => {
  using temp = new TempDir();
  temp.write("bin/nats-server", fakeServer("2.9.10"), 0o755);
  const { ensure, works, fails } = world(temp, { PATH: `${temp.path}/bin` });
  await assert.rejects(ensure({}, fails("no network"), works("2.8.0")), (error) => {
    assert.ok(isPartiError(error, "PARTI_NOT_FOUND"));
    const lines = error.message.split("\n");
    assert.equal(lines[0], "no nats-server 2.10 or newer was found or could be fetched:");
    assert.equal(lines[1], `  - cache: nothing in ${temp.path}/cache`);
    assert.match(lines[2] ?? "", /^ {2}- PATH: .* is nats-server 2\.9\.10, and parti needs 2\.10/);
    assert.equal(lines[3], "  - source with no network: no network");
    assert.match(lines[4] ?? "", /^ {2}- source of 2\.8\.0: .* is nats-server 2\.8\.0/);
    assert.equal(lines.length, 5);
    assert.match(error.hint ?? "", /install nats-server, or set PARTI_NATS_SERVER/);
    return true;
  });
});

Deno.test("a source that breaks for an unknown reason is not swallowed", async () => {
  using temp = new TempDir();
  const bug = { name: "a bug", fetch: () => Promise.reject(new TypeError("a bug")) };
  await assert.rejects(world(temp).ensure({}, bug), TypeError);
});

/** Fetches in another process; the source leaves a mark for each time it is asked. */
function otherProcess(temp: TempDir, fetch: string): Deno.ChildProcess {
  const module = JSON.stringify(import.meta.resolve("./nats_server.ts"));
  const script = temp.write(
    `script-${crypto.randomUUID()}.ts`,
    `import { ensureNatsServer } from ${module};
     const found = await ensureNatsServer({
       env: () => undefined,
       cacheDir: ${JSON.stringify(`${temp.path}/cache`)},
       report: () => {},
       sources: [{ name: "a test", fetch: async ({ dir }) => { ${fetch} } }],
     });
     console.log(found.version);`,
  );
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--quiet", "--allow-all", script],
    stdin: "null",
    stdout: "piped",
  }).spawn();
}

Deno.test("several processes that want it at once fetch it once", async () => {
  using temp = new TempDir();
  Deno.mkdirSync(`${temp.path}/marks`);
  const fetch = `
    await Deno.makeTempDir({ dir: ${JSON.stringify(`${temp.path}/marks`)} });
    await Deno.writeTextFile(dir + "/nats-server", ${JSON.stringify(fakeServer("2.15.1"))});`;
  const processes = Array.from({ length: 4 }, () => otherProcess(temp, fetch));
  const outputs = await Promise.all(processes.map((process) => process.output()));
  for (const { stdout } of outputs) assert.equal(new TextDecoder().decode(stdout), "2.15.1\n");
  assert.equal([...Deno.readDirSync(`${temp.path}/marks`)].length, 1);
});

Deno.test("a process that is killed while it fetches is in nobody's way", async () => {
  using temp = new TempDir();
  const stuck = otherProcess(
    temp,
    `console.log("fetching"); await new Promise(() => setInterval(() => {}, 1000));`,
  );
  const reader = stuck.stdout.getReader();
  await reader.read();
  const { ensure, works, reports } = world(temp);
  const found = ensure({}, works("2.15.1"));
  await until("it waits", () => reports.some((line) => line.includes("waiting for another")));
  stuck.kill("SIGKILL");
  await stuck.status;
  await reader.cancel();
  assert.equal((await found).version, "2.15.1");
  const names = [...Deno.readDirSync(`${temp.path}/cache`)].map(({ name }) => name).sort();
  assert.deepEqual(names, [".lock", "2.15.1"]);
});

function usesApt(): boolean {
  try {
    return Deno.readTextFileSync("/etc/os-release").includes("debian") &&
      Deno.statSync("/usr/bin/apt-get").isFile;
  } catch {
    return false;
  }
}

Deno.test({
  name: "for real: the distribution's package is fetched, verified and found again",
  // It needs the network, 16 MB of it: only where it is asked for (PARTI_TEST_APT=1).
  ignore: !usesApt() || Deno.env.get("PARTI_TEST_APT") !== "1",
}, async () => {
  using temp = new TempDir();
  const { ensure } = world(temp);
  const found = await ensure({}, debianSource());
  assert.equal(found.source, "the distribution's package");
  assert.equal((await ensure({})).source, "cache");
});
