/** Turns of actors by partition without a group: its feed's messages, and its right to handle them, are made by hand. */
import assert from "node:assert/strict";
import type { ActorContext } from "../../bus/actors/actor.ts";
import { PartitionActors } from "../../bus/actors/partition_actors.ts";
import { tokenOf as tokenOfRight } from "../../bus/actors/token.ts";
import { decodeState } from "../../bus/actors/state_store.ts";
import { type Call, encodeEnvelope } from "../../bus/envelope.ts";
import { shardStateBucket } from "../../bus/names.ts";
import type { HandlerContext, PartitionMessage } from "../../consumption/dispatch/handler.ts";
import { PartiError, type PartiErrorCode } from "../../errors.ts";
import { sleep } from "../../ports/clock.ts";
import { shardId } from "../../sharding/shards.ts";
import { changedBuckets } from "../../test_support/changed_world.ts";
import { Kernel } from "../kernel/kernel.ts";
import { BUS, FOR_EVER } from "./bus_cluster.ts";
import { type CalmNode, CalmNodes } from "./calm_nodes.ts";
import { tokenBytes, tokenOf } from "./ledger.ts";

const TYPE = "sim::kept";
const ID = `${TYPE}/1`;
const FEED = { stream: "ACTORS", subjectTemplate: "actors.{{.Shard}}.{{.PartitionID}}", shards: 1 };

/** Keeps what it is told, and answers what it kept before. */
function keeper({ state }: ActorContext) {
  return {
    async handle({ payload }: { readonly payload: Uint8Array }) {
      const before = state!.value;
      await state!.save(payload);
      return before ?? tokenBytes("nothing");
    },
  };
}

/** A call as the feed hands it to the group's handler. */
function messageOf(
  { bus, world }: CalmNode,
  call: Partial<Call> = {},
  lainMs = 0,
): PartitionMessage {
  const whole: Call = {
    ...{ kind: "request", id: "caller:1", from: bus.address, to: ID, method: "x" },
    ...{ leftMs: 10_000, hops: 0, payload: tokenBytes("kept"), ...call },
  };
  return {
    ...{ subject: "actors.0.x", data: encodeEnvelope(whole), header: () => undefined },
    ...{ streamSequence: 1, deliveryCount: 1, storedAtMs: world.clock.wallMs() - lainMs },
  };
}

/** The right to a shard. */
function rightOf(epoch: number, mayAct: () => boolean = () => true): HandlerContext {
  return {
    ...{ partition: { keys: ["0"] }, partitionId: "0", worker: "worker-0", instance: "one" },
    ...{ epoch, generation: 1, attempt: 1, signal: new AbortController().signal },
    ...{ mayAct, ack: () => {} },
  };
}

/** Runs on one node in virtual time. */
async function onNode(play: (node: CalmNode, kernel: Kernel) => Promise<void>): Promise<void> {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const node = await new CalmNodes(kernel).start("node", {
      define: (actors) => actors.define(TYPE, { state: true, create: keeper }),
    });
    await play(node, kernel);
    await node.actors.stop();
    await node.bus.stop();
  });
}

Deno.test("a type of actors goes from one placement to the other, and is not fenced by what it had kept there", async () => {
  await onNode(async (node) => {
    const { bus, world, actors } = node;
    const byPartition = new PartitionActors({ world, bus, feed: FEED });
    byPartition.define(TYPE, { state: true, create: keeper });
    await byPartition.handler(messageOf(node), rightOf(5));
    const said = await actors.request(ID, "x", tokenBytes("kept"));
    assert.equal(tokenOf(said), "nothing");
  });
});

Deno.test("a call that has lain in the feed has so much less time left", async () => {
  await onNode(async (node) => {
    const left: number[] = [];
    const actors = new PartitionActors({ ...node, feed: FEED });
    actors.define(TYPE, { create: () => ({ handle: ({ leftMs }) => void left.push(leftMs()) }) });
    await actors.handler(messageOf(node, { leftMs: 10_000 }, 4_000), rightOf(1));
    // The clock of the server may be ahead of this machine's.
    await actors.handler(messageOf(node, { leftMs: 10_000 }, -4_000), rightOf(1));
    assert.deepEqual(left, [6_000, 10_000]);
  });
});

