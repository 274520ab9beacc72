/** Goodbyes of actors by directory: the next life begins when the last one has ended, or has had its time. */
import assert from "node:assert/strict";
import type { ActorContext, ActorType } from "../../bus/actors/actor.ts";
import { Kernel } from "../kernel/kernel.ts";
import { type CalmNode, CalmNodes } from "./calm_nodes.ts";
import { tokenBytes, tokenOf } from "./ledger.ts";

const TYPE = "sim::steady";
const ID = `${TYPE}/1`;
const GRACE_MS = 1_000;

async function onNode(
  type: ActorType,
  play: (node: CalmNode, kernel: Kernel, errors: readonly unknown[]) => Promise<void>,
): Promise<void> {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const errors: unknown[] = [];
    const node = await new CalmNodes(kernel).start("node", {
      stopGraceMs: GRACE_MS,
      onError: ({ value }) => errors.push(value),
      define: (actors) => actors.define(TYPE, type),
    });
    await play(node, kernel, errors);
    await node.actors.stop();
    await node.bus.stop();
  });
}

Deno.test("a goodbye that hangs takes its actor away for as long as it may take, and is told of", async () => {
  const lives: ActorContext[] = [];
  const type: ActorType = {
    idleMs: 100,
    create: (context) => {
      lives.push(context);
      return { handle: () => {}, onDeactivate: () => new Promise(() => {}) };
    },
  };
  await onNode(type, async ({ actors }, kernel, errors) => {
    const call = () => actors.request(ID, "x", tokenBytes("a"), { timeoutMs: 60_000 });
    await call();
    await kernel.sleep(200);
    const sinceMs = kernel.nowMs;
    await call();
    assert.ok(kernel.nowMs - sinceMs < GRACE_MS + 100, `${kernel.nowMs - sinceMs} ms`);
    assert.deepEqual(lives.map(({ signal, mayAct }) => [signal.aborted, mayAct()]), [
      [true, false],
      [false, true],
    ]);
    assert.deepEqual(errors, [ID]);
  });
});

Deno.test("what an actor saves in its goodbye and does not wait for is there for its next life", async () => {
  const type: ActorType = {
    state: true,
    create: ({ state, deactivate }) => {
      let count = Number(tokenOf(state!.value ?? tokenBytes("0")));
      return {
        handle: () => (deactivate(), tokenBytes(String(++count))),
        onDeactivate() {
          // One after the other they take longer than it takes to begin anew.
          for (let n = 40; n >= 0; n--) void state!.save(tokenBytes(String(count - n)));
        },
      };
    },
  };
  await onNode(type, async ({ actors }) => {
    for (const count of ["1", "2", "3"]) {
      assert.equal(tokenOf(await actors.request(ID, "x", tokenBytes("a"))), count);
    }
  });
});
