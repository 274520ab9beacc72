import assert from "node:assert/strict";
import { isPartiError, PartiError } from "../../errors.ts";
import type { World } from "../../ports/world.ts";
import { natsTest, until } from "../../test_support/rig.ts";
import { deadLetter } from "./dead_letter.ts";
import { FakeMessage } from "../fakes_test.ts";
import { FEED, OUTPUT, Team, testConfig } from "../team_test.ts";

function send(failure: unknown): Promise<void> {
  const feed = { publish: () => Promise.reject(failure) } as unknown as World["feed"];
  const world = { feed } as World;
  const owner = { group: "g", worker: "w", instance: "i" };
  const options = { world, config: testConfig(), owner, operationTimeoutMs: 100 };
  return deadLetter(options, "a", new FakeMessage("a", 7), new Error("broken"));
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
