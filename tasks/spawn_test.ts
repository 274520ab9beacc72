import assert from "node:assert/strict";
import { TempDir } from "./nats_fakes.ts";
import { orphanExitCode, selfArguments, spawnSelf } from "./spawn.ts";

Deno.test("this program starts itself, with the permissions it is given and no others", async () => {
  const env = { NO_COLOR: "1" };
  const help = spawnSelf(["--help"], { stdout: "piped", stdin: "null", env });
  const { code, stdout } = await help.output();
  assert.equal(code, 0);
  assert.match(new TextDecoder().decode(stdout), /^Usage: parti /);

  const args = ["nats-server", "--nats-server", "/no/such/program"];
  const refused = await spawnSelf(args, { stderr: "piped", stdin: "null", env }).output();
  assert.match(new TextDecoder().decode(refused.stderr), /Requires (env|run) access/);

  const permissions = ["--allow-env", "--allow-run"];
  const allowed = await spawnSelf(args, { permissions, stderr: "piped", stdin: "null", env })
    .output();
  assert.equal(allowed.code, 3);
  assert.match(new TextDecoder().decode(allowed.stderr), /there is no program/);
});

Deno.test("the compiled program calls itself without Deno's own arguments", () => {
  assert.deepEqual(selfArguments(["sim", "--seed", "1"], ["--allow-net"], true), [
    "sim",
    "--seed",
    "1",
  ]);
  const fromSource = selfArguments(["sim"], ["--allow-net"], false);
  assert.equal(fromSource[0], "run");
  assert.ok(fromSource.includes("--allow-net"));
  assert.match(fromSource.at(-2) ?? "", /\/tasks\/parti\.ts$/);
  assert.equal(fromSource.at(-1), "sim");
});

const spawnModule = JSON.stringify(import.meta.resolve("./spawn.ts"));
const childCode = `
  import { exitWhenParentDies } from ${spawnModule};
  exitWhenParentDies({ onLine: (line) => console.log("heard " + line) });
  setInterval(() => {}, 1000);
  console.log("up " + Deno.pid);`;
const run = (script: string) => ["run", "--no-check", "--quiet", "--no-prompt", script];

Deno.test("a child hears lines, and ends when its parent closes the pipe", async () => {
  using temp = new TempDir();
  const child = new Deno.Command(Deno.execPath(), {
    args: run(temp.write("child.ts", childCode)), // without any permission
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("one\ntwo\n"));
  await writer.close();
  const { code, stdout } = await child.output();
  assert.equal(code, orphanExitCode);
  assert.equal(new TextDecoder().decode(stdout), `up ${child.pid}\nheard one\nheard two\n`);
});

Deno.test("a child ends when its parent is killed", async () => {
  using temp = new TempDir();
  const child = temp.write("child.ts", childCode);
  const parent = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--quiet",
      "--allow-all",
      temp.write(
        "parent.ts",
        `const child = new Deno.Command(Deno.execPath(), {
           args: ${JSON.stringify(run(child))}, stdin: "piped", stdout: "inherit",
         }).spawn();
         await child.status;`,
      ),
    ],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = parent.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  assert.match(value ?? "", /^up \d+\n$/);
  parent.kill("SIGKILL");
  await parent.status;
  // The child has the other end of this pipe: it is closed when the child has ended, and not before.
  assert.equal((await reader.read()).done, true);
});
