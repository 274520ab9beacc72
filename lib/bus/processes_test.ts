/** Actors on several processes and a real server, which are killed and stopped: never two lives of one actor at a time. */
import assert from "node:assert/strict";
import { decodeJsonObject } from "../codec.ts";
import { isPartiError } from "../errors.ts";
import type { World } from "../ports/world.ts";
import { makeShards } from "../sharding/make_shards.ts";
import type { ShardedFeed } from "../sharding/shards.ts";
import { bothNatsTest, type Rig, until } from "../test_support/rig.ts";
import {
  type BusProgramSpec,
  COUNTER,
  JUDGE_SUBJECT,
  type TurnNotice,
} from "../test_support/bus_program.ts";
import { KEEPER, type PartitionProgramSpec } from "../test_support/partition_program.ts";
import { endProgram, startProgram } from "../test_support/worker_program.ts";
import { ActorSystem } from "./actors/actor_system.ts";
import { PartitionActors } from "./actors/partition_actors.ts";
import { MessageBus } from "./bus.ts";

const ACTORS = 20;
const LEASE_TTL_MS = 2_000;
const START_TIMEOUT_MS = 60_000;
const CALL_TIMEOUT_MS = 20_000;
const BUS = "processes";
const NOTHING = new Uint8Array();
const FEED: ShardedFeed = {
  stream: "ACTORS",
  subjectTemplate: "ACTORS.{{.Shard}}.{{.PartitionID}}",
  shards: 6,
};

/** Whether two turns of two lives of one actor were at work at once. */
function overlaps(
  notices: readonly TurnNotice[],
  killedAtMs: ReadonlyMap<string, number>,
): string[] {
  const open = new Map<string, TurnNotice>();
  const turns: { notice: TurnNotice; untilMs: number }[] = [];
  for (const notice of notices) {
    const key = `${notice.actor} ${notice.node} ${notice.token}`;
    const begun = open.get(key);
    if (notice.phase === "begin") open.set(key, notice);
    else if (begun !== undefined) {
      open.delete(key);
      // Whoever was stopped in the middle of it, and finds its right over, has done nothing since.
      if (!notice.fenced) turns.push({ notice: begun, untilMs: notice.atMs });
    }
  }
  for (const notice of open.values()) {
    const untilMs = killedAtMs.get(notice.node);
    if (untilMs !== undefined) turns.push({ notice, untilMs });
  }
  turns.sort((a, b) => a.notice.atMs - b.notice.atMs);
  const last = new Map<string, { notice: TurnNotice; untilMs: number }>();
  const problems: string[] = [];
  for (const turn of turns) {
    const { actor, token, node, atMs } = turn.notice;
    const before = last.get(actor);
    if (before !== undefined && before.untilMs > atMs) {
      problems.push(`${actor}: ${node} under ${token} begins while ${before.notice.node} is at it`);
    }
    if (before !== undefined && before.notice.token > token) {
      problems.push(`${actor}: ${node} under ${token} after ${before.notice.token}`);
    }
    if (before === undefined || before.untilMs < turn.untilMs) last.set(actor, turn);
  }
  return problems;
}

interface Stage {
  readonly world: World;
  readonly bus: MessageBus;
  readonly notices: TurnNotice[];
  readonly start: (node: string) => Promise<Deno.ChildProcess>;
}

/** A caller in this process, on which no actor lives, and processes on which they do. */
async function onStage(
  rig: Rig,
  specOf: (node: string) => { readonly file: string; readonly spec: unknown },
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  const { world } = await rig.connect();
  const notices: TurnNotice[] = [];
  world.messaging.subscribe(JUDGE_SUBJECT, ({ data }) => {
    notices.push(decodeJsonObject(data) as unknown as TurnNotice);
  });
  await using bus = new MessageBus({ world, bus: BUS, node: "caller" });
  await bus.start();
  const children: Deno.ChildProcess[] = [];
  const start = async (node: string): Promise<Deno.ChildProcess> => {
    const { file, spec } = specOf(node);
    const { child, isReady } = startProgram(file, spec, START_TIMEOUT_MS);
    children.push(child);
    await isReady(node);
    return child;
  };
  try {
    await play({ world, bus, notices, start });
  } finally {
    await Promise.all(children.map(endProgram));
  }
}

