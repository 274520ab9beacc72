import assert from "node:assert/strict";
import { ModelTeam, type ModelTeamOptions } from "./model_team_test.ts";
import { envCount } from "../test_support/env_count.ts";

const SEEDS = envCount("PARTI_FUZZ_SEEDS", 40);
const FIRST = envCount("PARTI_FUZZ_FIRST", 1);

/** Moves and messages for a while, with something happening at every step. */
async function live(team: ModelTeam, steps: number, happen: (team: ModelTeam) => void) {
  for (let step = 0; step < steps; step++) {
    for (let i = team.pick(6); i > 0; i--) {
      team.publish(team.partitions[team.pick(team.partitions.length)]!);
    }
    if (team.random() < 0.4) moveSome(team);
    happen(team);
    await team.clock.advance(team.random() * 300);
  }
}

function moveSome(team: ModelTeam): void {
  const living = team.living;
  const changes: { [unit: string]: number } = {};
  for (const unit of team.units) {
    if (team.random() < 0.3) changes[unit] = living[team.pick(living.length)]!.index;
  }
  team.assign(changes);
}

/** A feed of one stream, where partitions move; and a sharded one, where shards with several keys do. */
const LAYOUTS: Readonly<Record<string, Partial<ModelTeamOptions>>> = {
  "one stream": {},
  "sharded": { shards: 5, partitions: 14 },
};

type Layout = Partial<ModelTeamOptions>;

function forSeeds(name: string, run: (seed: number, layout: Layout) => Promise<void>): void {
  for (const [which, layout] of Object.entries(LAYOUTS)) {
    Deno.test(`${which}: ${name}`, async () => {
      for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
        try {
          await run(seed, layout);
        } catch (error) {
          throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
        }
      }
    });
  }
}

function calm(seed: number, more: Partial<ModelTeamOptions> = {}): ModelTeam {
  const team = new ModelTeam({ seed, members: 3, partitions: 8, ...more });
  team.server.canRewind = seed % 4 < 2;
  team.assign(Object.fromEntries(team.units.map((name, index) => [name, index % 3])));
  return team;
}

forSeeds(
  "moves without faults: handled exactly once, in order, one at a time",
  async (seed, layout) => {
    const team = calm(seed, layout);
    await live(team, 60, () => {});
    await team.drained();
    team.record.assertExact();
    team.assertEffects();
    await team.end();
    if (layout.shards === undefined) return;
    const merges = team.members.map(({ told }) => told.get("compacted") ?? 0);
    assert.deepEqual(merges, [0, 0, 0], "a shard has a lane of its own");
  },
);

/** Quick, but now and then far beyond the drain deadline and the ack wait. */
function moody(random: () => number): number {
  const mood = random();
  return mood < 0.9 ? random() * 20 : mood < 0.97 ? random() * 900 : random() * 8_000;
}

forSeeds(
  "handlers that fail, are slow, and do not listen: every effect once and in order",
  async (seed, layout) => {
    const team = calm(seed, { ...layout, temper: moody, failures: 0.1, obedient: seed % 2 === 0 });
    await live(team, 60, () => {});
    await team.drained();
    team.assertEffects();
    assert.deepEqual(team.record.overlaps, []);
    await team.end();
  },
);

/** What can be lost between a member and the server. */
const CALLS = [
  "create",
  "shrink",
  "rewind",
  "delete",
  "confirm",
  "info",
  "list",
  "publish",
  "last",
];

function mishap(team: ModelTeam): void {
  const member = team.living[team.pick(team.living.length)]!;
  const kind = team.random();
  if (kind < 0.2) {
    const call = CALLS[team.pick(CALLS.length)]!;
    member.client.fault(team.random() < 0.5 ? "lose-request" : "lose-answer", call);
  } else if (kind < 0.3) {
    member.client.cut();
    team.clock.setTimer(team.random() * 1_500, () => member.client.restore());
  } else if (kind < 0.33) {
    const lanes = team.server.lanes;
    if (lanes.length > 0) team.server.delete(lanes[team.pick(lanes.length)]!.name);
  }
}

forSeeds(
  "lost answers, cut connections, deleted lanes: every effect once and in order",
  async (seed, layout) => {
    const team = calm(seed, { ...layout, temper: moody, failures: 0.05, obedient: seed % 2 === 0 });
    await live(team, 80, mishap);
    team.heal();
    await team.drained();
    team.assertEffects();
    await team.end();
  },
);

forSeeds(
  "members that die, join, or are wrongly taken for dead: every effect once and in order",
  async (seed, layout) => {
    const team = calm(seed, { ...layout, temper: moody, failures: 0.05 });
    await live(team, 80, (team) => {
      mishap(team);
      const chance = team.random();
      if (chance < 0.03) team.join();
      if (chance < 0.03 || chance > 0.06 || team.living.length < 2) return;
      const victim = team.living[team.pick(team.living.length)]!;
      if (team.random() < 0.5) return team.crash(victim);
      // A zombie: cut off, evicted, back, and it believes it is well until its lease is looked at.
      victim.client.cut();
      team.evict(victim, team.random() < 0.5);
      team.clock.setTimer(500 + team.random() * 1_000, () => victim.client.restore());
      team.clock.setTimer(3_000, () => victim.consumer.fence("the lease is gone"));
    });
    team.heal();
    await team.drained();
    team.assertEffects();
    for (const member of team.members.filter(({ alive }) => !alive)) member.consumer.fence("over");
    await team.end();
  },
);
