import assert from "node:assert/strict";
import { collectedMemory, EXPOSE_GC, type MemoryPorts } from "./collected_memory.ts";

function heapThatShrinks(sizes: number[]): MemoryPorts & { collections: number } {
  return {
    collections: 0,
    collect() {
      this.collections++;
    },
    usage() {
      const heapUsed = sizes[Math.min(this.collections, sizes.length) - 1] ?? sizes[0]!;
      return { heapUsed, code: heapUsed / 10, external: 7, rss: 99 };
    },
    breathe: () => Promise.resolve(),
  };
}

Deno.test("collected memory: collects until nothing more goes, and tells the least", async () => {
  const ports = heapThatShrinks([1_000, 800, 700, 700, 705, 701]);
  assert.deepEqual(await collectedMemory(ports), {
    heapBytes: 700,
    codeBytes: 70,
    externalBytes: 7,
    rssBytes: 99,
  });
  assert.equal(ports.collections, 6, "three turns without a smaller one");
});

Deno.test("collected memory: a heap that goes on shrinking is given up on", async () => {
  const ports = heapThatShrinks(Array.from({ length: 100 }, (_, turn) => 1_000 - turn * 5));
  await collectedMemory(ports);
  assert.equal(ports.collections, 15);
});

Deno.test("collected memory: in a process that may collect, garbage does not count, and what is held does", async () => {
  const module = new URL("./collected_memory.ts", import.meta.url).href;
  const program = `
    const { collectedMemory } = await import(${JSON.stringify(module)});
    const fill = () => Array.from({ length: 200_000 }, (_, n) => ({ n }));
    fill();
    await collectedMemory();
    const before = (await collectedMemory()).heapBytes;
    fill();
    const garbage = (await collectedMemory()).heapBytes;
    const held = fill();
    const after = (await collectedMemory()).heapBytes;
    console.log(JSON.stringify({ garbage: garbage - before, held: after - before, n: held.length }));`;
  const run = async (env: Record<string, string>) =>
    await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", program],
      env: { NO_COLOR: "1", ...env },
    }).output();
  const { stdout } = await run(EXPOSE_GC);
  const { garbage, held } = JSON.parse(new TextDecoder().decode(stdout));
  assert.ok(Math.abs(garbage) < 200_000, `garbage ${garbage}`);
  assert.ok(held > 3_000_000, `held ${held}`);
  const { code, stderr } = await run({});
  assert.equal(code, 1);
  assert.match(new TextDecoder().decode(stderr), /cannot collect its garbage/);
});
