import assert from "node:assert/strict";
import fc from "fast-check";
import {
  plan,
  type PlannerAssigned,
  type PlannerConfig,
  type PlannerDecision,
  type PlannerInput,
  type PlannerMember,
  startsCooldown,
} from "./planner.ts";

const CONFIG: PlannerConfig = {
  coldStartWindowMs: 30_000,
  plannedScaleWindowMs: 10_000,
  settleMs: 500,
  minRebalanceIntervalMs: 10_000,
  emergencyGracePeriodMs: 0,
  restartDetectionRatio: 0.5,
};
const NOW = 100_000;

/** `a1` is the first life of worker-a; `~` leaving, `?` not heard of yet. */
function members(names: string): PlannerMember[] {
  return names.split(" ").filter(Boolean).map((name) => ({
    id: `worker-${name[0]}`,
    instance: name.slice(0, 2),
    leaving: name.includes("~"),
    heard: !name.includes("?"),
  }));
}

/** `a1` holds two partitions, `a1:0` none; `a1@90000` has been missed since then; `a1!` had been there again after the outage. */
function assigned(names: string): PlannerAssigned[] {
  return names.split(" ").filter(Boolean).map((name) => {
    const [, instance, , count, , since, back] = /^(\w+)(:(\d+))?(@(\d+))?(!)?$/.exec(name)!;
    return {
      id: `worker-${name[0]}`,
      instance: instance!,
      partitionCount: Number(count ?? 2),
      goneSinceMs: since === undefined ? undefined : Number(since),
      wasBack: back !== undefined,
    };
  });
}

function situation(
  memberNames: string,
  assignedNames: string,
  changes: Partial<PlannerInput> = {},
): PlannerInput {
  return {
    nowMs: NOW,
    leaderInstance: "a1",
    members: members(memberNames),
    assigned: assigned(assignedNames),
    partitionsChanged: false,
    refreshRequested: false,
    imbalanced: false,
    firstOfTerm: false,
    recoveringUntilMs: undefined,
    rosterChangedAtMs: NOW,
    differenceSinceMs: undefined,
    lastPlannedAtMs: undefined,
    ...changes,
  };
}

function short(decision: PlannerDecision): string {
  switch (decision.kind) {
    case "idle":
      return "idle";
    case "wait":
      return `wait ${decision.reason} ${decision.untilMs - NOW}`;
    case "rebalance":
      return decision.reason;
  }
}

