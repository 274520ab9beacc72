/** What is too large to travel is too large wherever its actor lives, and what may leave may be sent on. */
import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { Kernel } from "../kernel/kernel.ts";
import { MAX_PAYLOAD_BYTES } from "../nats/payload.ts";
import { type CalmNode, CalmNodes } from "./calm_nodes.ts";
import { tokenBytes, tokenOf } from "./ledger.ts";

const TYPE = "sim::sized";
const ID = `${TYPE}/1`;
/** The time that is left of a call has more digits when it comes than when it is sent. */
const LATENCY_MS = 0.25;
const NOTHING = new Uint8Array();

/** Three nodes on which such actors begin where their first call comes from. */
async function withNodes(
  play: (nodes: readonly CalmNode[], call: Call, hops: readonly number[]) => Promise<void>,
): Promise<void> {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const calm = new CalmNodes(kernel, LATENCY_MS);
    const hops: number[] = [];
    const define: Parameters<CalmNodes["start"]>[1] = {
      define: (actors) =>
        actors.define(TYPE, {
          placement: "local",
          create: (context) => ({
            handle: ({ method, payload, hops: count }) => {
              hops.push(count);
              if (method === "leave") context.deactivate();
              return method === "grow" ? new Uint8Array(MAX_PAYLOAD_BYTES) : sizeOf(payload);
            },
          }),
        }),
    };
    const nodes: CalmNode[] = [];
    for (const name of ["a", "b", "c"]) nodes.push(await calm.start(name, define));
    await play(nodes, calling, hops);
    for (const { actors, bus } of nodes) {
      await actors.stop();
      await bus.stop();
    }
  });
}

const sizeOf = (payload: Uint8Array): Uint8Array => tokenBytes(String(payload.length));

type Call = typeof calling;

/** What is answered, or the code of the error and that of its cause. */
const calling = ({ actors }: CalmNode, method: string, payload = NOTHING): Promise<string> =>
  actors.request(ID, method, payload).then(tokenOf, (error) => {
    const { code, cause } = error;
    return isPartiError(cause) ? `${code} ${cause.code}` : code;
  });

Deno.test("a payload, or a value, is too large for an actor at home as it is for one elsewhere", async () => {
  await withNodes(async ([home, abroad], call) => {
    const large = new Uint8Array(MAX_PAYLOAD_BYTES);
    assert.equal(await call(home!, "x"), "0");
    for (const node of [home!, abroad!]) {
      assert.equal(await call(node, "x", large), "PARTI_NOT_SENT PARTI_TOO_LARGE", node.bus.node);
      assert.equal(await call(node, "grow"), "PARTI_CALL_FAILED", node.bus.node);
    }
  });
});

Deno.test("the largest payload that may leave may be sent on", async () => {
  await withNodes(async ([first, second, caller], call, hops) => {
    // The head takes so much at most.
    let [fits, tooLarge] = [MAX_PAYLOAD_BYTES - 1_000, MAX_PAYLOAD_BYTES];
    assert.equal(await call(first!, "x"), "0");
    // From the tenth on their IDs are of one length.
    for (let n = 0; n < 10; n++) await call(caller!, "x");
    while (tooLarge - fits > 1) {
      const sizeBytes = Math.floor((fits + tooLarge) / 2);
      const isSent = await call(caller!, "x", new Uint8Array(sizeBytes)) === String(sizeBytes);
      if (isSent) fits = sizeBytes;
      else tooLarge = sizeBytes;
    }
    // It remembers where the actor is, and is not told that it moves.
    assert.equal(await call(caller!, "x"), "0");
    await call(first!, "leave");
    assert.equal(await call(second!, "x"), "0");
    assert.equal(await call(caller!, "x", new Uint8Array(fits)), String(fits));
    assert.equal(hops.at(-1), 1);
  });
});