Deno.test("a call to what can be no actor's name is refused, and not given again", async () => {
  await onNode(async (node) => {
    const actors = new PartitionActors({ ...node, feed: FEED });
    actors.define(TYPE, { create: () => ({ handle: () => assert.fail() }) });
    await actors.handler(messageOf(node, { to: `${TYPE}/${"x".repeat(201)}` }), rightOf(1));
    assert.equal(node.bus.counts.refused, 1);
  });
});

Deno.test("no actor begins where the right to its shard went while its state was loaded", async () => {
  await onNode(async (node) => {
    let mayAct = true;
    let created = 0;
    const states = {
      open: () => {
        mayAct = false;
        return Promise.resolve({ value: undefined, save: () => Promise.resolve() });
      },
    };
    const actors = new PartitionActors({ ...node, feed: FEED, states });
    const create = () => (created++, { handle: () => {} });
    actors.define(TYPE, { state: true, create });
    await assert.rejects(
      async () => await actors.handler(messageOf(node), rightOf(1, () => mayAct)),
      {
        code: "PARTI_FENCED",
      },
    );
    assert.equal(created, 0);
  });
});

Deno.test("a life that could not begin saves nothing any more, and its call is given up once its time is over, but not in an outage", async () => {
  await onNode(async (node) => {
    const lives: ActorContext[] = [];
    let code: PartiErrorCode = "PARTI_TIMEOUT";
    const actors = new PartitionActors({ ...node, feed: FEED });
    actors.define(TYPE, {
      state: true,
      create: (context) => {
        lives.push(context);
        throw new PartiError(code, "made to fail");
      },
    });
    const call = async (attempt: number, leftMs: number): Promise<void> =>
      await actors.handler(messageOf(node, { leftMs }), { ...rightOf(1), attempt });
    await assert.rejects(call(100, -1), { code: "PARTI_NOT_BEGUN" });
    code = "PARTI_OVERLOADED";
    await assert.rejects(call(100, 5_000), { code: "PARTI_NOT_BEGUN" });
    await assert.rejects(call(4, -1), { code: "PARTI_NOT_BEGUN" });
    await call(5, -1);
    assert.equal(node.bus.counts.refused, 1);
    for (const { state, mayAct } of lives) {
      await assert.rejects(state!.save(tokenBytes("late")), { code: "PARTI_FENCED" });
      assert.equal(mayAct(), false);
    }
  });
});

Deno.test("an actor whose shard goes while it begins is told that it ends, and takes no turn", async () => {
  await onNode(async (node, kernel) => {
    const told: string[] = [];
    const begun = Promise.withResolvers<void>();
    const actors = new PartitionActors({ ...node, feed: FEED });
    actors.define(TYPE, {
      create: () => ({
        onActivate: () => begun.promise,
        handle: () => void told.push("called"),
        onDeactivate: (reason) => void told.push(reason),
      }),
    });
    const handling = assert.rejects(async () => await actors.handler(messageOf(node), rightOf(1)), {
      code: "PARTI_FENCED",
    });
    await kernel.sleep(1);
    actors.events.released([shardId(0)], false);
    begun.resolve();
    await handling;
    await kernel.sleep(1);
    assert.deepEqual([told, actors.size], [["stopping"], 0]);
  });
});

Deno.test("a life begins behind one that still began when the shard went, and came back", async () => {
  await onNode(async (node, kernel) => {
    const told: string[] = [];
    const begun = Promise.withResolvers<void>();
    const actors = new PartitionActors({ ...node, feed: FEED });
    actors.define(TYPE, {
      create: ({ token }) => {
        const tell = (what: string) => void told.push(`${what} ${token === first ? 1 : 2}`);
        return {
          onActivate: async () => {
            tell("begins");
            if (token === first) await begun.promise;
            tell("has begun");
          },
          handle: () => tell("is called"),
          onDeactivate: () => tell("ends"),
        };
      },
    });
    const first = tokenOfRight(rightOf(1));
    const handling = assert.rejects(async () => await actors.handler(messageOf(node), rightOf(1)), {
      code: "PARTI_FENCED",
    });
    await kernel.sleep(1);
    actors.events.lost([shardId(0)]);
    actors.events.acquired([shardId(0)], "lane", 0);
    const again = actors.handler(messageOf(node), rightOf(2));
    await kernel.sleep(1);
    begun.resolve();
    await Promise.all([handling, again]);
    assert.deepEqual(told, [
      ...["begins 1", "has begun 1", "ends 1"],
      ...["begins 2", "has begun 2", "is called 2"],
    ]);
  });
});

