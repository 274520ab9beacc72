/** A sweep that fails is due again; one that has succeeded is not. */
import assert from "node:assert/strict";
import { ChunkSweep } from "./chunk_sweep.ts";

Deno.test("chunk sweep: once, and again only if it has failed", async () => {
  const outcomes = [Promise.reject(new Error("away")), Promise.resolve()];
  const failures: unknown[] = [];
  let sweeps = 0;
  const sweep = new ChunkSweep((error) => failures.push(error));
  for (let look = 0; look < 4; look++) {
    sweep.start({ sweep: () => outcomes[sweeps++]! });
    await sweep.idle();
  }
  assert.equal(sweeps, 2);
  assert.deepEqual(failures.map(String), ["Error: away"]);
});

Deno.test("chunk sweep: one at a time", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let sweeps = 0;
  const sweep = new ChunkSweep(() => {});
  const pen = {
    sweep: () => {
      sweeps++;
      return promise;
    },
  };
  sweep.start(pen);
  sweep.start(pen);
  resolve();
  await sweep.idle();
  assert.equal(sweeps, 1);
});
