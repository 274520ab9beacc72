/** Who is struck, when, and who is not. */
import assert from "node:assert/strict";
import type { Snapshot } from "../../assignment/snapshot.ts";
import type { ManagerState } from "../../manager/state.ts";
import { Kernel } from "../kernel/kernel.ts";
import { Ambushes } from "./ambush.ts";
import type { Member } from "./member.ts";

function memberCalled(instance: string, state: ManagerState = "WaitingAssignment"): Member {
  return { owner: { dead: false }, manager: { instance, state } } as unknown as Member;
}

async function within(test: (ambushes: Ambushes, kernel: Kernel) => Promise<void>): Promise<void> {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(() => test(new Ambushes(kernel), kernel));
}

Deno.test("the first who gets into the state is struck, once, and nobody else", async () => {
  await within(async (ambushes, kernel) => {
    const struck: [string | undefined, number][] = [];
    ambushes.arm({
      moment: "Emergency",
      delayMs: 10,
      strike: ({ manager }) => void struck.push([manager.instance, kernel.nowMs]),
    });
    ambushes.entered(memberCalled("a"), "Stable");
    ambushes.entered(memberCalled("b"), "Emergency");
    ambushes.entered(memberCalled("c"), "Emergency");
    await kernel.sleep(100);
    assert.deepEqual(struck, [["b", 10]]);
  });
});

Deno.test("nobody is struck who has died, or after the end", async () => {
  await within(async (ambushes, kernel) => {
    const strike = () => assert.fail("struck");
    const dead = memberCalled("a");
    ambushes.arm({ moment: "Stable", delayMs: 10, strike });
    ambushes.entered(dead, "Stable");
    (dead.owner as { dead: boolean }).dead = true;
    await kernel.sleep(100);
    ambushes.arm({ moment: "Stable", delayMs: 10, strike });
    ambushes.entered(memberCalled("b"), "Stable");
    ambushes.end();
    ambushes.arm({ moment: "Stable", delayMs: 10, strike });
    ambushes.entered(memberCalled("c"), "Stable");
    await kernel.sleep(100);
  });
});

Deno.test("whoever is waited for with a message is struck while the next one is on its way", async () => {
  await within(async (ambushes, kernel) => {
    const struck: number[] = [];
    const member = { owner: { dead: false }, instance: "a" } as unknown as Member;
    const nobody = { owner: { dead: false }, instance: undefined } as unknown as Member;
    ambushes.armInFlight("message", member, () => void struck.push(kernel.nowMs));
    ambushes.armInFlight("message", nobody, () => assert.fail("struck"));
    ambushes.sent("b");
    ambushes.sent(undefined);
    await kernel.sleep(10);
    ambushes.sent("a");
    ambushes.sent("a");
    await kernel.sleep(10);
    assert.deepEqual(struck, [10]);
    ambushes.end();
    ambushes.armInFlight("message", member, () => assert.fail("struck"));
    ambushes.sent("a");
    await kernel.sleep(10);
  });
});

Deno.test("whoever is waited for with acks is struck when two of them are on their way", async () => {
  await within(async (ambushes, kernel) => {
    const struck: number[] = [];
    const member = { owner: { dead: false }, instance: "a" } as unknown as Member;
    ambushes.armInFlight("acks", member, () => void struck.push(kernel.nowMs));
    ambushes.sent("a");
    ambushes.acked("a", 5);
    ambushes.acked("b", 5);
    await kernel.sleep(10);
    ambushes.acked("a", 5);
    await kernel.sleep(5);
    assert.deepEqual(struck, []);
    ambushes.acked("a", 5);
    await kernel.sleep(10);
    assert.deepEqual(struck, [15]);
  });
});

Deno.test("a loser is somebody from whom an assignment takes partitions", async () => {
  await within(async (ambushes, kernel) => {
    const seen: string[] = [];
    const strike = ({ manager }: Member) => void seen.push(String(manager.instance));
    const publish = (parts: Record<string, string[]>) => {
      const workers = Object.entries(parts)
        .map(([instance, partitions]) => ({ id: instance, instance, partitions }));
      const snapshot = { leader: { worker: "a", instance: "a" }, workers } as unknown as Snapshot;
      ambushes.published(snapshot, ["a", "b"].map((instance) => memberCalled(instance, "Stable")));
    };
    publish({ a: ["p0"], b: ["p1"] });
    ambushes.arm({ moment: "loser", delayMs: 0, strike });
    publish({ a: ["p0"], b: ["p1", "p2"] });
    await kernel.sleep(1);
    assert.deepEqual(seen, []);
    publish({ a: ["p0", "p2"], b: ["p1"] });
    await kernel.sleep(1);
    assert.deepEqual(seen, ["b"]);
  });
});

Deno.test("an heir is a newcomer whom an assignment of somebody else names", async () => {
  await within(async (ambushes, kernel) => {
    const seen: string[] = [];
    const arm = () =>
      ambushes.arm({
        moment: "heir",
        delayMs: 5,
        prepare: ({ manager }) => void seen.push(`${manager.instance} in sight`),
        strike: ({ manager }) => void seen.push(`${manager.instance} struck`),
      });
    const workers = ["a", "b", "c"].map((instance) => ({ id: instance, instance, partitions: [] }));
    const snapshot = { leader: { worker: "c", instance: "c" }, workers } as unknown as Snapshot;
    arm();
    const others = [memberCalled("a", "Stable"), memberCalled("c"), memberCalled("d")];
    ambushes.published(snapshot, others);
    await kernel.sleep(10);
    assert.deepEqual(seen, []);
    ambushes.published(snapshot, [...others, memberCalled("b")]);
    assert.deepEqual(seen, ["b in sight"]);
    await kernel.sleep(10);
    assert.deepEqual(seen, ["b in sight", "b struck"]);
  });
});
