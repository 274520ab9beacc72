import assert from "node:assert/strict";
import type { Member } from "../../membership/roster.ts";
import { timeout } from "../../membership/fake_bucket_test.ts";
import { Evictor, type EvictorRoster } from "./evictor.ts";
import { member } from "./leader_rig_test.ts";

function rig(count: number) {
  const members = new Map(Array.from({ length: count }, (_, n) => [`i${n}`, member(n)]));
  const state = {
    members,
    lapsed: new Set<string>(),
    /** What an eviction does: true, false, or it fails. */
    outcome: (_member: Member): boolean | Promise<boolean> => true,
    connected: true,
    evicted: [] as string[],
    errors: [] as unknown[],
    tries: 0,
  };
  const roster: EvictorRoster = {
    get members() {
      return [...members.values()];
    },
    isLapsed: (each) => state.lapsed.has(each.record.instance),
    evict: async (each) => {
      state.tries++;
      const gone = await state.outcome(each);
      if (gone) members.delete(each.record.instance);
      return gone;
    },
  };
  const evictor = new Evictor({
    roster,
    self: "i0",
    isConnected: () => state.connected,
    onEvicted: (each, reason) => state.evicted.push(`${each.record.instance}: ${reason}`),
    onError: (error) => state.errors.push(error),
  });
  return { state, evictor };
}

Deno.test("evictor: ends the leases of the condemned and the lapsed, never its own", async () => {
  const { state, evictor } = rig(4);
  evictor.condemn("i0", "no responders", evictor.revisionOf("i0"));
  evictor.condemn("i1", "no responders", evictor.revisionOf("i1"));
  state.lapsed.add("i0").add("i2");
  assert.equal(await evictor.evictAll(), true);
  assert.deepEqual(state.evicted, ["i1: no responders", "i2: lease not renewed"]);
  assert.deepEqual([...state.members.keys()], ["i0", "i3"]);
});

Deno.test("evictor: whoever turns out to be alive lives on, and needs a new verdict", async () => {
  const { state, evictor } = rig(2);
  state.outcome = () => false;
  evictor.condemn("i1", "no responders", evictor.revisionOf("i1"));
  assert.equal(await evictor.evictAll(), true);
  assert.equal(await evictor.evictAll(), true);
  assert.equal(state.tries, 1);
  assert.deepEqual(state.evicted, []);
});

Deno.test("evictor: one that fails keeps no other alive and is tried again, W-17", async () => {
  const { state, evictor } = rig(4);
  state.outcome = (each) => each.idNumber === 2 ? Promise.reject(timeout()) : true;
  for (const instance of ["i1", "i2", "i3"]) {
    evictor.condemn(instance, "dead", evictor.revisionOf(instance));
  }
  assert.equal(await evictor.evictAll(), false);
  assert.deepEqual(state.evicted, ["i1: dead", "i3: dead"]);
  assert.equal(state.errors.length, 1);
  state.outcome = () => true;
  assert.equal(await evictor.evictAll(), true);
  assert.equal(state.evicted.length, 3);
});

Deno.test("evictor: one that has failed is not tried again on whoever has renewed since", async () => {
  const { state, evictor } = rig(2);
  state.outcome = () => Promise.reject(timeout());
  evictor.condemn("i1", "no responders", evictor.revisionOf("i1"));
  assert.equal(await evictor.evictAll(), false);
  const dead = state.members.get("i1")!;
  state.members.set("i1", { ...dead, revision: dead.revision + 1 });
  state.outcome = () => true;
  assert.equal(await evictor.evictAll(), true);
  assert.deepEqual(state.evicted, []);
  evictor.condemn("i1", "no responders", evictor.revisionOf("i1"));
  await evictor.evictAll();
  assert.deepEqual(state.evicted, ["i1: no responders"], "a new verdict counts");
});

Deno.test("evictor: whoever has renewed between the two questions is alive, whatever the second one found", async () => {
  const { state, evictor } = rig(3);
  const [, missed, renewed] = [...state.members.values()];
  state.members.set("i2", { ...renewed!, revision: renewed!.revision + 1 });
  evictor.condemn("i1", "no responders", missed!.revision);
  evictor.condemn("i2", "no responders", renewed!.revision);
  assert.equal(await evictor.evictAll(), true);
  assert.deepEqual(state.evicted, ["i1: no responders"]);
});

Deno.test("evictor: verdicts that come meanwhile are carried out, too: one look, one rebalance", async () => {
  const { state, evictor } = rig(10);
  state.outcome = async (each) => {
    evictor.condemn(`i${each.idNumber + 1}`, "dead", evictor.revisionOf(`i${each.idNumber + 1}`));
    await undefined;
    return true;
  };
  evictor.condemn("i1", "dead", evictor.revisionOf("i1"));
  assert.equal(await evictor.evictAll(), true);
  assert.deepEqual([...state.members.keys()], ["i0"]);
});

Deno.test("evictor: lapsed but not to be proven is tried again", async () => {
  const { state, evictor } = rig(2);
  state.lapsed.add("i1");
  state.outcome = () => false;
  assert.equal(await evictor.evictAll(), false);
});

Deno.test("evictor: judges nobody while its own connection is down", async () => {
  const { state, evictor } = rig(3);
  state.connected = false;
  state.lapsed.add("i1");
  evictor.condemn("i2", "no responders", evictor.revisionOf("i2"));
  assert.equal(await evictor.evictAll(), false);
  assert.equal(state.tries, 0);
  evictor.pardonAll();
  state.lapsed.clear();
  state.connected = true;
  assert.equal(await evictor.evictAll(), true);
  assert.equal(state.tries, 0);
});

Deno.test("evictor: a verdict on somebody who is not there does not wait for him", async () => {
  const { state, evictor } = rig(1);
  evictor.condemn("i5", "dead", member(5).revision);
  await evictor.evictAll();
  state.members.set("i5", member(5));
  await evictor.evictAll();
  assert.equal(state.tries, 0);
});

Deno.test("evictor: after its end it tells nothing and begins nothing", async () => {
  const { state, evictor } = rig(3);
  const held = Promise.withResolvers<boolean>();
  state.outcome = () => held.promise;
  evictor.condemn("i1", "dead", evictor.revisionOf("i1"));
  const running = evictor.evictAll();
  evictor.close();
  held.resolve(true);
  await running;
  state.lapsed.add("i2");
  await evictor.evictAll();
  assert.deepEqual(state.evicted, []);
  assert.equal(state.tries, 1);
});

Deno.test("evictor: whoever had renewed when he is seen first is alive, and whoever had no lease to be known by", async () => {
  for (
    const [renewals, evicted] of [[0, ["i1: no responders"]], [1, []], [undefined, []]] as const
  ) {
    const { state, evictor } = rig(2);
    const late = state.members.get("i1")!;
    state.members.delete("i1");
    const known = renewals === undefined ? undefined : late.revision;
    evictor.condemn("i1", "no responders", known);
    state.members.set("i1", { ...late, revision: late.revision + (renewals ?? 0) });
    assert.equal(await evictor.evictAll(), true);
    assert.equal(await evictor.evictAll(), true);
    assert.deepEqual(state.evicted, evicted);
  }
});
