import assert from "node:assert/strict";
import { isPartiError } from "../lib/errors.ts";
import { TempDir } from "./nats_fakes.ts";
import { runCommand, runOrThrow } from "./run_command.ts";

Deno.test("a program's output and exit code are a result", async () => {
  const result = await runCommand("sh", ["-c", "echo out; echo err >&2; exit 3"]);
  assert.deepEqual(result, { code: 3, stdout: "out\n", stderr: "err\n" });
});

Deno.test("a program that must succeed tells in its error what it said last", async () => {
  assert.equal(await runOrThrow("sh", ["-c", "echo fine"]), "fine\n");
  await assert.rejects(
    runOrThrow("sh", ["-c", "for i in 1 2 3 4; do echo line $i >&2; done; exit 7"]),
    /ended with code 7: line 2 \/ line 3 \/ line 4/,
  );
});

Deno.test("a program that is not there is an error that names it", async () => {
  await assert.rejects(runCommand("no-such-program-here", []), (error) => {
    assert.ok(isPartiError(error, "PARTI_NOT_FOUND"));
    assert.equal(error.message, "there is no program no-such-program-here");
    return true;
  });
});

Deno.test("a program that takes too long is killed", async () => {
  // It waits for input on a pipe that nobody closes: no clock decides when it would have ended.
  using temp = new TempDir();
  await assert.rejects(
    runCommand("sh", ["-c", 'mkfifo "$0"; exec cat "$0"', `${temp.path}/pipe`], { timeoutMs: 50 }),
    (error) => isPartiError(error, "PARTI_TIMEOUT"),
  );
});

Deno.test("a program is given directory and environment", async () => {
  const result = await runCommand("sh", ["-c", "pwd; echo $X"], { cwd: "/", env: { X: "y" } });
  assert.equal(result.stdout, "/\ny\n");
});
