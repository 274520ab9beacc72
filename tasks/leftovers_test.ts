import assert from "node:assert/strict";
import { findLeftovers } from "./leftovers.ts";

Deno.test("files and processes that are left behind are found, and nothing else", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "parti-leftovers-test-" });
  try {
    assert.deepEqual(await findLeftovers(dir, 0), []);

    Deno.writeTextFileSync(`${dir}/file`, "");
    assert.deepEqual(await findLeftovers(dir, 0), [`${dir}/file`]);
    Deno.removeSync(`${dir}/file`);

    const child = new Deno.Command("sh", {
      args: ["-c", "echo up; read -r _", `${dir}/program`],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    const found = await findLeftovers(dir, 0);
    await child.stdin.close();
    await child.status;
    await reader.cancel();
    assert.equal(found.length, 1);
    assert.ok(found[0]?.startsWith(`${child.pid} `), found[0]);
    assert.deepEqual(await findLeftovers(dir, 0), []);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
