import assert from "node:assert/strict";
import { Draws } from "../draw.ts";
import { BUCKET, bytes, numbers, watchLog } from "../../ports/contract/helpers_test.ts";
import { FaultBoard } from "./fault_board.ts";
import { drawFaults } from "./faults.ts";
import { hashOf, OLD_AND_NEW, simulate, type TestSimulation } from "./simulate_test.ts";

/** A busy minute: leases that are renewed and lost, watches, probes, cuts and a crash, with faults drawn from the seed. */
async function busyMinute({ kernel, server, connect }: TestSimulation): Promise<void> {
  FaultBoard.of(server).set(drawFaults(new Draws(kernel.seed, "faults")));
  const clients = numbers(0, 4).map(() => connect());
  const work = clients.map(async ({ world, link }, me) => {
    const bucket = await world.kv.open("b", { ...BUCKET, ttlMs: 2_000 }).catch(() => undefined);
    if (bucket === undefined) return;
    world.messaging.subscribe(`probe.${me}`, (notice) => notice.respond(notice.data));
    await watchLog(bucket, ">").catch(() => {});
    let revision = 0;
    for (let round = 0; round < 60; round++) {
      const key = `lease.${(me + round) % 3}`;
      const write = revision === 0
        ? bucket.create(key, bytes(`${me}`))
        : bucket.update(key, bytes(`${me}`), revision);
      revision = await write.catch(() => 0);
      await world.messaging.request(`probe.${(me + 1) % 5}`, bytes("?"), 250).catch(() => {});
      await bucket.get(key).catch(() => {});
      if (world.random.float() < 0.05) link.cut();
      await kernel.sleep(200 + 600 * world.random.float());
    }
  });
  await kernel.sleep(20_000);
  server.crash();
  await kernel.sleep(3_000);
  server.restart();
  await Promise.all(work);
}

Deno.test("the same seed gives the same run, and another one another", async () => {
  for (const version of OLD_AND_NEW) {
    const hashes = new Set<string>();
    for (const seed of [1, 2, 3]) {
      const hash = await hashOf(version, busyMinute, seed);
      assert.equal(await hashOf(version, busyMinute, seed), hash, `${version}, seed ${seed}`);
      hashes.add(hash);
    }
    assert.equal(hashes.size, 3);
  }
});

Deno.test("a world has the clock and the randomness of its process", () =>
  simulate("2.15.1", async ({ connect }) => {
    const { world, owner } = connect();
    assert.equal(world.clock, owner.clock);
    assert.equal(world.random, owner.random);
    await Promise.resolve();
  }));

Deno.test("what is written is in the trace: other keys and bytes give other hashes", async () => {
  const run = (key: string, value: number) =>
    hashOf("2.15.1", async ({ connect }) => {
      const { world } = connect();
      const bucket = await world.kv.open("b", BUCKET);
      await bucket.put(key, new Uint8Array([value]));
    }, 1);
  const hash = await run("a", 1);
  assert.equal(await run("a", 1), hash);
  assert.notEqual(await run("b", 1), hash);
  assert.notEqual(await run("a", 2), hash);
});
