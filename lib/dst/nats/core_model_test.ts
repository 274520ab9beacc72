import assert from "node:assert/strict";
import { bytes, textOf } from "../../ports/contract/helpers_test.ts";
import { Kernel } from "../kernel/kernel.ts";
import { CoreModel, type CoreSubscription } from "./core_model.ts";
import { ModelServer } from "./server.ts";
import { TestSession } from "./simulate_test.ts";

function makeModel(): { server: ModelServer; core: CoreModel } {
  const server = new ModelServer({ kernel: new Kernel({ seed: 1 }), version: "2.15.1" });
  return { server, core: CoreModel.of(server) };
}

function subscription(
  id: number,
  subject: string,
  got: string[],
  isLost = false,
): CoreSubscription {
  return {
    id,
    subject,
    isLost: () => isLost,
    deliver: (message) => {
      got.push(`${id}:${message.subject}=${textOf(message.data)}`);
      message.answer?.(bytes(`from ${id}`));
    },
  };
}

Deno.test("a message goes to everybody who listens, whether by subject or by pattern", () => {
  const { server, core } = makeModel();
  assert.equal(CoreModel.of(server), core);
  const [one, two] = [new TestSession(), new TestSession()];
  const got: string[] = [];
  core.subscribe(one, subscription(1, "a.b", got));
  core.subscribe(one, subscription(2, "a.*", got));
  core.subscribe(two, subscription(3, "a.b", got));
  assert.equal(core.publish("a.b", bytes("x")), 3);
  assert.equal(core.publish("a.c", bytes("y")), 1);
  assert.equal(core.publish("b", bytes("z")), 0);
  assert.deepEqual(got.sort(), ["1:a.b=x", "2:a.b=x", "2:a.c=y", "3:a.b=x"]);
});

Deno.test("answers come back from all who serve, and nobody serves where nobody listens", () => {
  const { core } = makeModel();
  const session = new TestSession();
  const answers: string[] = [];
  const answer = (data: Uint8Array) => void answers.push(textOf(data));
  assert.equal(core.publish("s", bytes("?"), answer), 0);
  core.subscribe(session, subscription(1, "s", []));
  core.subscribe(session, subscription(2, "s", []));
  assert.equal(core.publish("s", bytes("?"), answer), 2);
  assert.deepEqual(answers, ["from 1", "from 2"]);
});

Deno.test("a message lost on its way counts as delivered: its sender learns nothing", () => {
  const { core } = makeModel();
  const got: string[] = [];
  core.subscribe(new TestSession(), subscription(1, "s", got, true));
  assert.equal(core.publish("s", bytes("x"), () => assert.fail("no answer")), 1);
  assert.deepEqual(got, []);
});

Deno.test("subscriptions end one by one, with their connection, and with the server", () => {
  const { server, core } = makeModel();
  const [one, two] = [new TestSession(), new TestSession()];
  const got: string[] = [];
  for (const session of [one, two]) {
    core.subscribe(session, subscription(1, "s", got));
    core.subscribe(session, subscription(2, "s.>", got));
  }
  core.unsubscribe(one, 1);
  core.unsubscribe(one, 1);
  core.unsubscribe(one, 99);
  assert.equal(core.publish("s", bytes("x")), 1);
  two.close();
  assert.equal(core.subscriptionCount, 1);
  assert.equal(core.publish("s", bytes("x")), 0);
  assert.equal(core.publish("s.t", bytes("x")), 1);
  server.crash();
  server.restart();
  assert.equal(core.subscriptionCount, 0);
  assert.equal(core.publish("s.t", bytes("x")), 0);
});
