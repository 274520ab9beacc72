import assert from "node:assert/strict";
import { hostOf, type TestHost, TestPuller } from "./feed_rig_test.ts";
import { PullQueue } from "./pull_model.ts";

function queueOn(host: TestHost): PullQueue {
  return new PullQueue(host);
}

/** Takes so many messages' worth. Returns whose turn it was, by token. */
function take(queue: PullQueue, count: number): number[] {
  const tokens: number[] = [];
  for (let i = 0; i < count && queue.hasLive(); i++) tokens.push(queue.take(0)!.ask.token);
  return tokens;
}

Deno.test("open requests are served in turn, and one that is fulfilled is over", () => {
  const queue = queueOn(hostOf());
  const puller = new TestPuller(hostOf());
  queue.add(puller.ask(1));
  queue.add(puller.ask(3));
  queue.add(puller.ask(2));
  assert.deepEqual(take(queue, 10), [0, 1, 2, 1, 2, 1]);
  assert.equal(queue.size, 0);
  assert.equal(puller.inbox.openRequests, 0);
});

Deno.test("a request ends after its time, with what is left of it", async () => {
  const host = hostOf();
  const queue = queueOn(host);
  const puller = new TestPuller(host);
  queue.add(puller.ask(5));
  take(queue, 2);
  await host.clock.advance(10_000);
  queue.add(puller.ask(4));
  await host.clock.advance(19_999);
  assert.deepEqual(puller.told, []);
  await host.clock.advance(1);
  assert.deepEqual(puller.told, ["expired 0 3"]);
  await host.clock.advance(10_000);
  assert.deepEqual(puller.told, ["expired 0 3", "expired 1 4"]);
  assert.equal(host.clock.pendingTimers, 0);
  assert.equal(queue.size, 0);
});

Deno.test("a request whose puller would ask for the same again goes on, and counts as asked anew", async () => {
  const host = hostOf();
  const queue = queueOn(host);
  const puller = new TestPuller(host);
  puller.renews = true;
  queue.add(puller.ask(5));
  const askedMs = queue.lastAskedMs;
  await host.clock.advance(95_000);
  assert.deepEqual(puller.told, []);
  assert.equal(queue.lastAskedMs, askedMs + 90_000);
  assert.deepEqual(take(queue, 9), [0, 0, 0, 0, 0]);
});

Deno.test("nobody's requests are swept away when their turn comes, and are not told of", async () => {
  const host = hostOf();
  const queue = queueOn(host);
  const [gone, there] = [new TestPuller(host), new TestPuller(host)];
  queue.add(gone.ask(1));
  queue.add(there.ask(1));
  queue.add(gone.ask(1));
  gone.session.close();
  assert.deepEqual(take(queue, 5), [0]);
  assert.equal(there.inbox.openRequests, 0);
  assert.equal(queue.size, 0);
  queue.add(gone.ask(1));
  await host.clock.advance(40_000);
  assert.deepEqual(gone.told, []);
});

Deno.test("a request outlives a reconnect that is quicker than its next heartbeat", async () => {
  for (const [awayMs, survives] of [[100, true], [4_000, true], [4_999, true], [5_000, false]]) {
    const host = hostOf();
    const queue = queueOn(host);
    const puller = new TestPuller(host);
    queue.add(puller.ask(2));
    take(queue, 1);
    puller.session.close();
    await host.clock.advance(Number(awayMs));
    puller.listen();
    assert.deepEqual(take(queue, 5), survives ? [0] : [], `away for ${awayMs} ms`);
  }
});

Deno.test("while an old connection lingers its puller listens on both", () => {
  const host = hostOf();
  const puller = new TestPuller(host);
  const old = puller.session;
  old.open = false;
  puller.listen();
  assert.notEqual(puller.session, old);
  puller.inbox.expired(1, 2);
  assert.deepEqual(puller.told, ["expired 1 2"], "what goes to the old one is lost");
  puller.inbox.ignore(old, 0);
  assert.ok(puller.inbox.listening);
  puller.inbox.ignore(puller.session, 0);
  assert.ok(!puller.inbox.listening);
});

Deno.test("the end of the consumer is told once per request, that of the server is not", () => {
  const host = hostOf();
  const queue = queueOn(host);
  const puller = new TestPuller(host);
  queue.add(puller.ask(1));
  queue.add(puller.ask(1));
  queue.end();
  assert.deepEqual(puller.told, ["deleted", "deleted"]);
  assert.equal(host.clock.pendingTimers, 0);
  queue.add(puller.ask(1));
  queue.forget();
  assert.equal(puller.told.length, 2);
  assert.equal(puller.inbox.openRequests, 0);
});