/** Calls all actors again and again until told to stop; returns how many calls had a value. */
async function callAll(actors: ActorSystem, isOver: () => boolean): Promise<number> {
  let values = 0;
  await Promise.all(
    Array.from({ length: ACTORS }, async (_, n) => {
      for (let call = 0; !isOver(); call++) {
        try {
          const idempotencyKey = `${n}-${call}`;
          const options = { timeoutMs: CALL_TIMEOUT_MS, idempotencyKey };
          await actors.request(`${COUNTER}/${n}`, "add", NOTHING, options);
          values++;
        } catch (error) {
          // A save that was refused: another life had begun.
          if (!isPartiError(error, "PARTI_CALL_FAILED", "PARTI_TIMEOUT")) throw error;
        }
      }
    }),
  );
  return values;
}

/** Calls actors that were never called, one after another. */
async function callNewcomers(actors: ActorSystem, isOver: () => boolean): Promise<void> {
  for (let n = 0; !isOver(); n++) {
    const options = { timeoutMs: CALL_TIMEOUT_MS, idempotencyKey: `first-${n}` };
    await actors.request(`${COUNTER}/newcomer-${n}`, "add", NOTHING, options);
  }
}

/** How many actors have taken turns, those on some nodes apart: what they have said may still be under way. */
function actorsOf(notices: readonly TurnNotice[], ...but: string[]): number {
  return new Set(notices.filter(({ node }) => !but.includes(node)).map(({ actor }) => actor)).size;
}

/** Whether a node has come to the end of a turn by right since then. */
function worksSince(notices: readonly TurnNotice[], name: string, sinceMs: number): () => boolean {
  return () =>
    notices.some(({ node, phase, atMs, fenced }) =>
      node === name && phase === "end" && atMs > sinceMs && !fenced
    );
}

async function answersFromAll(actors: ActorSystem): Promise<void> {
  for (let n = 0; n < ACTORS; n++) {
    const options = { timeoutMs: CALL_TIMEOUT_MS, idempotencyKey: `last-${n}` };
    await actors.request(`${COUNTER}/${n}`, "add", NOTHING, options);
  }
}

bothNatsTest(
  "bus: nodes are killed and stopped, and no actor ever has two lives",
  async (rig) => {
    const specOf = (node: string) => {
      const about = { url: rig.server.url, bus: BUS, node };
      const spec: BusProgramSpec = { ...about, leaseTtlMs: LEASE_TTL_MS, workMs: 5 };
      return { file: "bus_program.ts", spec };
    };
    await onStage(rig, specOf, async ({ world, bus, notices, start }) => {
      await using actors = new ActorSystem({ world, bus, leaseTtlMs: LEASE_TTL_MS });
      await actors.start();
      const killedAtMs = new Map<string, number>();
      const [first, second] = await Promise.all(["a", "b", "c"].map(start));
      let isOver = false;
      const calling = callAll(actors, () => isOver);
      const served = (count: number) => () => notices.length > count;
      await until("there is work", served(100));
      // One is killed in the middle of it.
      first!.kill("SIGKILL");
      killedAtMs.set("a", Date.now());
      await start("d");
      await until("work goes on", served(notices.length + 400));
      // Another is stopped for longer than its lease lasts, and comes back.
      second!.kill("SIGSTOP");
      const stoppedAt = notices.length;
      const others = () => actorsOf(notices.slice(stoppedAt), "b");
      await until("all actors work without it", () => others() === ACTORS, 30_000);
      const wentOnAtMs = Date.now();
      second!.kill("SIGCONT");
      // Those that live elsewhere by now stay there: it is new ones that begin here.
      const newcomers = callNewcomers(actors, () => isOver);
      await until("it works again", worksSince(notices, "b", wentOnAtMs), 30_000);
      isOver = true;
      await newcomers;
      assert.ok(await calling > 100);
      await answersFromAll(actors);
      assert.deepEqual(overlaps(notices, killedAtMs), []);
      assert.equal(bus.pending, 0);
    });
  },
);

