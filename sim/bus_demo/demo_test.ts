/** The demonstration, as a user runs it. */
import assert from "node:assert/strict";
import { spawnSelf } from "../../tasks/spawn.ts";

async function busDemo(...args: string[]) {
  const { code, stdout, stderr } = await spawnSelf(["bus-demo", ...args], {
    permissions: ["--allow-all"],
    env: { NO_COLOR: "1" },
    ...{ stdin: "null", stdout: "piped", stderr: "piped" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("bus-demo: both processes are killed, and every cart has each thing once", async () => {
  const { code, stdout, stderr } = await busDemo("--carts", "4");
  assert.equal(code, 0, stdout + stderr);
  for (const node of ["node-a", "node-b"]) {
    assert.match(stdout, new RegExp(`^${node} was killed by SIGKILL$`, "m"));
    assert.match(
      stdout,
      new RegExp(`^"item after ${node}" put into 4 carts .*: .*0 on ${node}`, "m"),
    );
  }
  assert.match(
    stdout,
    /^every cart has each thing once: apple, item after node-a, item after node-b$/m,
  );
});

Deno.test("bus-demo: a number of carts that is none is one clear message", async () => {
  const { code, stdout, stderr } = await busDemo("--carts", "many");
  assert.deepEqual([code, stdout], [3, ""]);
  assert.match(
    stderr,
    /^error: --carts many is no number of carts\nhint: a whole number from 1 to /,
  );
});
