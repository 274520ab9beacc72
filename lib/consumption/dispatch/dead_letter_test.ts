import assert from "node:assert/strict";
import { isPartiError, PartiError } from "../../errors.ts";
import type { World } from "../../ports/world.ts";
import { natsTest, until } from "../../test_support/rig.ts";
import { deadLetter } from "./dead_letter.ts";
import { FakeMessage } from "../fakes_test.ts";
import { FEED, OUTPUT, Team, testConfig } from "../team_test.ts";

function send(failure: unknown): Promise<unknown> {
  const feed = { publish: () => Promise.reject(failure) } as unknown as World["feed"];
  const world = { feed } as World;
  const owner = { group: "g", worker: "w", instance: "i" };
  const options = { world, config: testConfig(), owner, operationTimeoutMs: 100 };
  return deadLetter(
    options,
    { id: "a", stream: "feed" },
    new FakeMessage("a", 7),
    new Error("broken"),
  );
}

Deno.test("dead letter: without a stream for it somebody is told what to do", async () => {
  const cause = new PartiError("PARTI_NO_RESPONDERS", "nobody serves that");
  await assert.rejects(send(cause), (error) => {
    assert.ok(isPartiError(error, "PARTI_NO_RESPONDERS"));
    assert.match(error.message, /no stream takes dead\.a.*sequence 7 of partition a.*waits/);
    assert.match(error.hint!, /create a stream.*dead\.a.*deadLetterSubject.*onPoison to stop/);
    assert.deepEqual([error.value, error.cause], ["dead.a", cause]);
    return true;
  });
});

Deno.test("dead letter: whatever else the stream says is passed on as it is", async () => {
  const full = new PartiError("PARTI_REFUSED", "the stream is full");
  await assert.rejects(send(full), (error) => error === full);
});

natsTest(
  "dead letter: on a real server the partition waits, says why, and goes on once there is a stream",
  async (rig) => {
    await using team = await Team.start(rig);
    const { consumer, errors } = await team.add({
      config: { maxDeliver: 1, deadLetterSubject: "nowhere.{{.PartitionID}}" },
      handle: (message) => {
        if (message.streamSequence === 1) throw new Error("cannot be read");
      },
    });
    team.assign({ a: 0 });
    await team.publish(["a"], 2);
    await until("the partition is blocked", () => consumer.health().blocked.includes("a"));
    const [error] = errors;
    assert.ok(isPartiError(error, "PARTI_NO_RESPONDERS"));
    assert.match(error.hint!, /nowhere\.a/);
    await team.world.feed.ensureStream("LETTERS", {
      subjects: ["nowhere.>"],
      retention: "limits",
      storage: "memory",
      replicas: 1,
    });
    await until(
      "the stream is empty",
      async () => (await team.world.feed.streamInfo(FEED)).messages === 0,
    );
    assert.equal((await team.world.feed.streamInfo("LETTERS")).messages, 1);
  },
);

natsTest(
  "dead letter: on a real server one of a stream made anew is not taken for the one with its sequence before",
  async (rig) => {
    await using team = await Team.start(rig);
    await team.add({
      config: { maxDeliver: 1 },
      handle: () => Promise.reject(new Error("cannot be read")),
    });
    team.assign({ a: 0 });
    const stored = async () => (await team.world.feed.streamInfo(OUTPUT)).messages;
    await team.publish(["a"], 1);
    await until("the first letter", async () => await stored() === 1);
    await team.makeAnew();
    await team.publish(["a"], 1);
    await until("the second letter", async () => await stored() === 2);
    const last = await team.world.feed.lastMessage(OUTPUT, "dead.a");
    assert.equal(last!.header("Parti-Stream-Sequence"), "1");
    assert.deepEqual(last!.data, new TextEncoder().encode("1"));
  },
);

natsTest(
  "dead letter: on a real server poison as large as the server takes, and with headers nobody can read, holds up nobody",
  async (rig) => {
    await using team = await Team.start(rig);
    const { nc, errors } = await team.add({
      config: { maxDeliver: 1 },
      handle: ({ data }) => {
        if (data.length !== 1) throw new Error("cannot be read");
      },
    });
    const letters: string[] = [];
    const { feed } = team.world;
    const letter = async (leftOut: string | undefined, dataBytes: number, trace?: string) => {
      const number = letters.length + 1;
      await until(
        `letter ${number}`,
        async () => (await feed.streamInfo(OUTPUT)).messages === number,
      );
      const last = await feed.lastMessage(OUTPUT, "dead.a");
      assert.deepEqual(
        [last!.header("Parti-Left-Out"), last!.data.length, last!.header("Trace-Id")],
        [leftOut, dataBytes, trace],
      );
      letters.push(last!.header("Parti-Data-Bytes") ?? "");
    };
    team.assign({ a: 0 });
    const maxBytes = nc.info!.max_payload;
    const headers = { "Trace-Id": "42" };
    await feed.publish("feed.a", new Uint8Array(9), { headers });
    await letter(undefined, 9, "42");
    await feed.publish("feed.a", new Uint8Array(maxBytes - 1_000), {
      headers: { ...headers, Long: "x".repeat(900) },
    });
    await letter("headers", maxBytes - 1_000);
    await feed.publish("feed.a", new Uint8Array(9), { headers: { Long: "x".repeat(65_500) } });
    await letter("headers", 9);
    await feed.publish("feed.a", new Uint8Array(maxBytes));
    await letter("headers and data", 0);
    // No client of ours sends such a name; the server looks at none.
    const bytes = new TextEncoder().encode("NATS/1.0\r\nBad Name: x\r\n\r\n");
    nc.publish("feed.a", new Uint8Array(9), { headers: { encode: () => bytes } as never });
    await letter("headers", 9);
    assert.deepEqual(letters, ["", "", "", String(maxBytes), ""]);
    await team.publish(["a"], 2);
    await until("what comes after it", () => team.record.handled.length === 2);
    assert.deepEqual(errors.map((error) => isPartiError(error) && error.code), ["PARTI_TOO_LARGE"]);
    await until("the stream is empty", async () => (await feed.streamInfo(FEED)).messages === 0);
  },
);
