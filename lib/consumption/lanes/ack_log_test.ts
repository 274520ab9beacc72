import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import { settle } from "../../test_support/manual_clock.ts";
import { AckLog, CONFIRM_EVERY } from "./ack_log.ts";
import { FakeMessage } from "../fakes_test.ts";

function filled(count: number) {
  const refusals: PartiError[] = [];
  const log = new AckLog(100, (refusal) => refusals.push(refusal));
  const messages = Array.from({ length: count }, (_, i) => new FakeMessage("a", i + 1));
  for (const message of messages) log.add(message);
  return { log, messages, refusals };
}

Deno.test("confirming the last ack confirms all before it", async () => {
  const { log, messages } = filled(3);
  assert.deepEqual(messages.map(({ acks }) => acks), [1, 1, 1]);
  await log.confirm();
  assert.deepEqual(messages.map(({ confirms }) => confirms), [0, 0, 1]);
  assert.equal(log.unconfirmed, 0);
  await log.confirm();
  assert.equal(messages[2]!.confirms, 1, "nothing is left to confirm");
});

Deno.test("acks sent on a connection that went are sent again before the last one is confirmed", async () => {
  const { log, messages } = filled(3);
  log.interrupted();
  await log.confirm();
  assert.deepEqual(messages.map(({ acks }) => acks), [2, 2, 1]);
  assert.deepEqual(messages.map(({ confirms }) => confirms), [0, 0, 1]);
});

Deno.test("a confirmation that failed leaves everything in the log, to be sent again", async () => {
  const { log, messages } = filled(2);
  messages[1]!.confirmation = () => Promise.reject(new PartiError("PARTI_TIMEOUT", "no answer"));
  await assert.rejects(log.confirm(), { code: "PARTI_TIMEOUT" });
  assert.equal(log.unconfirmed, 2);
  messages[1]!.confirmation = () => Promise.resolve();
  await log.confirm();
  assert.equal(messages[0]!.acks, 2);
  assert.equal(log.unconfirmed, 0);
});

Deno.test("acks that are refused are told once, and known as refused until some are taken", async () => {
  const { log, messages, refusals } = filled(1);
  const [message] = messages;
  const refusal = new PartiError("PARTI_REFUSED", "may not");
  message!.confirmation = () => Promise.reject(refusal);
  for (let i = 0; i < 2; i++) {
    await assert.rejects(log.confirm(), { code: "PARTI_REFUSED" });
    assert.equal(log.unconfirmed, 0, "it comes again");
    log.add(message!);
  }
  message!.confirmation = () => Promise.reject(new PartiError("PARTI_TIMEOUT", "no answer"));
  await assert.rejects(log.confirm(), { code: "PARTI_TIMEOUT" });
  assert.deepEqual([refusals, log.refusal], [[refusal], refusal]);
  message!.confirmation = () => Promise.resolve();
  await log.confirm();
  assert.equal(log.refusal, undefined);
});

Deno.test("nothing counts as confirmed while a message whose ack was refused may come again, and everything does afterwards", async () => {
  let confirmed = 0;
  const log = new AckLog(100, () => {}, () => confirmed++);
  const [first, second, other] = [1, 2, 3].map((sequence) => new FakeMessage("a", sequence));
  log.add(first!);
  log.add(second!);
  second!.confirmation = () => Promise.reject(new PartiError("PARTI_REFUSED", "may not"));
  await assert.rejects(log.confirm(), { code: "PARTI_REFUSED" });
  for (const [again, times] of [[other, 0], [second, 0], [first, 1], [other, 2]] as const) {
    again!.confirmation = () => Promise.resolve();
    log.add(again!);
    await log.confirm();
    assert.equal(confirmed, times, `after ${again!.streamSequence}`);
  }
});

Deno.test("acks that come while one is being confirmed stay unconfirmed", async () => {
  const { log, messages } = filled(1);
  const answer = Promise.withResolvers<void>();
  messages[0]!.confirmation = () => answer.promise;
  const confirmed = log.confirm();
  await settle();
  const late = new FakeMessage("a", 2);
  log.add(late);
  answer.resolve();
  await confirmed;
  assert.equal(log.unconfirmed, 1);
  await log.confirm();
  assert.equal(late.confirms, 1);
});

Deno.test("now and then acks are confirmed unasked, so that the log stays short", async () => {
  const { log } = filled(CONFIRM_EVERY - 1);
  await settle();
  assert.equal(log.unconfirmed, CONFIRM_EVERY - 1);
  log.add(new FakeMessage("a", CONFIRM_EVERY));
  await settle();
  assert.equal(log.unconfirmed, 0);
});
