/** Every promise is broken on purpose, by things told to the observer that did not happen: one that cannot fail proves nothing. */
import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import type { AssignmentChange } from "../../manager/hooks.ts";
import { CONVERGENCE_MS, type CoreCatalog, coreCatalog } from "./catalog.ts";
import { messageViolations } from "./message_violations_test.ts";
import { lane, LIST, Rig, RULES, wellRig, WITH_C } from "./observer_rig_test.ts";

/** Each promise, and what breaks it. */
const violations: [keyof CoreCatalog, (rig: Rig) => void][] = [
  ["one leader per epoch", (rig) => rig.publish(3_000, { generation: 2, leader: "B" })],
  ["generations rise", (rig) => rig.publish(3_000, { generation: 1, parts: { A: ["p0", "p1"] } })],
  ["generations rise", (rig) => {
    rig.publish(3_000, { epoch: 5, generation: 1, leader: "B" });
    rig.publish(3_100, { epoch: 1, generation: 2 });
  }],
  [
    "an assignment is complete",
    (rig) => rig.publish(3_000, { generation: 2, parts: { A: ["p0"] } }),
  ],
  [
    "an assignment is complete",
    ({ observer }) => observer.assignments.unreadable(new TextEncoder().encode("{")),
  ],
  ["what is in force stays", ({ observer }) => {
    const part = { epoch: 1, generation: 1, hash: "0".repeat(16) };
    observer.assignments.published(observer.latest!, 3_000, [part]);
    observer.assignments.chunkErased({ ...part, hash: "1".repeat(16) });
    observer.assignments.chunkErased(part);
  }],
  ...messageViolations,
  ["a stable ID has one holder", (rig) => rig.lease("worker-A", "C", 3_000, { holders: ["A"] })],
  ["moves without need keep their distance", (rig) => {
    rig.publish(60_000, { generation: 2, reason: "planned_scale" });
    rig.publish(62_000, { generation: 3, reason: "imbalance" });
  }],
  ["a newcomer waits for the windows, and no longer", (rig) => {
    rig.lease("worker-C", "C", 60_000);
    rig.publish(71_500, { generation: 2, parts: { A: ["p0"], B: ["p1"], C: [] } });
  }],
  ["a newcomer waits for the windows, and no longer", (rig) => {
    rig.lease("worker-C", "C", 60_000);
    rig.publish(60_000, { epoch: 2, leader: "B" });
    rig.publish(95_000, { epoch: 2, leader: "B", generation: 2, parts: { C: LIST } });
  }],
  ["a newcomer waits until the group is quiet", (rig) => {
    rig.lease("worker-C", "C", 60_000);
    rig.publish(60_400, { generation: 2, reason: "planned_scale", parts: WITH_C });
  }],
  ["a newcomer waits until the group is quiet", (rig) => {
    rig.lease("worker-C", "C", 60_000);
    rig.publish(61_000, { epoch: 2, leader: "C" });
    rig.publish(61_400, { epoch: 2, leader: "C", generation: 2, parts: WITH_C });
  }],
  ["a move without need waits for its window", (rig) => {
    rig.observer.sourceSays([...LIST, "p2"], 60_000);
    const parts = { A: ["p0", "p2"], B: ["p1"] };
    rig.publish(60_400, { generation: 2, reason: "partition_change", parts });
  }],
  ["a move without need waits for its window", (rig) => {
    rig.observer.sourceSays(LIST, 60_000, { p0: 5 });
    rig.publish(60_400, { generation: 2, reason: "partition_change" });
  }],
  ["a move without need waits for its window", (rig) => {
    rig.publish(60_000, { epoch: 2, leader: "B" });
    rig.publish(60_400, { epoch: 2, leader: "B", generation: 2, reason: "imbalance" });
  }],
  ["a move without need waits for its window", (rig) => {
    // Whatever the term found uneven was done with long before.
    rig.publish(60_000, { epoch: 2, leader: "B" });
    rig.observer.sourceSays(LIST, 72_000, { p0: 5 });
    rig.publish(72_400, { epoch: 2, leader: "B", generation: 2, reason: "partition_change" });
  }],
  ["an emergency waits for nothing", (rig) => {
    rig.observer.unleased("worker-B", 60_000);
    rig.publish(61_000, { generation: 2, reason: "emergency", parts: { A: LIST } });
  }],
  ["whoever leads is not deposed", (rig) => {
    rig.observer.leaders.leased("A", 60_000, () => true);
    rig.observer.leaders.leased("A", 61_000, () => true);
    rig.observer.leaders.leased("B", 65_000, (instance) => instance === "A");
  }],
  ["transitions are legal", (rig) => rig.observer.stateChanged("Stable", "Election")],
  [
    "hooks tell the difference",
    (rig) => rig.observer.assignmentChanged(new Set(), told([], ["p0"], [])),
  ],
  ["hooks tell the difference", (rig) => {
    rig.observer.assignmentChanged(new Set(["p0"]), told(["p0"], [], ["p0"]));
  }],
  ["hooks tell the difference", (rig) => {
    rig.observer.assignmentChanged(new Set(["p0"]), told(["p1"], [], ["p1"]));
  }],
  ["what is acknowledged is held", (rig) => {
    rig.observer.applied.acquired("A", ["p0"]);
    rig.observer.applied.released("A", ["p0"]);
    rig.publish(2_900, { generation: 2 });
    rig.lease("worker-A", "A", 3_000, { applied: 2, following: 2 });
  }],
  ["whoever lives is not evicted", (rig) => {
    rig.observer.excuse("A", 3_000);
    rig.lease("worker-A", "A", 5_000);
    rig.observer.evicted("A", 6_000);
  }],
  ["nothing is lost", (rig) => rig.observer.converged(0, undefined, LIST)],
  ["the group converges", (rig) => {
    // A message waits as well, which is no wonder and not lost.
    const problem = { text: "worker-0 is Election", isOfFeed: false };
    rig.observer.converged(CONVERGENCE_MS + 1, problem, LIST);
  }],
  ["nothing leaks", (rig) => rig.observer.stopped(["3 timers"])],
  ["no invariant of parti breaks", (rig) => {
    rig.observer.told(new PartiError("PARTI_INVARIANT", "two owners"));
  }],
  ["no invariant of parti breaks", (rig) => rig.observer.told(new TypeError("caught somewhere"))],
  ["no invariant of parti breaks", (rig) => {
    const cause = new ReferenceError("x is not defined");
    rig.observer.told(new PartiError("PARTI_SOURCE_FAILED", "the source failed", { cause }));
  }],
  ["no assignment goes back", (rig) => {
    rig.observer.followed("A", { epoch: 2, generation: 3 });
    rig.observer.followed("A", { epoch: 2, generation: 2 });
  }],
  ["a blip evicts nobody", (rig) => {
    rig.observer.excuse("A", 3_000);
    rig.observer.blinked("A", 3_000);
    rig.observer.evicted("A", 3_300);
  }],
];

