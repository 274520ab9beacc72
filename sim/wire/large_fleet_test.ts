import assert from "node:assert/strict";
import { engineEnv, isLargeFleet } from "./large_fleet.ts";

const THREADS =
  `console.log(/Threads:\\s+(\\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))[1])`;

async function threadsWith(env: Record<string, string>): Promise<number> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", THREADS],
    env: { NO_COLOR: "1", ...env },
  }).output();
  return Number(new TextDecoder().decode(stdout));
}

Deno.test("a few workers run as they always do", () => {
  const config = { workers: { count: 31 } } as Parameters<typeof engineEnv>[0];
  assert.equal(isLargeFleet(config), false);
  assert.deepEqual(engineEnv(config), {});
});

Deno.test({
  name: "the engine of one of many workers has no threads of its own",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const config = { workers: { count: 32 } } as Parameters<typeof engineEnv>[0];
    const [many, few] = [await threadsWith({}), await threadsWith(engineEnv(config))];
    assert.ok(few < many, `${few} threads, and ${many} without the flag`);
  },
});
