import assert from "node:assert/strict";
import { parseListFile, parseSourcesFile, readAptEntries } from "./apt_sources.ts";

Deno.test("the one-line format is understood", () => {
  const entries = parseListFile(`
# deb http://commented.test/debian bookworm main
deb http://plain.test/debian bookworm main contrib # why
deb-src http://source.test/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg trusted=no] http://key.test/d  sid  main
deb mirror+file:/etc/apt/mirrors/list trixie main
`);
  assert.deepEqual(entries, [
    {
      uris: ["http://plain.test/debian"],
      suites: ["bookworm"],
      components: ["main", "contrib"],
    },
    {
      uris: ["http://key.test/d"],
      suites: ["sid"],
      components: ["main"],
      signedBy: "/usr/share/keyrings/x.gpg",
    },
    { uris: ["mirror+file:/etc/apt/mirrors/list"], suites: ["trixie"], components: ["main"] },
  ]);
});

Deno.test("the deb822 format is understood", () => {
  const entries = parseSourcesFile(`Types: deb deb-src
# a comment between fields
URIs: http://one.test/debian
 http://two.test/debian
Suites: bookworm bookworm-updates
components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
# a comment inside a value
 .
 abc

Types: deb-src
URIs: http://source.test/debian
Suites: bookworm
Components: main

Types: deb
Enabled: no
URIs: http://disabled.test/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://last.test/debian
Suites: sid
Components: main`);
  assert.deepEqual(entries, [
    {
      uris: ["http://one.test/debian", "http://two.test/debian"],
      suites: ["bookworm", "bookworm-updates"],
      components: ["main"],
      signedBy: "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc",
    },
    { uris: ["http://last.test/debian"], suites: ["sid"], components: ["main"] },
  ]);
});

Deno.test("all files of apt's directory are read, and only those that apt reads", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "parti-apt-test-" });
  try {
    assert.deepEqual(await readAptEntries(dir), []);
    Deno.mkdirSync(`${dir}/sources.list.d`);
    const line = (name: string) => `deb http://${name}.test/d sid main\n`;
    Deno.writeTextFileSync(`${dir}/sources.list`, line("first"));
    Deno.writeTextFileSync(`${dir}/sources.list.d/b.list`, line("b"));
    Deno.writeTextFileSync(
      `${dir}/sources.list.d/a.sources`,
      "Types: deb\nURIs: http://a.test/d\n",
    );
    Deno.writeTextFileSync(`${dir}/sources.list.d/c.list.save`, line("c"));
    const uris = (await readAptEntries(dir)).flatMap(({ uris }) => uris);
    assert.deepEqual(uris, ["http://first.test/d", "http://a.test/d", "http://b.test/d"]);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
