import assert from "node:assert/strict";
import { SAME_MS } from "./interruptible.ts";
import { until } from "./until.ts";

/** Goes on until it is interrupted twice, and says what it hears. */
const CODE = `
import { interruptible } from ${
  JSON.stringify(new URL("./interruptible.ts", import.meta.url).href)
};
interruptible(() => console.log("interrupted"));
Deno.addSignalListener("SIGTERM", () => console.log("passed on"));
setInterval(() => {}, 1_000);
console.log("ready");
`;

Deno.test("a Ctrl-C that comes twice, from the terminal and passed on, is one; the next one ends all at once", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--no-check", CODE],
    stdout: "piped",
  }).spawn();
  let text = "";
  const reading = (async () => {
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) text += part;
  })();
  await until("it listens", () => text === "ready\n");
  const pressedMs = performance.now();
  child.kill("SIGINT");
  // Of two that are the same the system may make one by itself.
  child.kill("SIGTERM");
  await until("both have come", () => text === "ready\ninterrupted\npassed on\n");
  await until("nobody takes it for the same", () => performance.now() - pressedMs > 2 * SAME_MS);
  child.kill("SIGINT");
  const [{ code }] = await Promise.all([child.status, reading]);
  assert.equal(code, 2);
});
