/** Each fault strikes: it is noted, and somebody feels it. Otherwise all that is promised under faults would be promised under none. */
import assert from "node:assert/strict";
import type { JsonObject } from "../plan/plan.ts";
import { FAULT_NAMES } from "../nats/faults.ts";
import type { FaultKind, STEP_FAULTS } from "./fault_kinds.ts";
import { PARTITIONS, type TestGroup, withGroup } from "./faults_rig_test.ts";

/** What a fault is noted as, what it is done with, and what somebody feels. */
interface Case {
  readonly kind: string;
  readonly args: JsonObject;
  /** How many of the three workers are there before; all if left out. */
  readonly workers?: number;
  /** What is noted because of it, besides. */
  readonly others?: readonly FaultKind[];
  /** Called right after the fault. */
  readonly feel: (group: TestGroup) => Promise<void>;
}

/** Long enough for a lease to end and for others to follow, with the fast preset. */
const LONG_MS = 15_000;

async function othersHaveAll(group: TestGroup): Promise<void> {
  await group.sleep(LONG_MS);
  assert.equal(group.held(1, 2), PARTITIONS);
}

async function nobodyIsConnected(group: TestGroup): Promise<void> {
  assert.ok(group.isAnybodyConnected);
  await group.sleep(LONG_MS);
  assert.ok(!group.isAnybodyConnected);
}

async function newsOfTheSourceComeLater(group: TestGroup): Promise<void> {
  group.cluster.add(2, 1);
  await group.sleep(LONG_MS / 2);
  assert.notEqual(group.held(0, 1, 2), PARTITIONS + 2);
  await group.sleep(6 * LONG_MS);
  assert.equal(group.held(0, 1, 2), PARTITIONS + 2);
}

const forMs = LONG_MS + 1_000;

const CASES: Readonly<Record<typeof STEP_FAULTS[number], Case>> = {
  crash: { kind: "crash", args: { node: 0 }, feel: othersHaveAll },
  pause: { kind: "pause", args: { node: 0, forMs }, feel: othersHaveAll },
  cut: {
    kind: "cut",
    args: { node: 0 },
    feel: async (group) => {
      await group.sleep(5_000);
      assert.ok(group.on(0).link.connectedForMs < 5_000 && group.on(0).link.connected);
      assert.ok(group.on(1).link.connectedForMs > 5_000);
    },
  },
  "block up": {
    kind: "block",
    args: { node: 0, direction: "up", forMs },
    feel: othersHaveAll,
  },
  "block down": {
    kind: "block",
    args: { node: 0, direction: "down", forMs },
    feel: othersHaveAll,
  },
  "block both": { kind: "block", args: { node: 0, forMs }, feel: othersHaveAll },
  split: { kind: "split", args: { nodes: [0], forMs }, feel: othersHaveAll },
  clock: {
    kind: "clock",
    args: { node: 0, rate: 1.01, wallOffsetMs: 1e7 },
    feel: async (group) => {
      const clocks = [0, 1].map((node) => group.on(node).owner.clock);
      const before = clocks.map((clock) => clock.monotonicMs());
      await group.sleep(10_000);
      const passedMs = clocks.map((clock, i) => Math.round(clock.monotonicMs() - before[i]!));
      assert.deepEqual(passedMs, [10_100, 10_000]);
      assert.ok(clocks[0]!.wallMs() - clocks[1]!.wallMs() > 5e6);
    },
  },
  "server-crash": { kind: "server-crash", args: { forMs }, feel: nobodyIsConnected },
  "server-pause": { kind: "server-pause", args: { forMs }, feel: nobodyIsConnected },
  "nats-faults": {
    kind: "nats-faults",
    args: { forMs, faults: { kv: { requestLost: 1 } } },
    others: ["kv.requestLost"],
    feel: async (group) => {
      await group.sleep(LONG_MS);
      assert.equal(group.held(0, 1, 2), 0, "whoever cannot renew its lease has nothing");
    },
  },
  mute: {
    kind: "mute",
    args: { node: 0, late: 0.2, forMs },
    others: ["kv.answerLate", "kv.requestLost", "kv.watchStall"],
    feel: othersHaveAll,
  },
  doubt: {
    kind: "doubt",
    args: { node: 0, forMs: 5_000 },
    others: ["kv.ackLost"],
    feel: async (group) => {
      await group.sleep(4_500);
      assert.equal(
        group.held(0),
        0,
        "whoever does not know whether it has renewed its lease has nothing",
      );
      await group.sleep(LONG_MS);
      assert.ok(group.held(0) > 0);
      assert.equal(group.held(0, 1, 2), PARTITIONS);
    },
  },
  deaf: {
    kind: "deaf",
    args: { node: 1, forMs: 2 * LONG_MS },
    others: ["kv.watchStall"],
    feel: async (group) => {
      const before = group.held(1);
      const others = group.held(0, 2);
      group.cluster.add(9, 1);
      while (group.held(0, 2) === others) await group.sleep(1);
      // It looks for itself now and then, too.
      assert.equal(group.held(1), before, "whoever is deaf hears of it later");
      await group.sleep(6 * LONG_MS);
      assert.equal(group.held(0, 1, 2), PARTITIONS + 9);
    },
  },
  "source fails": {
    kind: "source",
    args: { mood: "fails", forMs },
    feel: newsOfTheSourceComeLater,
  },
  "source empty": {
    kind: "source",
    args: { mood: "empty", forMs },
    feel: newsOfTheSourceComeLater,
  },
  "source hangs": {
    kind: "source",
    args: { mood: "hangs", forMs },
    feel: newsOfTheSourceComeLater,
  },
  heir: {
    kind: "heir",
    args: { delayMs: 5, forMs: 4_000 },
    workers: 2,
    others: ["kv.watchStall"],
    feel: async (group) => {
      const leader = group.cluster.fleet.find("leader");
      await group.cluster.fleet.start(2);
      await group.sleep(LONG_MS);
      assert.ok(leader?.owner.dead);
    },
  },
  ambush: {
    kind: "ambush",
    args: { state: "ClaimingID", delayMs: 0, act: "crash", forMs: 0 },
    workers: 2,
    feel: async (group) => {
      await group.cluster.fleet.start(2);
      const newcomer = group.on(2);
      await group.sleep(1_000);
      assert.ok(newcomer.owner.dead);
    },
  },
};