const RULES: [
  name: string,
  members: string,
  assigned: string,
  expected: string,
  changes?: Partial<PlannerInput>,
  config?: Partial<PlannerConfig>,
][] = [
  ["nothing to do", "a1 b1", "a1 b1", "idle"],
  ["nobody there", "", "a1 b1", "idle"],
  ["everybody leaves: nobody to give anything to", "a1~ b1~", "a1 b1", "idle"],
  ["a dead worker is an emergency", "a1", "a1 b1", "emergency"],
  ["W-23: one dies and one joins, counts equal: emergency", "a1 c1", "a1 b1", "emergency"],
  ["W-21: an emergency knows no cooldown", "a1", "a1 b1", "emergency", { lastPlannedAtMs: NOW }],
  ["W-22: a crash while a join waits", "a1 c1", "a1 b1", "emergency", { differenceSinceMs: NOW }],
  ["a dead worker without partitions is nobody's loss", "a1", "a1 b1:0", "idle"],
  ["a worker back under its ID is regranted at once", "a1 b2", "a1 b1", "emergency"],
  ["a leaver is urgent", "a1 b1~", "a1 b1", "planned_scale", { lastPlannedAtMs: NOW }],
  ["a leaver with nothing is not", "a1 b1~", "a1 b1:0", "idle"],
  ["a leaving leader is a leaver", "a1~ b1", "a1 b1", "planned_scale"],
  ["a joiner that leaves already is none", "a1 b1~", "a1", "idle"],
  ["a join waits for quiet", "a1 b1", "a1", "wait planned_scale 500"],
  ["quiet closes the window early", "a1 b1", "a1", "planned_scale", {
    rosterChangedAtMs: NOW - 500,
    differenceSinceMs: NOW - 600,
  }],
  ["unrest keeps it open", "a1 b1", "a1", "wait planned_scale 500", {
    rosterChangedAtMs: NOW,
    differenceSinceMs: NOW - 9_000,
  }],
  ["the cap closes it", "a1 b1", "a1", "planned_scale", {
    rosterChangedAtMs: NOW,
    differenceSinceMs: NOW - 10_000,
  }],
  ["just before the cap", "a1 b1", "a1", "wait planned_scale 1", {
    rosterChangedAtMs: NOW,
    differenceSinceMs: NOW - 9_999,
  }],
  ["a join waits for the cooldown", "a1 b1", "a1", "wait planned_scale 7000", {
    lastPlannedAtMs: NOW - 3_000,
    differenceSinceMs: NOW - 20_000,
    rosterChangedAtMs: 0,
  }],
  ["the first assignment", "a1 b1", "", "wait cold_start 500"],
  ["a cold start has its own cap", "a1 b1", "", "wait cold_start 500", {
    differenceSinceMs: NOW - 20_000,
  }],
  ["and it closes", "a1 b1", "", "cold_start", { differenceSinceMs: NOW - 30_000 }],
  ["a cold start knows no cooldown", "a1 b1", "", "wait cold_start 500", { lastPlannedAtMs: NOW }],
  ["a refresh does not cut a cold start short", "a1", "", "wait cold_start 500", {
    refreshRequested: true,
    partitionsChanged: true,
  }],
  ["partitions for workers that hold nothing", "a1", "a1:0", "wait cold_start 500", {
    partitionsChanged: true,
  }],
  ["changed partitions wait for quiet", "a1", "a1", "wait partition_change 500", {
    partitionsChanged: true,
  }],
  ["a refresh that finds a change goes at once, row 11", "a1", "a1", "refresh", {
    partitionsChanged: true,
    refreshRequested: true,
    lastPlannedAtMs: NOW,
  }],
  ["a refresh that finds none", "a1", "a1", "idle", { refreshRequested: true }],
  ["imbalance waits too", "a1", "a1", "wait imbalance 500", { imbalanced: true }],
  ["imbalance is the least of all reasons", "a1 b1", "a1", "wait planned_scale 500", {
    imbalanced: true,
  }],
  // Restarts: the leader is c9, which nobody has listed.
  ["row 76, 10→0→10: a new leader finds everybody gone", "c9 d9", "a1 b1", "wait restart 500", {
    firstOfTerm: true,
    leaderInstance: "c9",
  }],
  ["and publishes when it is quiet", "c9 d9", "a1 b1", "restart", {
    firstOfTerm: true,
    leaderInstance: "c9",
    differenceSinceMs: NOW - 600,
    rosterChangedAtMs: NOW - 500,
  }],
  ["or at the cap", "c9 d9", "a1 b1", "restart", {
    firstOfTerm: true,
    leaderInstance: "c9",
    differenceSinceMs: NOW - 30_000,
  }],
  ["W-19: back under the old IDs after an outage", "a2 b2", "a1 b1", "wait restart 500", {
    firstOfTerm: true,
    leaderInstance: "a2",
  }],
  ["W-19: one gone, the others only written", "c9 a1? b1?", "a1 b1 d1", "wait restart 30000", {
    firstOfTerm: true,
    leaderInstance: "c9",
  }],
  ["once they are heard it is an emergency", "c9 a1 b1", "a1 b1 d1", "emergency", {
    firstOfTerm: true,
    leaderInstance: "c9",
  }],
  ["a join waits for the signs of life", "c9 a1? b1?", "a1 b1", "wait planned_scale 10000", {
    firstOfTerm: true,
    leaderInstance: "c9",
  }],
  ["a survivor that takes over acts at once, W-20", "a1", "a1 b1 c1", "emergency", {
    firstOfTerm: true,
  }],
  ["and so does a new leader after its first word", "c9", "a1 b1", "emergency", {
    leaderInstance: "c9",
  }],
  ["below the ratio: emergency", "c9 a1 b1", "a1 b1 d1", "emergency", {
    firstOfTerm: true,
    leaderInstance: "c9",
  }],
  ["listed workers without partitions do not count", "c9 a1", "a1 d1 e1:0 f1:0", "emergency", {
    firstOfTerm: true,
    leaderInstance: "c9",
  }, { restartDetectionRatio: 0.6 }],
  // After an outage that the leader was in too: it was a1, is a2 now, and waits for those who were cut off with it.
  ["row 18: others are on their way back", "a2", "a1 b1 c1", "wait restart 4000", {
    firstOfTerm: true,
    leaderInstance: "a2",
    recoveringUntilMs: NOW + 4_000,
    differenceSinceMs: NOW - 10_000,
    rosterChangedAtMs: NOW - 10_000,
  }],
  ["whoever stays away is not waited for longer", "a2 b2", "a1 b1 c1", "restart", {
    firstOfTerm: true,
    leaderInstance: "a2",
    recoveringUntilMs: NOW,
    differenceSinceMs: NOW - 10_000,
    rosterChangedAtMs: NOW - 10_000,
  }],
  ["when all are back it is over", "a2 b2 c2", "a1 b1 c1", "restart", {
    firstOfTerm: true,
    leaderInstance: "a2",
    recoveringUntilMs: NOW + 4_000,
    differenceSinceMs: NOW - 10_000,
    rosterChangedAtMs: NOW - 500,
  }],
  ["the cap closes this window too", "a2", "a1 b1 c1", "restart", {
    firstOfTerm: true,
    leaderInstance: "a2",
    recoveringUntilMs: NOW + 4_000,
    differenceSinceMs: NOW - 30_000,
  }],
  ["so it is where few are missing", "a1 b1", "a1 b1 c1", "wait emergency 4000", {
    firstOfTerm: true,
    recoveringUntilMs: NOW + 4_000,
  }],
  ["whoever dies after its return is not waited for", "a1 b1", "a1 b1 c1!", "emergency", {
    firstOfTerm: true,
    recoveringUntilMs: NOW + 4_000,
  }],
  ["but others who are missing are", "a1 b1", "a1 b1 c1! d1", "wait emergency 4000", {
    firstOfTerm: true,
    recoveringUntilMs: NOW + 4_000,
  }],
  ["a later death has nothing to do with it", "a1 b1", "a1 b1 c1", "emergency", {
    recoveringUntilMs: NOW + 4_000,
  }],
  // The grace between verdict and move.
  ["a grace holds an emergency back", "a1", "a1 b1@99000", "wait emergency 2000", {}, {
    emergencyGracePeriodMs: 3_000,
  }],
  ["a first sight of it", "a1", "a1 b1", "wait emergency 3000", {}, {
    emergencyGracePeriodMs: 3_000,
  }],
  ["it ends", "a1", "a1 b1@97000", "emergency", {}, { emergencyGracePeriodMs: 3_000 }],
  ["it ends with the return", "a1 b2", "a1 b1@99999", "emergency", {}, {
    emergencyGracePeriodMs: 3_000,
  }],
  [
    "the first of several ends it",
    "a1 b2",
    "a1 b1@99999 c1@98000 d1@97500",
    "wait emergency 500",
    {},
    {
      emergencyGracePeriodMs: 3_000,
    },
  ],
];

