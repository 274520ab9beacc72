import assert from "node:assert/strict";
import { natsTest } from "../../lib/test_support/rig.ts";
import { makeStream } from "./group.ts";
import { lossOf, starvedIn } from "./loss.ts";

natsTest(
  "loss: planted: what was dropped and what nobody takes is told in numbers",
  async (rig) => {
    const { url } = rig.server;
    const { world: { feed } } = await rig.connect();
    await makeStream(url);
    const of = (handled: number) =>
      lossOf({ url, sent: 3, handled: () => handled, patienceMs: 100 });
    assert.equal(await of(3), undefined);
    assert.match((await of(2))!, /^2 of 3 messages were handled and 0 are left in the stream, /);
    // It is waited for what still comes.
    let comes = 0;
    const late = () => Math.min(3, ++comes);
    assert.equal(await lossOf({ url, sent: 3, handled: late, patienceMs: 5_000 }), undefined);
    await feed.publish("stress.in.0", new Uint8Array());
    assert.match((await of(3))!, /^3 of 3 messages were handled and 1 are left in the stream, /);
  },
);

Deno.test("loss: planted: a partition that has had nothing since the last time is named", async () => {
  let marks = 0;
  const group = (unserved: number | undefined) => ({ unserved, markServed: () => void marks++ });
  assert.equal(await starvedIn(group(undefined), 1_000), undefined);
  assert.equal(marks, 1);
  assert.equal(await starvedIn(group(7), 20), "partition 7 has had no message for 20 ms");
  assert.equal(marks, 1);
});