function told(added: string[], removed: string[], all: string[]): AssignmentChange {
  const partitions = (ids: string[]) => ids.map((id) => ({ keys: [id] }));
  return {
    added: partitions(added),
    removed: partitions(removed),
    all: partitions(all),
    assignment: { epoch: 1, generation: 1, partitions: partitions(all) },
  };
}

Deno.test("a group in which all is well breaks nothing", () => {
  assert.deepEqual(wellRig().broken, []);
});

for (const [number, [name, violate]] of violations.entries()) {
  Deno.test(`planted violation ${number + 1}: ${name}`, () => {
    const rig = wellRig();
    violate(rig);
    assert.deepEqual(rig.broken, [name]);
  });
}

Deno.test("every promise of the catalog is broken by a planted violation", () => {
  const planted = new Set<string>(violations.map(([name]) => name));
  const promises = Object.entries(coreCatalog).filter(([, { kind }]) => kind.startsWith("always"));
  assert.ok(promises.length >= 17);
  assert.deepEqual(promises.map(([name]) => name).filter((name) => !planted.has(name)), []);
});

/** What looks like a violation and is none, because somebody could not know or nobody had to wait. */
const innocent: [string, (rig: Rig) => void][] = [
  [
    "who was away for long, or is taken for dead much later, was not away for an instant only",
    (rig) => {
      rig.observer.blinked("A", 3_000);
      rig.observer.excuse("A", 3_100);
      rig.observer.evicted("A", 3_300);
      rig.observer.blinked("B", 3_000);
      rig.observer.evicted("B", 9_000);
    },
  ],
  ["what runs where the connection was cut may overlap with the successor", (rig) => {
    rig.begin("A", 2);
    rig.observer.excuse("A", 3_000);
    rig.begin("B", 2, { generation: 2 });
  }],
  ["whose connection was cut while it stood still may begin before it hears of that", (rig) => {
    rig.observer.excuse("A", 3_000);
    rig.begin("B", 2);
    rig.begin("A", 2, {}, { isCutUnheard: true });
  }],
  ["what was over before the excuse ended did not overlap with what one has by right", (rig) => {
    const abort = new AbortController();
    rig.begin("A", 2, { signal: abort.signal });
    rig.observer.excuse("A", 3_000);
    rig.begin("B", 2, { generation: 2 });
    abort.abort();
    rig.lease("worker-A", "A", 5_000);
  }],
  ["a handler whose signal has fired is not in the way", (rig) => {
    const abort = new AbortController();
    rig.begin("A", 2, { signal: abort.signal });
    abort.abort();
    rig.begin("B", 2, { generation: 2 });
  }],
  ["a leader that does not know whether it has written writes the same again", (rig) => {
    rig.publish(3_000);
  }],
  ["what was held when it was said may be let go before that has come", (rig) => {
    rig.observer.applied.acquired("A", ["p0"]);
    rig.observer.applied.released("A", ["p0"]);
    rig.lease("worker-A", "A", 3_000, { applied: 1, following: 1 });
  }],
  ["what is kept is held by a later generation, too", (rig) => {
    rig.observer.applied.acquired("A", ["p0"]);
    rig.publish(2_900, { generation: 2 });
    rig.observer.applied.released("A", ["p0"]);
    rig.lease("worker-A", "A", 3_000, { applied: 2, following: 2 });
  }],
  ["a dead worker's ID may be taken", (rig) => {
    rig.observer.excuse("A", 3_000);
    rig.lease("worker-A", "C", 3_100, { holders: ["A"] });
  }],
  ["a leaver is served at once", (rig) => {
    rig.publish(60_000, { generation: 2, reason: "planned_scale" });
    rig.lease("worker-B", "B", 61_000, { leaving: true });
    rig.publish(61_100, { generation: 3, reason: "planned_scale", parts: { A: LIST, B: [] } });
  }],
  ["whoever went without giving its lease back is a leaver for as long as it lies", (rig) => {
    rig.lease("worker-B", "B", 40_000, { leaving: true });
    rig.publish(60_000, { generation: 2, reason: "planned_scale", parts: { A: LIST, B: [] } });
    rig.observer.sourceSays(LIST, 60_000, { p0: 5 });
    rig.publish(61_000, { generation: 3, reason: "partition_change", parts: { A: LIST, B: [] } });
  }],
  ["a window that has reached its cap does not wait for quiet", (rig) => {
    rig.lease("worker-C", "C", 60_000);
    rig.lease("worker-D", "D", 69_800);
    const parts = { ...WITH_C, D: [] };
    rig.publish(70_000, { generation: 2, reason: "planned_scale", parts });
  }],
  ["what differed before a newcomer came has opened the window", (rig) => {
    rig.observer.sourceSays(LIST, 60_000);
    rig.lease("worker-C", "C", 69_800);
    rig.publish(70_000, { generation: 2, reason: "planned_scale", parts: WITH_C });
  }],
  ["what changes while a window is open does not open it anew", (rig) => {
    rig.observer.sourceSays([...LIST, "p2"], 60_000);
    rig.observer.sourceSays(LIST, 60_400, { p0: 5 });
    rig.publish(60_600, { generation: 2, reason: "partition_change" });
  }],
  ["what the last generation did not heed may have been seen before the next change", (rig) => {
    // The source hangs, so that an emergency goes by what it said before.
    rig.observer.sourceSays(LIST, 60_000, { p0: 5 });
    rig.publish(62_000, { generation: 2, reason: "emergency" });
    rig.lease("worker-C", "C", 64_000, { leaving: true });
    rig.publish(64_200, { generation: 3, reason: "partition_change" });
  }],
  ["what a term has found uneven has opened the window", (rig) => {
    rig.publish(60_000, { epoch: 2, leader: "B" });
    rig.observer.sourceSays(LIST, 60_400, { p0: 5 });
    rig.publish(60_600, { epoch: 2, leader: "B", generation: 2, reason: "partition_change" });
  }],
  ["what a term has found uneven has opened the window for newcomers, too", (rig) => {
    rig.publish(60_000, { epoch: 2, leader: "B" });
    rig.lease("worker-C", "C", 60_300);
    rig.lease("worker-D", "D", 69_800);
    const parts = { ...WITH_C, D: [] };
    rig.publish(70_000, { epoch: 2, leader: "B", generation: 2, reason: "planned_scale", parts });
  }],
  [
    "a leader that was disturbed counts from when it has written, and not from when that came",
    (rig) => {
      rig.observer.disturbed(59_900);
      rig.publish(60_000, { generation: 2, reason: "planned_scale" });
      rig.publish(62_000, { generation: 3, reason: "imbalance" });
    },
  ],
  ["a leader that was disturbed may have begun before", (rig) => {
    rig.lease("worker-C", "C", 60_000);
    rig.observer.disturbed(60_100);
    rig.publish(60_400, { generation: 2, reason: "planned_scale", parts: WITH_C });
  }],
  ["the lead is taken over, taken from whoever knows, and given back", (rig) => {
    const { leaders } = rig.observer;
    leaders.leased("A", 60_000, () => true);
    leaders.leased("B", 64_900, () => true);
    leaders.leased("C", 65_000, () => false);
    leaders.unleased();
    leaders.leased("A", 65_100, () => true);
    rig.observer.excuse("A", 65_200);
    leaders.leased("B", 65_300, () => true);
  }],
  ["whoever is silent, or may be taken for dead, is evicted", (rig) => {
    rig.observer.evicted("A", 6_000);
    rig.lease("worker-B", "B", 6_000);
    rig.observer.excuse("B", 6_500);
    rig.observer.evicted("B", 7_000);
  }],
  ["who holds what it says, says nothing new or follows another already is not wrong", (rig) => {
    rig.observer.applied.acquired("A", ["p0"]);
    rig.lease("worker-A", "A", 3_000, { applied: 1, following: 1 });
    rig.observer.applied.released("A", ["p0"]);
    rig.lease("worker-A", "A", 3_500, { applied: 1, following: 1 });
    rig.lease("worker-B", "B", 3_500, { applied: 1, following: 2 });
  }],
  ["whoever may be taken for dead has no lock to rely on", (rig) => {
    rig.begin("A", 2);
    rig.observer.excuse("A", 3_000);
    rig.observer.messages.locks.changed(lane("A", "p0"), undefined);
  }],
  ["what was aborted is not locked any more", (rig) => {
    const abort = new AbortController();
    rig.begin("A", 2, { signal: abort.signal });
    abort.abort();
    rig.observer.messages.locks.changed(lane("A", "p0"), undefined);
  }],
  ["what was not done well, or nobody could acknowledge, is begun again", (rig) => {
    rig.begin("A", 2)();
    rig.begin("A", 2)(true);
    rig.observer.excuse("A", 3_000);
    rig.begin("B", 2, { generation: 2 })();
  }],
  ["a server that has forgotten all lanes has forgotten acks", (rig) => {
    rig.begin("A", 2)(true);
    rig.observer.excuse("A", 3_000);
    rig.observer.messages.lanesForgotten(["A"]);
    rig.begin("A", 2)(true);
    rig.lease("worker-A", "A", 5_000);
    rig.begin("B", 2, { generation: 2 });
  }],
  [
    "a message may come for the first time, to others, after a fault or when its right is over",
    (rig) => {
      const { messages } = rig.observer;
      const abort = new AbortController();
      const end = rig.begin("A", 2, { signal: abort.signal });
      messages.cameAgain("A", "p0", { streamSequence: 2, deliveryCount: 1 }, 3_000);
      messages.cameAgain("B", "p0", { streamSequence: 2, deliveryCount: 2 }, 3_000);
      messages.disturbed(4_000);
      messages.cameAgain("A", "p0", { streamSequence: 2, deliveryCount: 2 }, 3_000);
      abort.abort();
      messages.cameAgain("A", "p0", { streamSequence: 2, deliveryCount: 2 }, 5_000);
      end();
      messages.cameAgain("A", "p0", { streamSequence: 2, deliveryCount: 2 }, 5_000);
    },
  ],
  ["what comes soon after a cold start is not held against anybody", (rig) => {
    rig.publish(4_000, { generation: 2, reason: "planned_scale" });
    rig.publish(5_000, { generation: 3, reason: "planned_scale" });
  }],
  ["another leader knows nothing of the last one's moves", (rig) => {
    rig.publish(60_000, { generation: 2, reason: "planned_scale" });
    rig.publish(60_500, { epoch: 2, generation: 2, leader: "B" });
    rig.publish(61_000, { epoch: 2, generation: 3, leader: "B", reason: "planned_scale" });
  }],
  ["an instance that has lost its stable ID lives on under another, and goes long after", (rig) => {
    rig.observer.unleased("worker-B", 60_000);
    rig.lease("worker-C", "B", 60_100);
    rig.publish(60_300, { generation: 2, reason: "emergency" });
    rig.lease("worker-C", "B", 80_000, { leaving: true });
    rig.publish(80_100, { generation: 3, reason: "emergency", parts: { A: LIST } });
  }],
  ["a leader that was cut off is not waited for", (rig) => {
    rig.observer.unleased("worker-B", 60_000);
    rig.observer.excuse("A", 60_500);
    rig.publish(62_000, { generation: 2, reason: "emergency", parts: { A: LIST } });
  }],
];

