/** A node that only tells: nobody answers it, so nothing but the directory says where an actor is. */
import assert from "node:assert/strict";
import { RECENT_MS } from "../../bus/actors/recent_places.ts";
import { Kernel } from "../kernel/kernel.ts";
import { type CalmNode, CalmNodes } from "./calm_nodes.ts";
import { tokenBytes } from "./ledger.ts";

const TYPE = "sim::told";
const ID = `${TYPE}/1`;
/** What is told has come by then. */
const COME_MS = 50;

interface Stage {
  readonly kernel: Kernel;
  readonly first: CalmNode;
  readonly teller: CalmNode;
  /** How often the teller has read the directory. */
  readonly lookups: () => number;
  /** How often each call was sent on that has come, in order. */
  readonly hops: number[];
  /** The actor ends at the first node, and begins anew at the second. */
  readonly move: () => Promise<void>;
  /** Whoever was told to work has done so. */
  readonly work: () => void;
}

/** An actor on the first of two nodes; the third tells. */
async function withTeller(play: (stage: Stage) => Promise<void>): Promise<void> {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const nodes = new CalmNodes(kernel);
    const hops: number[] = [];
    const work = Promise.withResolvers<void>();
    const define: Parameters<CalmNodes["start"]>[1] = {
      define: (actors) =>
        actors.define(TYPE, {
          placement: "local",
          create: (context) => ({
            handle: ({ method, hops: count, payload }) => {
              if (method === "tell") hops.push(count);
              if (method === "leave") context.deactivate();
              return method === "work" ? work.promise : payload;
            },
          }),
        }),
    };
    const [first, second] = [
      await nodes.start("first", define),
      await nodes.start("second", define),
    ];
    let lookups = 0;
    const teller = await nodes.start("teller", {
      directory: (own) => ({
        sweep: (isGone) => own.sweep(isGone),
        register: (...args) => own.register(...args),
        unregister: (...args) => own.unregister(...args),
        lookup: (id) => (lookups++, own.lookup(id)),
      }),
    });
    const move = async (): Promise<void> => {
      await first.actors.request(ID, "leave", tokenBytes("a"));
      await kernel.sleep(COME_MS);
      await second.actors.request(ID, "x", tokenBytes("a"));
    };
    await first.actors.request(ID, "x", tokenBytes("a"));
    await play({ kernel, first, teller, lookups: () => lookups, hops, move, work: work.resolve });
    for (const { actors, bus } of [teller, second, first]) {
      await actors.stop();
      await bus.stop();
    }
  });
}

Deno.test("who tells an actor a hundred times in a second reads once where it is", async () => {
  await withTeller(async ({ kernel, teller, lookups, hops }) => {
    for (let n = 0; n < 100; n++) {
      await teller.actors.oneway(ID, "tell", tokenBytes("a"));
      await kernel.sleep(RECENT_MS / 200);
    }
    await kernel.sleep(COME_MS);
    assert.deepEqual(hops, Array(100).fill(0));
    assert.equal(lookups(), 1);
    await kernel.sleep(RECENT_MS);
    await teller.actors.oneway(ID, "tell", tokenBytes("a"));
    assert.equal(lookups(), 2, "it is too long ago");
    // Whoever asks gets an answer, and need not read.
    await teller.actors.request(ID, "x", tokenBytes("a"));
    assert.equal(lookups(), 2);
  });
});

Deno.test("what is told an actor that has moved goes the long way for a moment only", async () => {
  await withTeller(async ({ kernel, teller, lookups, hops, move }) => {
    await teller.actors.request(ID, "x", tokenBytes("a"));
    await kernel.sleep(RECENT_MS);
    await teller.actors.request(ID, "x", tokenBytes("a"));
    await teller.actors.oneway(ID, "tell", tokenBytes("a"));
    assert.equal(lookups(), 1, "the answer said where it is");
    await kernel.sleep(COME_MS);
    await move();
    await teller.actors.oneway(ID, "tell", tokenBytes("a"));
    await kernel.sleep(RECENT_MS);
    await teller.actors.oneway(ID, "tell", tokenBytes("a"));
    await kernel.sleep(COME_MS);
    assert.deepEqual(hops, [0, 1, 0]);
  });
});

Deno.test("who was refused looks again where the actor is, before it tells it anything", async () => {
  await withTeller(async ({ kernel, first, teller, lookups, hops, work }) => {
    await teller.actors.oneway(ID, "tell", tokenBytes("a"));
    const busy = first.actors.request(`${TYPE}/2`, "work", tokenBytes("a"));
    await kernel.sleep(COME_MS);
    // One of its actors is at work, so it is there for a while, and has no other any more.
    const leaving = first.actors.stop();
    await kernel.sleep(COME_MS);
    await assert.rejects(teller.actors.request(ID, "x", tokenBytes("a")), {
      code: "PARTI_NOT_SENT",
    });
    await teller.actors.oneway(ID, "tell", tokenBytes("a"));
    await kernel.sleep(COME_MS);
    assert.equal(lookups(), 2);
    assert.deepEqual(hops, [0, 0]);
    work();
    await Promise.all([busy, leaving]);
  });
});
