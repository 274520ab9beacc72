/**
 * The election on a real server, under contention, judged by the fencing oracle. The clocks are driven by hand where a loaded
 * machine could otherwise end a lease.
 *
 * @module
 */
import assert from "node:assert/strict";
import { RENEW_MS, TTL_MS } from "../membership/fake_bucket_test.ts";
import { answerProbes, Prober } from "../membership/prober.ts";
import { assignmentBucket, LEADER_KEY, leaseBucket } from "../names.ts";
import type { Clock } from "../ports/clock.ts";
import type { KvBucket } from "../ports/kv.ts";
import { launchTestServer, testServers } from "../ports/nats/rig_test.ts";
import { connectNats, natsWorld } from "../ports/nats/world.ts";
import type { World } from "../ports/world.ts";
import { ManualClock } from "../test_support/manual_clock.ts";
import { type ConnectedWorld, natsTest, type Rig, until } from "../test_support/rig.ts";
import type { Term } from "./election_agent.ts";
import { FencingOracle, Runner } from "./runner_test.ts";
import { kvElection } from "./kv_election.ts";
import { decodeLeader } from "./leader_record.ts";

const GROUP = "g";
const PATIENCE_MS = 30_000;

function leases(world: World, ttlMs = 60_000): Promise<KvBucket> {
  return world.kv.open(leaseBucket(GROUP), { ttlMs, replicas: 1, storage: "file" });
}

async function openOracle(world: World): Promise<FencingOracle> {
  const options = { ttlMs: 0, replicas: 1, storage: "file" } as const;
  return new FencingOracle(await world.kv.open(assignmentBucket(GROUP), options));
}

interface Settings {
  readonly clock: Clock;
  readonly ttlMs?: number;
  readonly onElected?: (term: Term) => void;
}

async function run(world: World, instance: string, settings: Settings): Promise<Runner> {
  const runner = new Runner(instance);
  if (settings.onElected !== undefined) runner.onElected = settings.onElected;
  const ttlMs = settings.ttlMs ?? TTL_MS;
  return await runner.run(kvElection({
    bucket: await leases(world),
    clock: settings.clock,
    random: world.random,
    ttlMs,
    renewEveryMs: ttlMs * RENEW_MS / TTL_MS,
    formerInstances: new Set(),
  }));
}

/** Waits until somebody among them leads, and is what the bucket says. `passTime` is called at each look. */
async function untilLed(
  runners: readonly Runner[],
  bucket: KvBucket,
  passTime: () => Promise<void> = () => Promise.resolve(),
): Promise<Runner> {
  let leader: Runner | undefined;
  await until("somebody leads", async () => {
    await passTime();
    const entry = await bucket.get(LEADER_KEY);
    const instance = entry && decodeLeader(entry)?.instance;
    leader = runners.find((runner) => runner.leads && runner.instance === instance);
    return leader !== undefined;
  }, PATIENCE_MS);
  return leader!;
}

natsTest(
  "row 61: twenty candidates at once, one leader, and every resignation hands over with a higher epoch",
  async (rig) => {
    const { world } = await rig.connect();
    const oracle = await openOracle(world);
    const bucket = await leases(world);
    // Nobody's lease can end by time, as it hardly passes: only resignations move the leadership, so two valid terms at once would be a fault.
    // A little has to pass: whoever has lost a race, and had the news while it ran, waits for a moment before it tries again.
    const clock = new ManualClock();
    const passTime = () => clock.advance(1);
    const epochs: number[] = [];
    let candidates: Runner[] = [];
    const writing: Promise<void>[] = [];
    const onElected = (term: Term) => {
      epochs.push(term.epoch);
      assert.equal(
        candidates.filter((runner) => runner.valid).length <= 1,
        true,
        "two valid terms",
      );
      writing.push(writeFor(oracle, term));
    };
    const connections = await Promise.all(Array.from({ length: 10 }, () => rig.connect()));
    candidates = await Promise.all(
      Array.from(
        { length: 20 },
        (_, i) => run(connections[i % 10]!.world, `c${i}`, { clock, onElected }),
      ),
    );
    let running = [...candidates];
    while (running.length > 1) {
      const leader = await untilLed(running, bucket, passTime);
      assert.equal(candidates.filter((runner) => runner.valid).length, 1);
      running = running.filter((runner) => runner !== leader);
      const before = leader.epoch;
      await leader.candidacy.resign();
      const next = await untilLed(running, bucket, passTime);
      assert.ok(next.epoch > before);
    }
    await Promise.all(writing);
    oracle.check();
    assert.ok(oracle.writes >= 20);
    assert.equal(epochs.length, 20, "one term for each");
    assert.deepEqual(epochs, [...new Set(epochs)].sort((a, b) => a - b), "strictly growing");
    for (const runner of candidates) assert.deepEqual([runner.deposed, runner.errors], [[], []]);
    await running[0]!.candidacy.resign();
    assert.equal(await bucket.get(LEADER_KEY), undefined);
  },
);

