import assert from "node:assert/strict";
import { headers, type Msg } from "@nats-io/nats-core";
import { natsTest } from "../../lib/test_support/rig.ts";
import { BareRequests } from "./bare_requests.ts";

natsTest(
  "bare requests: each answer goes to who waits for it, and a refusal is told",
  async (rig) => {
    const { world, nc } = await rig.connect();
    const held: Msg[] = [];
    nc.subscribe("echo", {
      callback: (_error, message) => {
        held.unshift(message);
        if (held.length === 3) { for (const one of held) one.respond(one.data); }
      },
    });
    using requests = new BareRequests(nc);
    const answers = await Promise.all([1, 2, 3].map((n) => requests.ask("echo", Uint8Array.of(n))));
    assert.deepEqual(answers.map(({ data }) => data[0]), [1, 2, 3]);
    await assert.rejects(requests.ask("nowhere"), /nobody answers/);
    await world.feed.ensureStream("S", {
      ...{ subjects: ["s.>"], retention: "limits", storage: "memory", replicas: 1 },
    });
    const guard = (sequence: number) => {
      const own = headers();
      own.set("Nats-Expected-Last-Subject-Sequence", String(sequence));
      return own;
    };
    assert.equal(await requests.store("s.a", Uint8Array.of(1), guard(0)), 1);
    assert.equal(await requests.store("s.a", Uint8Array.of(1), guard(1)), 2);
    await assert.rejects(
      requests.store("s.a", Uint8Array.of(1), guard(1)),
      /wrong last sequence: 2/,
    );
    await assert.rejects(requests.api("CONSUMER.DELETE.S.none"), /consumer not found/);
  },
);
