import assert from "node:assert/strict";
import { TempDir } from "./nats_fakes.ts";
import { pauseProcess } from "./pause.ts";
import { until } from "./until.ts";

const state = (pid: number) =>
  new TextDecoder().decode(
    new Deno.Command("ps", { args: ["-o", "stat=", "-p", String(pid)] }).outputSync().stdout,
  ).trim().charAt(0);

function sleeper(): Deno.ChildProcess & AsyncDisposable {
  const child = new Deno.Command("cat", { stdin: "piped", stdout: "null" }).spawn();
  const dispose = async () => {
    child.kill("SIGKILL"); // also one that was left stopped
    await child.stdin.close();
    await child.status;
  };
  return Object.assign(child, { [Symbol.asyncDispose]: dispose });
}

Deno.test("a paused process is stopped until it is resumed", async () => {
  await using child = sleeper();
  const paused = await pauseProcess(child.pid);
  assert.equal(state(child.pid), "T");
  await paused.resume();
  await until("it runs again", () => state(child.pid) !== "T");
  await paused.resume();
});

Deno.test("pausing a process that is gone does nothing", async () => {
  const child = sleeper();
  await child[Symbol.asyncDispose]();
  await (await pauseProcess(child.pid)).resume();
});

Deno.test("a paused process goes on when the one that paused it is killed", async () => {
  await using child = sleeper();
  using temp = new TempDir();
  const module = JSON.stringify(import.meta.resolve("./pause.ts"));
  const script = temp.write(
    "pauser.ts",
    `import { pauseProcess } from ${module};
     await pauseProcess(${child.pid});
     console.log("paused");
     setInterval(() => {}, 1000);`,
  );
  const pauser = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--quiet", "--allow-all", script],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = pauser.stdout.getReader();
  await reader.read();
  assert.equal(state(child.pid), "T");
  pauser.kill("SIGKILL");
  await pauser.status;
  await reader.cancel();
  await until("it runs again", () => state(child.pid) !== "T");
});