for (const [name, memberNames, assignedNames, expected, changes, config] of RULES) {
  Deno.test(`planner: ${name}`, () => {
    const input = situation(memberNames, assignedNames, changes);
    assert.equal(short(plan(input, { ...CONFIG, ...config })), expected);
  });
}

Deno.test("planner: an instance under another ID holds nothing of what its first ID held", () => {
  const input = situation("a1 b1", "a1 b1");
  const moved = input.members.map((member) =>
    member.instance === "b1" ? { ...member, id: "worker-c" } : member
  );
  assert.equal(short(plan({ ...input, members: moved }, CONFIG)), "emergency");
});

Deno.test("planner: only moves without need start a cooldown", () => {
  const reasons = [
    "cold_start",
    "restart",
    "planned_scale",
    "emergency",
    "partition_change",
    "refresh",
    "imbalance",
  ] as const;
  const cooling = reasons.filter((reason) => startsCooldown(reason, false));
  assert.deepEqual(cooling, ["planned_scale", "partition_change", "imbalance"]);
  assert.equal(startsCooldown("planned_scale", true), false);
});

const LETTERS = ["a", "b", "c", "d", "e"];

const anyInput: fc.Arbitrary<PlannerInput> = fc.record({
  nowMs: fc.constant(NOW),
  leaderInstance: fc.constantFrom("a1", "b1", "z9"),
  members: fc.uniqueArray(
    fc.record({
      letter: fc.constantFrom(...LETTERS),
      life: fc.integer({ min: 1, max: 2 }),
      leaving: fc.boolean(),
      heard: fc.boolean(),
    }),
    { selector: (member) => member.letter },
  ).map((list) =>
    list.map(({ letter, life, leaving, heard }) => ({
      id: `worker-${letter}`,
      instance: `${letter}${life}`,
      leaving,
      heard,
    }))
  ),
  assigned: fc.uniqueArray(
    fc.record({
      letter: fc.constantFrom(...LETTERS),
      partitionCount: fc.nat(3),
      goneSinceMs: fc.option(fc.integer({ min: NOW - 10_000, max: NOW }), { nil: undefined }),
      wasBack: fc.boolean(),
    }),
    { selector: (worker) => worker.letter },
  ).map((list) =>
    list.map(({ letter, partitionCount, goneSinceMs, wasBack }) => ({
      id: `worker-${letter}`,
      instance: `${letter}1`,
      partitionCount,
      goneSinceMs,
      wasBack,
    }))
  ),
  partitionsChanged: fc.boolean(),
  refreshRequested: fc.boolean(),
  imbalanced: fc.boolean(),
  firstOfTerm: fc.boolean(),
  recoveringUntilMs: fc.option(fc.integer({ min: NOW - 9_000, max: NOW + 9_000 }), {
    nil: undefined,
  }),
  rosterChangedAtMs: fc.integer({ min: NOW - 20_000, max: NOW }),
  differenceSinceMs: fc.option(fc.integer({ min: NOW - 40_000, max: NOW }), { nil: undefined }),
  lastPlannedAtMs: fc.option(fc.integer({ min: NOW - 40_000, max: NOW }), { nil: undefined }),
});

