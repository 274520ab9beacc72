import assert from "node:assert/strict";
import { PartiError } from "../lib/errors.ts";
import { exitCodeOf } from "./exit_codes.ts";
import { fakeServer, TempDir } from "./nats_fakes.ts";
import { spawnSelf } from "./spawn.ts";

async function parti(...args: string[]) {
  const { code, stdout, stderr } = await spawnSelf(args, {
    permissions: ["--allow-all"],
    env: { NO_COLOR: "1", PARTI_NATS_SERVER: "", PARTI_NATS_VERSION: "" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("--help teaches, on standard output", async () => {
  const { code, stdout, stderr } = await parti("--help");
  assert.equal(code, 0);
  assert.equal(stderr, "");
  for (const part of ["parti sim", "nats-server", "Exit codes: 0 pass, 1 fail, 2", "Examples:"]) {
    assert.ok(stdout.includes(part), part);
  }
});

Deno.test("without a command it shows the help, and that this was no use", async () => {
  const { code, stdout, stderr } = await parti();
  assert.equal(code, 3);
  assert.equal(stdout, "");
  assert.match(stderr, /^Usage: parti/);
});

Deno.test("nats-server prints path and version, and how it was found apart from that", async () => {
  using temp = new TempDir();
  const path = temp.write("nats-server", fakeServer("2.12.3"), 0o755);
  assert.deepEqual(await parti("nats-server", "--nats-server", path), {
    code: 0,
    stdout: `${path} 2.12.3\n`,
    stderr: "found by: --nats-server\n",
  });
});

const mistakes: [string[], RegExp][] = [
  [["simm"], /^error: unknown command 'simm'\n.*Did you mean sim/s],
  [["nats-server", "--bogus"], /^error: unknown option '--bogus'\n/],
  [["nats-server", "--nats-server"], /^error: option '--nats-server <path>' argument missing\n/],
  [["nats-server", "--nats-server", "/no/such"], /^error: there is no program \/no\/such\nhint: /],
  [["nats-server", "--version-line", "new"], /^error: "new" is not a version such as 2\.10\n/],
];

for (const [args, message] of mistakes) {
  Deno.test(`a mistake is one clear message and exit code 3: parti ${args.join(" ")}`, async () => {
    const { code, stdout, stderr } = await parti(...args);
    assert.equal(code, 3);
    assert.equal(stdout, "");
    assert.match(stderr, message);
    assert.ok(stderr.split("\n").length <= 4, stderr);
    assert.doesNotMatch(stderr, /^ {4}at /m, "no stack trace");
  });
}

Deno.test("a server that is too old is one clear message and exit code 3", async () => {
  using temp = new TempDir();
  const path = temp.write("nats-server", fakeServer("2.9.10"), 0o755);
  const { code, stderr } = await parti("nats-server", "--nats-server", path);
  assert.equal(code, 3);
  assert.match(stderr, /is nats-server 2\.9\.10, and parti needs 2\.10\.0 or newer\nhint: /);
});

Deno.test("--verbose adds the stack trace", async () => {
  const { code, stderr } = await parti("nats-server", "--nats-server", "/no/such", "--verbose");
  assert.equal(code, 3);
  assert.match(stderr, /^ {4}at /m);
});

Deno.test("mistakes and surprises have different exit codes", () => {
  assert.equal(exitCodeOf(new PartiError("PARTI_INVALID_CONFIG", "x")), 3);
  assert.equal(exitCodeOf(new PartiError("PARTI_SERVER_TOO_OLD", "x")), 3);
  assert.equal(exitCodeOf(new PartiError("PARTI_INVARIANT", "x")), 2);
  assert.equal(exitCodeOf(new TypeError("x")), 2);
});
