import assert from "node:assert/strict";
import { pickFreePort } from "./free_port.ts";
import { githubSource } from "./nats_github.ts";
import { fakeServer, TempDir } from "./nats_fakes.ts";
import { sha256OfFile } from "./sha256.ts";

const arch = Deno.build.arch === "aarch64" ? "arm64" : "amd64";
const name = (version: string) => `nats-server-v${version}-${Deno.build.os}-${arch}`;

/** Pretends to be GitHub; `sums` replaces the list of checksums. */
async function fakeGithub(temp: TempDir, versions: string[], sums?: string) {
  const files = new Map<string, Uint8Array | string>();
  for (const version of versions) {
    const folder = name(version);
    temp.write(`${folder}/nats-server`, fakeServer(version), 0o755);
    const archive = `${temp.path}/${folder}.tar.gz`;
    const tar = new Deno.Command("tar", { args: ["-czf", archive, "-C", temp.path, folder] });
    assert.ok(tar.outputSync().success);
    const downloads = `/project/releases/download/v${version}`;
    files.set(`${downloads}/${folder}.tar.gz`, Deno.readFileSync(archive));
    const sum = `${await sha256OfFile(archive)}  ${folder}.tar.gz\n`;
    files.set(`${downloads}/SHA256SUMS`, sums ?? `00  other.zip\n${sum}`);
  }
  const releases = versions.map((version) => ({ tag_name: `v${version}`, prerelease: false }));
  releases.push({ tag_name: "v2.10.99", prerelease: true });
  files.set("/api/releases", JSON.stringify(releases));
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/project/releases/latest") {
      const location = `http://127.0.0.1/project/releases/tag/v${versions[0]}`;
      return new Response(null, { status: 302, headers: { location } });
    }
    const body = files.get(pathname);
    return new Response(body as BodyInit ?? "no", { status: body === undefined ? 404 : 200 });
  });
  const base = `http://127.0.0.1:${server.addr.port}`;
  const source = githubSource({ projectUrl: `${base}/project`, apiUrl: `${base}/api` });
  const into = `${temp.path}/into`;
  Deno.mkdirSync(into);
  return {
    into,
    fetch: (versionLine?: string) => source.fetch({ dir: into, versionLine }),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("the latest release is downloaded and unpacked", async () => {
  using temp = new TempDir();
  await using github = await fakeGithub(temp, ["2.15.1", "2.10.29", "2.10.27"]);
  await github.fetch();
  assert.equal(Deno.readTextFileSync(`${github.into}/nats-server`), fakeServer("2.15.1"));
  assert.deepEqual([...Deno.readDirSync(github.into)].map(({ name }) => name), ["nats-server"]);
});

Deno.test("the newest release of a line is downloaded, and no prerelease", async () => {
  using temp = new TempDir();
  await using github = await fakeGithub(temp, ["2.15.1", "2.10.9", "2.10.27"]);
  await github.fetch("2.10");
  assert.equal(Deno.readTextFileSync(`${github.into}/nats-server`), fakeServer("2.10.27"));
});

Deno.test("a line without a release is said to be so", async () => {
  using temp = new TempDir();
  await using github = await fakeGithub(temp, ["2.15.1"]);
  await assert.rejects(github.fetch("2.12"), /there is no release 2\.12/);
});

Deno.test("a download with the wrong checksum is refused and removed", async () => {
  using temp = new TempDir();
  const sums = `${"0".repeat(64)}  ${name("2.15.1")}.tar.gz\n`;
  await using github = await fakeGithub(temp, ["2.15.1"], sums);
  await assert.rejects(github.fetch(), /has the checksum [0-9a-f]{64}, and SHA256SUMS says 0{64}/);
  assert.deepEqual([...Deno.readDirSync(github.into)], []);
});

Deno.test("a download that SHA256SUMS does not list is refused", async () => {
  using temp = new TempDir();
  await using github = await fakeGithub(temp, ["2.15.1"], "00  other.zip\n");
  await assert.rejects(github.fetch(), /SHA256SUMS does not list/);
});

Deno.test("an answer that is an error names the address", async () => {
  using temp = new TempDir();
  await using github = await fakeGithub(temp, ["2.15.1"]);
  const source = githubSource({ projectUrl: `http://127.0.0.1:${pickFreePort()}/project` });
  await assert.rejects(
    source.fetch({ dir: github.into, versionLine: undefined }),
    /127\.0\.0\.1:\d+ cannot be reached: /,
  );
});

Deno.test("a host that accepts and never answers is given up soon", async () => {
  using temp = new TempDir();
  using silent = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = silent.addr as Deno.NetAddr;
  const source = githubSource({
    projectUrl: `http://127.0.0.1:${port}/project`,
    connectTimeoutMs: 50,
  });
  await assert.rejects(
    source.fetch({ dir: temp.path, versionLine: undefined }),
    /127\.0\.0\.1:\d+ cannot be reached: no answer in 50 ms/,
  );
});
