import assert from "node:assert/strict";
import { parse } from "valibot";
import { isPartiError } from "../../lib/errors.ts";
import { simulationSchema } from "../config/config_schema.ts";
import type { Member, Role } from "../run/fleet.ts";
import { TestFleet } from "../run/fleet_rig_test.ts";
import { pauseFor, untilFine } from "../run/wait.ts";
import { warmUp } from "./warm_up.ts";

/** Two workers and a producer are to be started; `amiss` is what is not in order. */
function rig(workers = 2) {
  const fleet = new TestFleet();
  const said: string[] = [];
  const state = {
    incidents: [] as string[],
    amiss: undefined as string | undefined,
    disorder: () => state.amiss,
    startupMs: 7,
  };
  const abort = new AbortController();
  const config = parse(simulationSchema, { workers: { count: workers }, producers: { count: 1 } });
  const begin = (known?: number) =>
    warmUp({
      ...{ config, known },
      fleet: {
        members: fleet.members,
        running: (role: Role) => fleet.running(role),
        spawn: (role: Role, index: number): Member => fleet.add(role, index),
      },
      state,
      console: { log: (_tag, text) => void said.push(text) },
      signal: abort.signal,
    });
  return { fleet, said, state, abort, begin };
}

Deno.test("warm-up: everybody is started, and it is over when all is in order", async () => {
  const { fleet, said, state, begin } = rig();
  state.amiss = "worker-1 is silent";
  let over = false;
  const warming = begin().finally(() => over = true);
  assert.deepEqual(fleet.members.map(({ name }) => name), ["producer-0", "worker-0", "worker-1"]);
  fleet.members[0]!.readyUs = undefined;
  state.amiss = undefined;
  await pauseFor(120);
  assert.equal(over, false, "the producer is not ready");
  fleet.members[0]!.readyUs = 1;
  assert.equal(await warming, 7);
  assert.equal(said.at(-1), "All workers are Stable at once 7ms after the first one was ready");
});

Deno.test("warm-up: a large fleet starts a few at a time", async () => {
  const { fleet, said, abort, begin } = rig(30);
  const workers = () => fleet.running("worker");
  const warming = begin();
  for (const member of workers()) member.readyUs = undefined;
  await pauseFor(120);
  assert.equal(workers().length, 12, "nobody more while these are starting");
  assert.doesNotMatch(said.join(), /Started 30 workers/);
  workers()[3]!.readyUs = 1;
  await untilFine(5_000, abort.signal, () => workers().length === 13 ? undefined : "not yet");
  assert.equal(workers().length, 13, "one is up, one more starts");
  for (const member of workers()) member.readyUs = 1;
  assert.equal(await warming, 7);
  assert.equal(workers().length, 30);
});

Deno.test("warm-up: who ends by itself ends it at once, with its last words", async () => {
  const { state, begin } = rig();
  state.amiss = "worker-1 is silent";
  state.incidents.push("worker-1#1 ended by itself with code 1: no good");
  await assert.rejects(begin(), (error) => {
    assert.ok(isPartiError(error, "PARTI_STARTUP_TIMEOUT"));
    assert.match(error.message, /did not come up: worker-1#1 ended by itself .*: no good$/);
    return true;
  });
});

Deno.test("warm-up: what went wrong before the run was resumed says nothing of who is started now", async () => {
  const { state, begin } = rig();
  state.incidents.push("worker-1#1 ended by itself with code 1: long ago");
  assert.equal(await begin(1), 7);
  state.amiss = "worker-1 is silent";
  state.incidents.push("worker-1#2 ended by itself with code 1: now");
  await assert.rejects(begin(1), /did not come up: worker-1#2 ended by itself .*: now$/);
});

Deno.test("warm-up: an interrupted run has no start", async () => {
  const { said, state, abort, begin } = rig();
  state.amiss = "worker-1 is silent";
  const warming = begin();
  abort.abort();
  assert.equal(await warming, null);
  assert.doesNotMatch(said.join(), /All workers/);
});
