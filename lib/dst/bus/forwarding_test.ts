/** Calls that come to a node where their actor is not: who is asked where it is, and how often. */
import assert from "node:assert/strict";
import { HOPS_MAX } from "../../bus/actors/forwarder.ts";
import { RECENT_MS } from "../../bus/actors/recent_places.ts";
import { addressSubject } from "../../bus/names.ts";
import type { Answer } from "../../bus/envelope.ts";
import { Kernel } from "../kernel/kernel.ts";
import { BUS } from "./bus_cluster.ts";
import { type CalmNode, CalmNodes } from "./calm_nodes.ts";
import { tokenBytes } from "./ledger.ts";

const TYPE = "sim::moving";
const ANYWHERE = "sim::anywhere";
const ID = `${TYPE}/1`;
const WAY_MS = 5;
/** To the server and on: to the wrong node, to the right one, and back. */
const ONE_WAY_MORE_MS = 3 * 2 * WAY_MS;
/** To the server and back. */
const ONE_LOOK_MS = 2 * WAY_MS;
/** An actor that leaves has given its place back by then. */
const ENDED_MS = 10 * WAY_MS;

interface Stage {
  readonly kernel: Kernel;
  readonly nodes: readonly CalmNode[];
  readonly caller: CalmNode;
  /** How often the directory was asked, by node. */
  readonly lookups: number[];
  /** What the actor was asked, in order. */
  readonly handled: string[];
  /** Told when the directory has been read. */
  readonly onRead: { tell: () => void };
  /** The actor ends where it is, and begins anew at another node. */
  readonly move: (to: number) => Promise<void>;
  /** Calls the actor at a node, wherever it is. */
  readonly callAt: (node: number) => Promise<{ answer: Answer; tookMs: number }>;
}

/** Three nodes, on the first of which the actor is; the fourth calls. */
async function withActor(play: (stage: Stage) => Promise<void>): Promise<void> {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const calm = new CalmNodes(kernel, WAY_MS);
    const lookups = [0, 0, 0];
    const handled: string[] = [];
    const onRead = { tell: () => {} };
    const nodes: CalmNode[] = [];
    for (const n of [0, 1, 2]) {
      nodes.push(
        await calm.start(`node-${n}`, {
          define: (actors) => {
            actors.define(TYPE, {
              placement: "local",
              create: (context) => ({
                handle: ({ method, payload }) => {
                  handled.push(method);
                  if (method === "leave") context.deactivate();
                  return payload;
                },
              }),
            });
            actors.define(ANYWHERE, { create: () => ({ handle: ({ payload }) => payload }) });
          },
          directory: (own) => ({
            sweep: (isGone) => own.sweep(isGone),
            register: (...args) => own.register(...args),
            unregister: (...args) => own.unregister(...args),
            lookup: async (id) => {
              lookups[n]!++;
              const entry = await own.lookup(id);
              onRead.tell();
              return entry;
            },
          }),
        }),
      );
    }
    const caller = await calm.start("caller");
    const callAt = async (node: number) => {
      const sinceMs = kernel.nowMs;
      const subject = addressSubject(BUS, nodes[node]!.actors.address!);
      const errand = { subject, to: ID, method: "echo", payload: tokenBytes("a") };
      const answer = await caller.bus.caller.call(caller.bus.outbox.to(subject), errand, {});
      return { answer, tookMs: kernel.nowMs - sinceMs };
    };
    const move = async (to: number): Promise<void> => {
      const host = nodes.find(({ actors }) => actors.size === 1);
      await host?.actors.request(ID, "leave", tokenBytes("a"));
      await kernel.sleep(ENDED_MS);
      await nodes[to]!.actors.request(ID, "echo", tokenBytes("a"));
      lookups.fill(0);
    };
    await move(0);
    await play({ kernel, nodes, caller, lookups, handled, onRead, move, callAt });
    for (const { actors, bus } of [...nodes, caller]) {
      await actors.stop();
      await bus.stop();
    }
  });
}

Deno.test("to be sent on costs one look the first time, and then one way more and nothing else", async () => {
  await withActor(async ({ kernel, nodes, lookups, callAt }) => {
    const first = await callAt(1);
    assert.equal(first.answer.at, nodes[0]!.actors.address);
    assert.equal(first.answer.hops, 1);
    assert.equal(first.tookMs, ONE_WAY_MORE_MS + ONE_LOOK_MS);
    for (let n = 0; n < 3; n++) {
      const again = await callAt(1);
      assert.equal(again.answer.at, nodes[0]!.actors.address);
      assert.equal(again.tookMs, ONE_WAY_MORE_MS);
    }
    assert.deepEqual(lookups, [0, 1, 0]);
    await kernel.sleep(RECENT_MS);
    await callAt(1);
    assert.deepEqual(lookups, [0, 2, 0], "it is too long ago");
  });
});

Deno.test("what was read a moment ago may be out of date: whoever is sent there in vain looks again", async () => {
  await withActor(async ({ nodes, lookups, move, callAt }) => {
    await callAt(1);
    await move(2);
    const { answer } = await callAt(1);
    assert.equal(answer.at, nodes[2]!.actors.address);
    assert.equal(answer.hops, 2);
    assert.deepEqual(lookups, [1, 0, 0]);
  });
});

Deno.test("two nodes that remember each other do not send a call to and fro", async () => {
  await withActor(async ({ nodes, lookups, move, callAt }) => {
    await callAt(1);
    await move(1);
    await callAt(0);
    await move(2);
    const { answer } = await callAt(0);
    assert.equal(answer.at, nodes[2]!.actors.address);
    assert.equal(answer.hops, 2);
    assert.deepEqual(lookups, [0, 1, 0]);
  });
});

Deno.test("a call that may not be sent on any more begins its actor where it is", async () => {
  await withActor(async ({ nodes, caller }) => {
    const address = nodes[1]!.actors.address!;
    const subject = addressSubject(BUS, address);
    const said = Array.from({ length: 10 }, async (_, n) => {
      const errand = { subject, to: `${ANYWHERE}/${n}`, method: "echo", payload: tokenBytes("a") };
      // As it comes where its actor has just ended to which it was sent on.
      const sentOn = caller.bus.caller.call(
        (makeCall) => caller.bus.outbox.send(subject, () => ({ ...makeCall()!, hops: HOPS_MAX })),
        errand,
        {},
      );
      const { status, at, reason } = await sentOn;
      return reason ?? (at === address ? status : `${status} elsewhere`);
    });
    assert.deepEqual(await Promise.all(said), Array(10).fill("done"));
  });
});

Deno.test("what comes while others are sent on does not overtake them", async () => {
  await withActor(async ({ kernel, nodes, caller, handled, onRead }) => {
    const { address } = nodes[1]!.actors;
    const subject = addressSubject(BUS, address!);
    let count = 0;
    const tell = ({ bus }: CalmNode): Promise<void> =>
      bus.caller.tell(
        bus.outbox.to(subject),
        { to: ID, method: String(count++), payload: tokenBytes("a") },
        {},
      );
    handled.length = 0;
    onRead.tell = () => {
      // In the same instant, one after another, from that node itself: what is under way on the network comes later.
      const tellOn = (left: number): void => {
        void tell(nodes[1]!);
        if (left > 0) queueMicrotask(() => tellOn(left - 1));
      };
      tellOn(30);
      onRead.tell = () => {};
    };
    for (let n = 0; n < 20; n++) await tell(caller);
    await kernel.sleep(10 * WAY_MS);
    assert.deepEqual(handled, Array.from({ length: count }, (_, n) => String(n)));
    assert.ok(count > 20);
  });
});
