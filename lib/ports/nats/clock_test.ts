import assert from "node:assert/strict";
import { sleep } from "../clock.ts";
import { systemClock } from "./clock.ts";
import { systemRandom } from "./random.ts";

Deno.test("the system clock moves on, and its timers fire late rather than early", async () => {
  const startMs = systemClock.monotonicMs();
  await sleep(systemClock, 50);
  const tookMs = systemClock.monotonicMs() - startMs;
  assert.ok(tookMs >= 49, `${tookMs} ms`);
  assert.ok(Math.abs(systemClock.wallMs() - Date.now()) < 1_000);
});

Deno.test("a timer fires once, never after a cancel, and a very long one not at once", async () => {
  let fired = 0;
  const cancelled = systemClock.setTimer(5, () => fired += 100);
  cancelled.cancel();
  cancelled.cancel();
  const long = systemClock.setTimer(2 ** 40, () => fired += 1_000);
  const once = systemClock.setTimer(5, () => fired++);
  await sleep(systemClock, 30);
  assert.equal(fired, 1);
  once.cancel();
  long.cancel();
});

Deno.test("identities are unique and of the promised form", () => {
  const all = Array.from({ length: 1_000 }, () => systemRandom.uuid());
  assert.equal(new Set(all).size, 1_000);
  for (const uuid of all) assert.match(uuid, /^[0-9a-z-]{8,36}$/);
  const floats = Array.from({ length: 1_000 }, () => systemRandom.float());
  assert.ok(floats.every((x) => x >= 0 && x < 1));
});

Deno.test({
  name: "the clock goes on while the process is stopped (SIGSTOP)",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const code = `
      import { systemClock } from ${JSON.stringify(import.meta.resolve("./clock.ts"))};
      console.log(systemClock.monotonicMs());
      Deno.kill(Deno.pid, "SIGSTOP");
      setTimeout(() => console.log(systemClock.monotonicMs()), 0);`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", code],
      stdout: "piped",
    }).spawn();
    const statOf = async (): Promise<string> =>
      (await Deno.readTextFile(`/proc/${child.pid}/stat`)).split(") ")[1]!.charAt(0);
    const deadlineMs = performance.now() + 20_000;
    while (await statOf() !== "T") {
      assert.ok(performance.now() < deadlineMs, "it does not stop");
      await sleep(systemClock, 10);
    }
    await sleep(systemClock, 1_000);
    child.kill("SIGCONT");
    const { stdout } = await child.output();
    const [before, after] = new TextDecoder().decode(stdout).trim().split("\n").map(Number);
    assert.ok(after! - before! >= 990, `${before} to ${after}`);
  },
});