for (const [name, { kind, args, workers = 3, others = [], feel }] of Object.entries(CASES)) {
  Deno.test(`${name}: it is noted, alone, and somebody feels it`, async () => {
    const { noted } = await withGroup(workers, async (group) => {
      group.hurt(kind, args);
      await feel(group);
    });
    assert.deepEqual(noted, [name, ...others].sort());
  });
}

for (const name of FAULT_NAMES) {
  Deno.test(`${name}: it strikes where it is switched on, and nothing else does`, async () => {
    const [part, fault] = name.split(".") as [string, string];
    const isTime = fault.endsWith("Ms");
    const values = { [fault]: isTime ? 500 : 0.5, ...(isTime ? {} : { [`${fault}Ms`]: 500 }) };
    const { noted } = await withGroup(2, async (group) => {
      group.hurt("nats-faults", { forMs: 20_000, faults: { [part]: values } });
      // Somebody who joins asks for everything there is.
      await group.cluster.fleet.start(2);
      await group.sleep(10_000);
      group.cluster.fleet.crash(group.on(2));
      await group.sleep(10_000);
    });
    assert.deepEqual(noted, [name, "nats-faults"].sort());
  });
}

Deno.test("whatever does not strike is not noted", async () => {
  assert.deepEqual((await withGroup(3, (group) => group.sleep(1_000))).noted, []);
  const { noted } = await withGroup(2, async (group) => {
    group.hurt("crash", { node: 2 });
    group.hurt("split", { nodes: [2], forMs });
    group.hurt("nats-faults", { forMs, faults: { kv: { requestLost: 0 } } });
    group.hurt("source", { mood: "well", forMs });
    await group.sleep(1_000);
  });
  assert.deepEqual(noted, []);
});

Deno.test("the server was away when nobody was connected for a while, and not as soon as it is killed", async () => {
  const wasAway = async (awayMs: number): Promise<boolean> => {
    const { tallies, noted } = await withGroup(2, async (group) => {
      group.hurt("server-crash", { forMs: awayMs });
      await group.sleep(awayMs + 1_000);
    });
    assert.deepEqual(noted, ["server-crash"]);
    return tallies["the server was away"]!.held > 0;
  };
  assert.equal(await wasAway(500), false);
  assert.equal(await wasAway(5_000), true);
});
