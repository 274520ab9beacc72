import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import { ManualClock, settle } from "../../test_support/manual_clock.ts";
import type { Actor } from "./actor.ts";
import { sayGoodbye } from "./goodbye.ts";
import { GuardedState } from "./guarded_state.ts";

const GRACE_MS = 1_000;

function leaving(
  actor: Partial<Actor>,
  saving?: Promise<void>,
  over = new Promise<void>(() => {}),
) {
  const clock = new ManualClock();
  const errors: PartiError[] = [];
  const save = () => saving ?? Promise.resolve();
  const state = new GuardedState({ value: undefined, save }, () => true);
  if (saving !== undefined) void state.save(new Uint8Array());
  const said = sayGoodbye({
    ...{ clock, graceMs: GRACE_MS, id: "a::b/c", state, over },
    actor: { handle: () => {}, ...actor },
    onError: (error) => errors.push(error),
  }, "idle");
  return { clock, errors, said };
}

Deno.test("goodbye: a life has ended when its hook has, and what it saves", async () => {
  const hook = Promise.withResolvers<void>();
  const save = Promise.withResolvers<void>();
  const { clock, errors, said } = leaving({ onDeactivate: () => hook.promise }, save.promise);
  let isSaid = false;
  void said.then(() => isSaid = true);
  hook.reject(new Error("made to fail"));
  await settle();
  assert.equal(isSaid, false);
  save.resolve();
  assert.equal(await said, true);
  assert.deepEqual(errors.map(({ code }) => code), ["PARTI_HANDLER_FAILED"]);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("goodbye: a hook that hangs has its time and no more, and is told of", async () => {
  const hook = Promise.withResolvers<void>();
  const { clock, errors, said } = leaving({ onDeactivate: () => hook.promise });
  await clock.advance(GRACE_MS);
  assert.equal(await said, false);
  assert.deepEqual(errors.map(({ value }) => value), ["a::b/c"]);
  // What becomes of it later is told, too, and nobody has to wait for it.
  hook.reject(new PartiError("PARTI_FENCED", "made to fail"));
  await settle();
  assert.deepEqual(errors.map(({ code }) => code), ["PARTI_HANDLER_FAILED", "PARTI_FENCED"]);
});

Deno.test("goodbye: where nobody waits for it any more it leaves no timer", async () => {
  const hook = () => new Promise<void>(() => {});
  const { clock, errors, said } = leaving({ onDeactivate: hook }, undefined, Promise.resolve());
  assert.equal(await said, true);
  assert.deepEqual([errors, clock.pendingTimers], [[], 0]);
});
