/** Every oracle is shown to see what it is there for: a defect is planted, and some run of the model team must fail because of it. */
import assert from "node:assert/strict";
import { AckLog } from "./lanes/ack_log.ts";
import { Acquirer } from "./lanes/acquirer.ts";
import { Lane } from "./lanes/lane.ts";
import { ModelTeam } from "./model_team_test.ts";
import { Slot } from "./dispatch/slot.ts";

const SEEDS = 60;
/** A planted defect may need more lives to show; one that shows ends the search. */
const PLANTED_SEEDS = 300;

/** Replaces a member of a class while a function runs. */
async function planted(
  prototype: object,
  name: string,
  descriptor: PropertyDescriptor,
  run: () => Promise<void>,
): Promise<void> {
  const original = Object.getOwnPropertyDescriptor(prototype, name)!;
  Object.defineProperty(prototype, name, { configurable: true, ...descriptor });
  try {
    await run();
  } finally {
    Object.defineProperty(prototype, name, original);
  }
}

/** A life with moves, cuts and a few slow handlers, and whatever the oracles say of it. */
async function life(seed: number): Promise<void> {
  const team = new ModelTeam({
    seed,
    members: 3,
    partitions: 6,
    failures: 0.05,
    temper: (random) => random() < 0.9 ? random() * 20 : random() * 2_500,
  });
  const withCuts = seed % 2 === 0;
  for (let step = 0; step < 40; step++) {
    for (let i = team.pick(6); i > 0; i--) team.publish(team.partitions[team.pick(6)]!);
    if (team.random() < 0.5) {
      const moved = team.partitions.filter(() => team.random() < 0.4);
      team.assign(Object.fromEntries(moved.map((name) => [name, team.pick(3)])));
    }
    const { client } = team.members[team.pick(3)]!;
    if (withCuts && team.random() < 0.1) {
      client.cut();
      team.clock.setTimer(team.random() * 500, () => client.restore());
    }
    await team.clock.advance(team.random() * 200);
  }
  team.heal();
  team.assign(Object.fromEntries(team.partitions.map((name, index) => [name, index % 3])));
  await team.drained(60_000);
  team.assertEffects();
  assert.deepEqual(team.record.overlaps, []);
  // Without cuts nobody needs the guard of the effects: plain handling is exact where no handler was aborted.
  const aborted = team.members.some(({ told }) => (told.get("abandoned") ?? 0) > 0);
  if (!withCuts && !aborted) team.record.assertExact();
  await team.end();
}

/** How long a planned move takes at most: the way of the assignment (30 ms), a handler (20 ms), a few calls. */
const MOVED_WITHIN_MS = 110;

/** A life of planned moves among the living, who let go soon and say so: nobody waits for long, and nobody is refused. */
async function calmLife(seed: number): Promise<void> {
  const team = new ModelTeam({ seed, members: 3, partitions: 6 });
  const owner = (shift: number) =>
    Object.fromEntries(team.partitions.map((name, index) => [name, (index + shift) % 3]));
  team.assign(owner(0));
  await team.clock.advance(MOVED_WITHIN_MS);
  for (let step = 1; step <= 5; step++) {
    for (let i = team.pick(20); i > 0; i--) team.publish(team.partitions[team.pick(6)]!);
    await team.clock.advance(team.random() * 20);
    team.assign(owner(step));
    await team.clock.advance(MOVED_WITHIN_MS);
    const held = team.members.map(({ consumer }) => consumer.health().held);
    assert.deepEqual(held, [2, 2, 2], `after move ${step}`);
  }
  assert.deepEqual(team.members.map(({ told }) => told.get("refused") ?? 0), [0, 0, 0]);
  await team.drained(60_000);
  team.record.assertExact();
  await team.end();
}

const returning = (value: unknown): PropertyDescriptor => ({ value: () => value });

type Defects = Record<string, [prototype: object, name: string, descriptor: PropertyDescriptor]>;

const defects: Defects = {
  "the youngest message first": [Slot.prototype, "next", {
    value(this: Slot) {
      return this.queue.pop();
    },
  }],
  "acks are not confirmed before a release": [AckLog.prototype, "confirm", {
    value: () => Promise.resolve(),
  }],
  "what was given up is skipped": [Slot.prototype, "giveUp", returning(undefined)],
  "two messages of a partition at a time": [Slot.prototype, "canRun", {
    get(this: Slot) {
      return this.queue.length > 0 && this.wanted && !this.moving && !this.stale;
    },
  }],
  "acks are never sent": [Lane.prototype, "ack", returning(undefined)],
  "a stale slot goes on where it is": [Slot.prototype, "canRun", {
    get(this: Slot) {
      return this.queue.length > 0 && this.running === undefined && this.wanted && !this.moving;
    },
  }],
};

/** These break no promise, they only make moves slow or waste calls. */
const slownesses: Defects = {
  "release notices are not heard": [Acquirer.prototype, "hint", returning(false)],
  "what a living member still holds is tried at once": [
    Acquirer.prototype,
    "expect",
    returning(undefined),
  ],
};

Deno.test("without a defect every one of these lives is in order", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) await life(seed);
});

Deno.test("without a defect every one of these calm lives is quick", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) await calmLife(seed);
});

/** Plants each defect; some life must see it. */
function testDefects(all: Defects, live: (seed: number) => Promise<void>): void {
  for (const [name, [prototype, member, descriptor]] of Object.entries(all)) {
    Deno.test(`planted: ${name}`, async () => {
      await planted(prototype, member, descriptor, async () => {
        for (let seed = 1; seed <= PLANTED_SEEDS; seed++) {
          try {
            await live(seed);
          } catch {
            return;
          }
        }
        assert.fail(`${PLANTED_SEEDS} lives, and nothing was seen of it`);
      });
    });
  }
}

testDefects(defects, life);
testDefects(slownesses, calmLife);