const goneHolders = (input: PlannerInput) =>
  input.assigned.filter((worker) =>
    worker.partitionCount > 0 &&
    !input.members.some((member) => member.instance === worker.instance && member.id === worker.id)
  );
const isListed = (input: PlannerInput) =>
  input.assigned.some((worker) => worker.instance === input.leaderInstance);
/** Until when an outage may hold an emergency back. */
const recoveredAtMs = (input: PlannerInput) =>
  (input.firstOfTerm ? input.recoveringUntilMs : undefined) ?? -Infinity;

Deno.test("planner: an emergency is delayed by no window and no cooldown", () => {
  fc.assert(fc.property(anyInput, (input) => {
    fc.pre(goneHolders(input).length > 0 && input.members.some((member) => !member.leaving));
    // Whoever knows the group, or has published in this term, does not take it for a restart.
    fc.pre(isListed(input) || !input.firstOfTerm);
    fc.pre(recoveredAtMs(input) <= NOW);
    assert.equal(short(plan(input, CONFIG)), "emergency");
  }));
});

Deno.test("planner: whoever waits is told a time ahead, never beyond window and cooldown", () => {
  fc.assert(fc.property(anyInput, (input) => {
    const decision = plan(input, CONFIG);
    if (decision.kind !== "wait") return;
    assert.ok(decision.untilMs > input.nowMs);
    const sinceMs = input.differenceSinceMs ?? input.nowMs;
    const cap = ["restart", "cold_start"].includes(decision.reason) ? 30_000 : 10_000;
    const cooledMs = cap === 10_000 ? (input.lastPlannedAtMs ?? 0) + 10_000 : 0;
    const heldMs = decision.reason === "emergency" ? recoveredAtMs(input) : -Infinity;
    assert.ok(decision.untilMs <= Math.max(sinceMs + cap, cooledMs, heldMs));
  }));
});

Deno.test("planner: waiting ends: at the time told there is another decision, if nothing else happened", () => {
  fc.assert(fc.property(anyInput, (input) => {
    const decision = plan(input, CONFIG);
    if (decision.kind !== "wait") return;
    const later = plan({
      ...input,
      differenceSinceMs: input.differenceSinceMs ?? input.nowMs,
      nowMs: decision.untilMs,
    }, CONFIG);
    assert.deepEqual(later, { kind: "rebalance", reason: decision.reason });
  }));
});

Deno.test("planner: what was just published is no reason to publish again, rows 47 and 79", () => {
  fc.assert(fc.property(anyInput, (input) => {
    fc.pre(input.members.some((member) => !member.leaving));
    const decision = plan({
      ...input,
      assigned: input.members.map((member) => ({
        id: member.id,
        instance: member.instance,
        partitionCount: member.leaving ? 0 : 2,
        goneSinceMs: undefined,
        wasBack: false,
      })),
      partitionsChanged: false,
      imbalanced: false,
      firstOfTerm: false,
      differenceSinceMs: undefined,
    }, CONFIG);
    assert.equal(decision.kind, "idle");
  }));
});

Deno.test("planner: a grace delays by no more than itself, and an outage until it is over", () => {
  fc.assert(fc.property(anyInput, fc.integer({ min: 0, max: 5_000 }), (input, graceMs) => {
    fc.pre(goneHolders(input).length > 0 && input.members.some((member) => !member.leaving));
    fc.pre(isListed(input) || !input.firstOfTerm);
    const decision = plan(input, { ...CONFIG, emergencyGracePeriodMs: graceMs });
    const untilMs = decision.kind === "wait" ? decision.untilMs : input.nowMs;
    assert.ok(decision.kind !== "idle" && decision.reason === "emergency");
    assert.ok(untilMs <= Math.max(input.nowMs + graceMs, recoveredAtMs(input)));
  }));
});
