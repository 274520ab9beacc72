import assert from "node:assert/strict";
import { settle } from "../../test_support/manual_clock.ts";
import { GuardedState } from "./guarded_state.ts";

const VALUE = new Uint8Array([1]);

Deno.test("guarded state: what is being saved is waited for, whatever comes of it, and nothing is saved without the right", async () => {
  const saves = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let mayAct = true;
  let saved = 0;
  const state = new GuardedState(
    { value: VALUE, save: () => saves[saved++]!.promise },
    () => mayAct,
  );
  assert.equal(state.value, VALUE);
  const failing = assert.rejects(state.save(VALUE), { message: "made to fail" });
  const saving = state.save(VALUE);
  let isSettled = false;
  const settled = state.settled.then(() => isSettled = true);
  saves[1]!.resolve();
  await saving;
  await settle();
  assert.equal(isSettled, false);
  saves[0]!.reject(new Error("made to fail"));
  await Promise.all([failing, settled]);
  mayAct = false;
  await assert.rejects(state.save(VALUE), { code: "PARTI_FENCED" });
  assert.equal(saved, 2);
});