/** Takes the store over and writes a few times, as a leader does until it is refused. */
async function writeFor(oracle: FencingOracle, term: Term): Promise<void> {
  const write = await oracle.claim(term);
  for (let i = 0; write !== undefined && i < 3; i++) {
    if (!await write()) return;
  }
}

natsTest(
  "suspicions of everybody by everybody: epochs grow, and no earlier term writes after a later",
  async (rig) => {
    const { world } = await rig.connect();
    const oracle = await openOracle(world);
    const bucket = await leases(world);
    const clock = new ManualClock();
    const epochs: number[] = [];
    const writing: Promise<void>[] = [];
    const connections = await Promise.all(Array.from({ length: 5 }, () => rig.connect()));
    const runners = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        run(connections[i % 5]!.world, `c${i}`, {
          clock,
          onElected: (term) => {
            epochs.push(term.epoch);
            writing.push(writeFor(oracle, term));
          },
        })),
    );
    for (let round = 0; round < 25; round++) {
      const leader = await untilLed(runners, bucket);
      const terms = epochs.length;
      for (const runner of runners) runner.candidacy.suspect(leader.instance);
      await until("the living leader is replaced", async () => {
        for (const runner of runners) runner.candidacy.suspect(leader.instance);
        return epochs.length > terms && (await untilLed(runners, bucket)) !== leader;
      }, PATIENCE_MS);
      await until("the old one knows", () => !leader.valid, PATIENCE_MS);
    }
    await Promise.all(writing);
    oracle.check();
    assert.equal(new Set(epochs).size, epochs.length, "no epoch twice");
    const last = await untilLed(runners, bucket);
    assert.equal(last.epoch, Math.max(...epochs), "the last one has the highest");
    for (const runner of runners) await runner.candidacy.abandon();
  },
);

natsTest(
  "row 60: leaders whose connections die are replaced, found by probing, with growing epochs",
  async (rig: Rig) => {
    const { world } = await rig.connect();
    const bucket = await leases(world);
    const oracle = await openOracle(world);
    const clock = new ManualClock();
    const epochs: number[] = [];
    const writing: Promise<void>[] = [];
    const members = await Promise.all(Array.from({ length: 6 }, async (_, i) => {
      const link: ConnectedWorld = await rig.connect();
      const instance = `c${i}`;
      answerProbes(link.world.messaging, GROUP, instance, () => ({}));
      const runner = await run(link.world, instance, {
        clock,
        onElected: (term) => {
          epochs.push(term.epoch);
          writing.push(writeFor(oracle, term).catch(() => {}));
        },
      });
      const prober = new Prober({
        group: GROUP,
        clock: link.world.clock,
        random: link.world.random,
        messaging: link.world.messaging,
        intervalMs: 50,
        timeoutMs: 2_000,
        graceMs: 20,
        budgetPerSecond: 1_000,
        targets: () => runner.leaders.slice(-1).filter((leader) => leader !== instance),
        onGone: (gone) => runner.candidacy.suspect(gone),
      });
      return { link, runner, prober };
    }));
    let living = [...members];
    for (let round = 0; round < 4; round++) {
      const runners = living.map((member) => member.runner);
      const leader = await untilLed(runners, bucket);
      const dead = living.find((member) => member.runner === leader)!;
      await dead.link.nc.close();
      dead.prober.close();
      living = living.filter((member) => member !== dead);
      const next = await untilLed(living.map((member) => member.runner), bucket);
      assert.ok(next.epoch > leader.epoch, "without a TTL having passed: nobody moved the clock");
    }
    for (const { prober } of members) prober.close();
    await Promise.all(writing);
    oracle.check();
    assert.equal(new Set(epochs).size, epochs.length);
    for (const { runner } of members) await runner.candidacy.abandon();
  },
);