for (const [name, happens] of innocent) {
  Deno.test(`no false alarm: ${name}`, () => {
    const rig = wellRig();
    happens(rig);
    assert.deepEqual(rig.broken, []);
  });
}

Deno.test("an emergency in which there is nobody to give anything to waits for an heir", () => {
  for (
    const [atMs, broken] of [
      [70_400, []],
      [71_400, ["an emergency waits for nothing"]],
    ] as const
  ) {
    const rig = wellRig();
    rig.lease("worker-A", "A", 55_000, { leaving: true });
    rig.observer.unleased("worker-B", 60_000);
    rig.lease("worker-C", "C", 70_000);
    rig.publish(atMs, { generation: 2, reason: "emergency", parts: { C: LIST } });
    assert.deepEqual(rig.broken, broken);
  }
});

Deno.test("a leader that goes on after a loss has decided nothing yet, and may wait for a group that begins again", () => {
  for (
    const [atMs, broken] of [
      [92_000, []],
      [93_000, ["an emergency waits for nothing"]],
    ] as const
  ) {
    const rig = wellRig();
    rig.publish(60_000, { epoch: 2, leader: "A", generation: 2 });
    rig.observer.unleased("worker-B", 60_100);
    rig.publish(atMs, {
      epoch: 2,
      leader: "A",
      generation: 3,
      reason: "restart",
      parts: { A: LIST },
    });
    assert.deepEqual(rig.broken, broken);
  }
});

