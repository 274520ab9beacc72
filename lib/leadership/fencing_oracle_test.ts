import assert from "node:assert/strict";
import { FakeBucket } from "../membership/fake_bucket_test.ts";
import type { Term } from "./election_agent.ts";
import { FencingOracle } from "./runner_test.ts";

function term(epoch: number): Term {
  return { epoch, valid: true, confirm: () => Promise.resolve(true) };
}

Deno.test("the oracle lets no earlier term write after a later one", async () => {
  const oracle = new FencingOracle(new FakeBucket());
  const first = await oracle.claim(term(5));
  assert.equal(await first!(), true);
  const second = await oracle.claim(term(9));
  assert.equal(await first!(), false);
  assert.equal(await second!(), true);
  assert.equal(await oracle.claim(term(5)), undefined);
  oracle.check();
});

Deno.test("planted fault: in a store without compare the oracle sees the zombie", async () => {
  const bucket = new FakeBucket();
  bucket.update = (key, value) => bucket.put(key, value);
  const oracle = new FencingOracle(bucket);
  const zombie = await oracle.claim(term(5));
  const leader = await oracle.claim(term(9));
  await leader!();
  await zombie!();
  assert.throws(() => oracle.check(), /epoch 5 wrote after epoch 9/);
});