natsTest("row 63: the same leader after six TTLs, and it renewed all the time", async (rig) => {
  const clock = new ManualClock();
  const runners: Runner[] = [];
  for (const name of ["a", "b", "c"]) {
    runners.push(await run((await rig.connect()).world, name, { clock }));
  }
  const bucket = await leases((await rig.connect()).world);
  const leader = await untilLed(runners, bucket);
  for (let passedMs = 0; passedMs < 6 * TTL_MS; passedMs += RENEW_MS) {
    const before = (await bucket.get(LEADER_KEY))!.revision;
    await clock.advance(RENEW_MS);
    await until(
      "it renews",
      async () => (await bucket.get(LEADER_KEY))!.revision > before,
      PATIENCE_MS,
    );
    // The others see the renewal too before time goes on, as they would within two seconds.
    await leader.terms[0]!.confirm();
  }
  assert.ok(leader.valid);
  assert.deepEqual(runners.map((runner) => runner.terms.length).sort(), [0, 0, 1]);
  for (const runner of runners) await runner.candidacy.resign();
});

natsTest(
  "a zombie comes back after its successor was elected: it writes nothing and steps down",
  async (rig) => {
    const oracle = await openOracle((await rig.connect()).world);
    const [zombiesClock, clock] = [new ManualClock(), new ManualClock()];
    const { world } = await rig.connect();
    const bucket = await leases(world);
    const zombie = await run((await rig.connect()).world, "zombie", { clock: zombiesClock });
    await untilLed([zombie], bucket);
    const penOfZombie = await oracle.claim(zombie.terms[0]!);
    assert.equal(await penOfZombie!(), true);
    const next = await run(world, "next", { clock });
    await until("it sees the leader", () => next.leaders.length > 0, PATIENCE_MS);
    const silent = async () => {
      await clock.advance(TTL_MS / 2);
      return next.leads;
    };
    await until("the silent leader is replaced", silent, PATIENCE_MS);
    const pen = await oracle.claim(next.terms[0]!);
    // Its clock stood still, so it still believes; the store does not, and the key tells it.
    assert.equal(await penOfZombie!(), false);
    assert.equal(await zombie.terms[0]!.confirm(), false);
    assert.equal(zombie.valid, false);
    assert.equal(zombie.leads, false);
    assert.equal(await pen!(), true);
    oracle.check();
    for (const runner of [zombie, next]) await runner.candidacy.abandon();
  },
);

/** On the old server the leader's key expires without a word. */
for (const server of testServers()) {
  Deno.test(`abandoned, the lease is left to expire and then taken, in real time [${server.label}]`, async () => {
    await using nats = await launchTestServer(server);
    const [nc, other] = [
      await connectNats({ servers: nats.url }),
      await connectNats({ servers: nats.url }),
    ];
    try {
      const world = natsWorld(nc);
      const bucket = await leases(world, 1_000);
      const settings = { clock: world.clock, ttlMs: 1_500 };
      const first = await run(world, "first", settings);
      await untilLed([first], bucket);
      const second = await run(natsWorld(other), "second", settings);
      await first.candidacy.abandon();
      await untilLed([second], bucket);
      assert.ok(second.epoch > first.epoch);
      await second.candidacy.resign();
    } finally {
      await Promise.all([nc.close(), other.close()]);
    }
  });
}

natsTest("a candidacy lives through a restart of the server", async (rig) => {
  const { world } = await rig.connect();
  const bucket = await leases(world);
  const clock = new ManualClock();
  const a = await run(world, "a", { clock });
  const b = await run((await rig.connect()).world, "b", { clock });
  const leader = await untilLed([a, b], bucket);
  await rig.server.kill();
  await rig.server.restart();
  await until("the leader confirms its term", () => leader.terms[0]!.confirm(), PATIENCE_MS);
  await leader.candidacy.resign();
  // The restart may have cost the other one its watch, or its first attempts: they are made again in time.
  const others = [a, b].filter((runner) => runner !== leader);
  const next = await untilLed(others, bucket, () => clock.advance(10));
  assert.ok(next.epoch > leader.epoch);
  await next.candidacy.resign();
});