Deno.test("who stops waits for actors that say goodbye, and for none longer than it may take", async () => {
  await onNode(async (node, kernel) => {
    const { clock } = node.world;
    const told: string[] = [];
    const saved: string[] = [];
    const actors = new PartitionActors({ ...node, feed: FEED, stopGraceMs: 1_000 });
    actors.define(TYPE, {
      state: true,
      create: ({ id, state }) => ({
        handle: () => {},
        async onDeactivate() {
          await sleep(clock, id.endsWith("slow") ? 500 : 5_000);
          told.push(id);
          await state!.save(tokenBytes("late")).then(() => saved.push(id), () => {});
        },
      }),
    });
    const call = async (name: string) =>
      await actors.handler(messageOf(node, { to: `${TYPE}/${name}` }), rightOf(1));
    await call("slow");
    await actors.events.released([shardId(0)], false);
    let sinceMs = kernel.nowMs;
    await actors.stop();
    assert.deepEqual(told, [`${TYPE}/slow`]);
    assert.ok(kernel.nowMs - sinceMs < 600, `${kernel.nowMs - sinceMs} ms`);
    await call("hangs");
    await actors.events.released([shardId(0)], false);
    sinceMs = kernel.nowMs;
    await actors.stop();
    assert.equal(Math.round(kernel.nowMs - sinceMs), 1_000);
    await kernel.sleep(5_000);
    assert.deepEqual(told, [`${TYPE}/slow`, `${TYPE}/hangs`]);
    assert.deepEqual(saved, [`${TYPE}/slow`], "its life was over by then");
  });
});

Deno.test("a save that a life has not waited for is kept before the next life begins, and none that comes later is", async () => {
  await onNode(async (node, kernel) => {
    const late = Promise.withResolvers<void>();
    let updates = 0;
    const world = changedBuckets(node.world, (bucket) => ({
      update: async (...args) => {
        const isLate = ++updates === 2;
        const revision = await bucket.update(...args);
        // The answer to the second save comes when its life has had its time.
        if (isLate) await late.promise;
        return revision;
      },
    }));
    const actors = new PartitionActors({ ...node, world, feed: FEED, stopGraceMs: 1_000 });
    const told: string[] = [];
    actors.define(TYPE, {
      state: true,
      create: ({ state, deactivate }) => ({
        handle({ method, payload }) {
          if (method === "look") return state!.value;
          // Nobody waits for them.
          for (const n of [1, 2, 3]) {
            const text = `${tokenOf(payload)}${n}`;
            state!.save(tokenBytes(text)).then(
              () => told.push(`${text} is kept`),
              ({ code }) => told.push(`${text}: ${code}`),
            );
          }
          deactivate();
          return undefined;
        },
      }),
    });
    const call = async (method: string, text: string): Promise<string[]> => {
      await actors.handler(messageOf(node, { method, payload: tokenBytes(text) }), rightOf(1));
      return told.splice(0);
    };
    await call("save", "a");
    // Of one token, and the second one waits for the goodbye of the first.
    assert.deepEqual(await call("save", "b"), ["a1 is kept"]);
    late.resolve();
    await kernel.sleep(100);
    assert.deepEqual(
      await call("look", ""),
      ["a2 is kept", "a3: PARTI_FENCED", "b1 is kept", "b2 is kept", "b3 is kept"],
    );
    const bucket = await world.kv.open(shardStateBucket(BUS), FOR_EVER);
    const [entry] = await bucket.list(">");
    assert.equal(tokenOf(decodeState(entry!.value).value!), "b3");
  });
});

Deno.test("a goodbye by partition that hangs keeps the next life waiting for its time, and no longer", async () => {
  await onNode(async (node, kernel) => {
    const actors = new PartitionActors({ ...node, feed: FEED, stopGraceMs: 1_000 });
    const lives: ActorContext[] = [];
    actors.define(TYPE, {
      create: (context) => {
        lives.push(context);
        return {
          handle: () => context.deactivate(),
          onDeactivate: () => lives.length === 1 ? new Promise(() => {}) : undefined,
        };
      },
    });
    await actors.handler(messageOf(node), rightOf(1));
    const sinceMs = kernel.nowMs;
    await actors.handler(messageOf(node), rightOf(1));
    assert.equal(Math.round(kernel.nowMs - sinceMs), 1_000);
    await kernel.sleep(1);
    assert.deepEqual(lives.map(({ signal, mayAct }) => [signal.aborted, mayAct()]), [
      [true, false],
      [false, false],
    ]);
  });
});
