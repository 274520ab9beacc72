import assert from "node:assert/strict";
import { isPartiError } from "../lib/errors.ts";
import { debianSource } from "./nats_debian.ts";
import { fakeServer, TempDir } from "./nats_fakes.ts";

const run = (program: string, ...args: string[]) =>
  new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;

function hasDpkg(): boolean {
  try {
    return run("dpkg-deb", "--version");
  } catch {
    return false;
  }
}
const ignore = !hasDpkg();

const bookworm = `ID=debian\nVERSION_CODENAME=bookworm\n`;
const sources = `Types: deb
URIs: http://other.test/tools
Suites: stable-tools
Components: main

Types: deb
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/x.gpg
`;

/** A system whose apt has these versions in these suites; what it was asked is kept in `asked-SUITE`. */
function fakeSystem(temp: TempDir, versions: Record<string, string>, osRelease = bookworm) {
  temp.write("apt/sources.list.d/debian.sources", sources);
  for (const [suite, version] of Object.entries(versions)) {
    temp.write(`${suite}/usr/sbin/nats-server`, fakeServer(version.replace(/-.*/, "")), 0o755);
    temp.write(
      `${suite}/DEBIAN/control`,
      `Package: nats-server\nVersion: ${version}\nArchitecture: all\nMaintainer: x\nDescription: x\n`,
    );
    temp.write(`${suite}.version`, version);
    assert.ok(run("dpkg-deb", "--build", `${temp.path}/${suite}`, `${temp.path}/${suite}.deb`));
  }
  const aptGet = temp.write(
    "apt-get",
    `#!/bin/sh
cd "$(dirname "$2")"
suite=$(sed -n 's/^Suites: //p' own.sources)
base=${temp.path}/$suite
case "$3 $4" in
  update*) cp own.sources ${temp.path}/asked-$suite; exit 100;; # as with a hook that fails
  "download --print-uris")
    [ -f "$base.version" ] || { echo "E: Unable to locate package nats-server" >&2; exit 100; }
    echo "'http://x.test/x.deb' nats-server_$(cat "$base.version")_amd64.deb 1 SHA256:0";;
  "download nats-server") cp "$base.deb" "nats-server_$(cat "$base.version")_amd64.deb";;
  *) exit 99;;
esac
`,
    0o755,
  );
  Deno.mkdirSync(`${temp.path}/into`);
  const source = debianSource({
    aptDir: `${temp.path}/apt`,
    osRelease: temp.write("os-release", osRelease),
    aptGet,
  });
  const fetch = (versionLine?: string) => source.fetch({ dir: `${temp.path}/into`, versionLine });
  return { fetch, into: `${temp.path}/into` };
}

function asked(temp: TempDir): string[] {
  return [...Deno.readDirSync(temp.path)].map(({ name }) => name)
    .filter((name) => name.startsWith("asked-")).map((name) => name.slice(6)).sort();
}

Deno.test(
  { name: "the newest suite's package is unpacked, from the system's own mirror", ignore },
  async () => {
    using temp = new TempDir();
    const { fetch, into } = fakeSystem(temp, { unstable: "2.15.1-1", stable: "2.10.27-1+b2" });
    await fetch();
    assert.equal(Deno.readTextFileSync(`${into}/nats-server`), fakeServer("2.15.1"));
    assert.deepEqual([...Deno.readDirSync(into)].map(({ name }) => name), ["nats-server"]);
    assert.deepEqual(asked(temp), ["unstable"]);
    const own = Deno.readTextFileSync(`${temp.path}/asked-unstable`);
    assert.match(own, /^URIs: http:\/\/mirror\.test\/debian$/m);
    assert.match(own, /^Signed-By: \/usr\/share\/keyrings\/x\.gpg$/m);
    assert.match(own, /^Components: main$/m);
  },
);

Deno.test({ name: "a version line is looked for in older suites", ignore }, async () => {
  using temp = new TempDir();
  const { fetch, into } = fakeSystem(temp, { unstable: "2.15.1-1", stable: "2.10.27-1+b2" });
  await fetch("2.10");
  assert.equal(Deno.readTextFileSync(`${into}/nats-server`), fakeServer("2.10.27"));
  assert.deepEqual(asked(temp), ["stable", "testing", "unstable"]);
});

Deno.test({ name: "each suite says why it is no use", ignore }, async () => {
  using temp = new TempDir();
  const { fetch, into } = fakeSystem(temp, { unstable: "2.15.1-1", oldstable: "2.9.10-1" });
  await assert.rejects(fetch("2.11"), (error) => {
    assert.ok(isPartiError(error, "PARTI_NOT_FOUND"));
    assert.match(error.message, /unstable: 2\.15\.1-1 is not 2\.11; testing: .*Unable to locate/);
    assert.match(error.message, /oldstable: 2\.9\.10-1 is too old/);
    return true;
  });
  assert.deepEqual([...Deno.readDirSync(into)], []);
});

Deno.test({ name: "Ubuntu has its own suites and components", ignore }, async () => {
  using temp = new TempDir();
  const { fetch } = fakeSystem(
    temp,
    { noble: "2.10.7-1" },
    `ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n`,
  );
  temp.write("apt/sources.list", "deb http://ubuntu.test/u noble-security main\n");
  temp.write("apt/sources.list.d/x.list", "deb http://ubuntu.test/u noble main restricted\n");
  await fetch();
  assert.deepEqual(asked(temp), ["devel", "noble"]);
  const own = Deno.readTextFileSync(`${temp.path}/asked-noble`);
  assert.match(own, /^URIs: http:\/\/ubuntu\.test\/u$/m);
  assert.match(own, /^Components: main universe$/m);
});

Deno.test("another system is told apart", async () => {
  using temp = new TempDir();
  const { fetch } = fakeSystem(temp, {}, "ID=fedora\n");
  await assert.rejects(fetch(), /not a Debian-like system/);
});

Deno.test("a system without a source for its own release is told apart", async () => {
  using temp = new TempDir();
  const { fetch } = fakeSystem(temp, {}, "ID=debian\nVERSION_CODENAME=trixie\n");
  await assert.rejects(fetch(), /no source in .* brings this system's own release \(trixie\)/);
});