Deno.test("where nothing is assigned, a newcomer waits for the source's first answer", () => {
  for (
    const [answeredAtMs, broken] of [
      [40_000, []],
      [2_000, ["a newcomer waits for the windows, and no longer"]],
    ] as const
  ) {
    const rig = new Rig();
    rig.lease("worker-A", "A", 0);
    rig.publish(1_000, { generation: 0, parts: {} });
    rig.observer.sourceAnswered(answeredAtMs);
    rig.observer.sourceAnswered(40_500);
    rig.publish(41_000, { parts: { A: LIST } });
    assert.deepEqual(rig.broken, broken);
  }
});

Deno.test("where leases end without a word, a leader that is new to one waits for its whole TTL", () => {
  for (
    const [silentTtlMs, atMs, broken] of [
      [0, 62_400, ["an emergency waits for nothing"]],
      [2_500, 62_400, []],
      [2_500, 63_300, ["an emergency waits for nothing"]],
    ] as const
  ) {
    const rig = wellRig({ ...RULES, silentTtlMs });
    rig.publish(60_000, { epoch: 2, leader: "A" });
    rig.publish(60_100, { epoch: 2, leader: "A", generation: 2, reason: "emergency" });
    rig.observer.unleased("worker-B", 60_500);
    const parts = { A: LIST };
    rig.publish(atMs, { epoch: 2, leader: "A", generation: 3, reason: "emergency", parts });
    assert.deepEqual(rig.broken, broken);
  }
});

Deno.test("an excuse ends with a renewal that proves that the worker has lived on", () => {
  for (
    const [renewedAtMs, isFit, broken] of [
      [3_500, true, []],
      [4_500, false, []],
      [4_500, true, ["one handler per partition"]],
    ] as const
  ) {
    const rig = wellRig();
    rig.observer.excuse("A", 3_000);
    rig.lease("worker-A", "A", renewedAtMs, { isFit });
    rig.begin("A", 2);
    rig.begin("B", 2, { generation: 2 });
    assert.deepEqual(rig.broken, broken);
  }
});

Deno.test("where all but the feed is whole, what is lost is told first", () => {
  const rig = wellRig();
  const problem = { text: "1 messages wait for their effect", isOfFeed: true };
  rig.observer.converged(CONVERGENCE_MS + 1, problem, LIST);
  assert.deepEqual(rig.broken, ["nothing is lost", "the group converges"]);
});