/** Tells actors by partition something until told to stop; returns what the feed has stored, by actor. */
async function tellAll(actors: PartitionActors, isOver: () => boolean): Promise<string[][]> {
  return await Promise.all(
    Array.from({ length: ACTORS }, async (_, n) => {
      const stored: string[] = [];
      for (let call = 0; !isOver(); call++) {
        const idempotencyKey = `${n}-${call}`;
        const options = { timeoutMs: CALL_TIMEOUT_MS, idempotencyKey };
        await actors.oneway(`${KEEPER}/${n}`, "keep", NOTHING, options);
        stored.push(idempotencyKey);
        await actors.request(`${KEEPER}/${n}`, "keep", NOTHING, options);
      }
      return stored;
    }),
  );
}

bothNatsTest(
  "actors by partition: workers are killed and stopped, no actor has two lives, and nothing that was stored is lost",
  async (rig) => {
    const specOf = (node: string) => {
      const spec: PartitionProgramSpec = {
        ...{ url: rig.server.url, bus: BUS, node, workMs: 5, feed: FEED },
        config: {
          ...{ group: BUS, preset: "fast", workerIdMax: 9 },
          consumer: { stream: FEED.stream, shards: FEED.shards },
        },
      };
      return { file: "partition_program.ts", spec };
    };
    await onStage(rig, specOf, async ({ world, bus, notices, start }) => {
      await makeShards(world.feed, FEED, { storage: "memory", replicas: 1 });
      const actors = new PartitionActors({ world, bus, feed: FEED });
      const [first, second] = await Promise.all(["a", "b", "c"].map(start));
      let isOver = false;
      const telling = tellAll(actors, () => isOver);
      await until(
        "all have work",
        () => new Set(notices.map(({ node }) => node)).size === 3,
        30_000,
      );
      first!.kill("SIGKILL");
      const killedAtMs = new Map([["a", Date.now()]]);
      second!.kill("SIGSTOP");
      const stoppedAt = notices.length;
      const others = () => actorsOf(notices.slice(stoppedAt), "a", "b");
      await until("all actors work without them", () => others() === ACTORS, 30_000);
      const wentOnAtMs = Date.now();
      second!.kill("SIGCONT");
      await until("it works again", worksSince(notices, "b", wentOnAtMs), 30_000);
      isOver = true;
      const stored = await telling;
      for (const [n, keys] of stored.entries()) {
        const options = { timeoutMs: CALL_TIMEOUT_MS, idempotencyKey: "last" };
        const kept = await actors.request(`${KEEPER}/${n}`, "keep", NOTHING, options);
        assert.deepEqual(JSON.parse(new TextDecoder().decode(kept)), [...keys, "last"]);
      }
      assert.deepEqual(overlaps(notices, killedAtMs), []);
      assert.equal(bus.pending, 0);
    });
  },
);

Deno.test("the judge sees an overlap, and a life that goes back", () => {
  const turn = (node: string, token: number, atMs: number, untilMs: number): TurnNotice[] => {
    const about = { actor: "x", node, token, fenced: false };
    return [{ ...about, phase: "begin", atMs }, { ...about, phase: "end", atMs: untilMs }];
  };
  const sound = [...turn("a", 1, 0, 10), ...turn("b", 2, 10, 20)];
  assert.deepEqual(overlaps(sound, new Map()), []);
  const at = [...turn("a", 1, 0, 10), ...turn("b", 2, 5, 20)].sort((x, y) => x.atMs - y.atMs);
  assert.equal(overlaps(at, new Map()).length, 1);
  assert.equal(overlaps([...turn("a", 2, 0, 10), ...turn("b", 1, 10, 20)], new Map()).length, 1);
  const killed = turn("a", 1, 0, 10).slice(0, 1);
  assert.equal(overlaps([...killed, ...turn("b", 2, 4, 6)], new Map([["a", 5]])).length, 1);
  assert.equal(overlaps([...killed, ...turn("b", 2, 6, 8)], new Map([["a", 5]])).length, 0);
});
