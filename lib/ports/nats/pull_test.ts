import assert from "node:assert/strict";
import { PermissionViolationError } from "@nats-io/nats-core";
import type { FeedMessage } from "../feed.ts";
import { FakeConnection } from "./fake_connection_test.ts";
import { linkOf } from "./link.ts";
import { NatsPull } from "./pull.ts";

const OPTIONS = { expiresMs: 1_000, heartbeatMs: 50, retryMs: 20 };

class Scene {
  readonly server = new FakeConnection();
  readonly got: FeedMessage[] = [];
  readonly lost: string[] = [];
  readonly permissions: (string | undefined)[] = [];
  readonly pull: NatsPull;
  exists = true;
  asked = 0;
  onMessage: (() => void) | undefined;
  #delivered = 0;

  constructor() {
    this.pull = new NatsPull(linkOf(this.server.nc), "S", "c", {
      onMessage: (message) => {
        this.got.push(message);
        this.onMessage?.();
      },
      onLost: (reason) => void this.lost.push(reason),
      onPermission: (refusal) => void this.permissions.push(refusal?.hint),
    }, () => {
      this.asked++;
      return Promise.resolve(this.exists);
    }, OPTIONS);
  }

  get batches(): number[] {
    return this.server.published.map(({ text }) => JSON.parse(text).batch);
  }

  reply(request: number): string {
    return this.server.published[request]!.reply;
  }

  send(count: number): void {
    for (let i = 0; i < count; i++) {
      const n = ++this.#delivered;
      const reply = `$JS.ACK.S.c.1.${n}.${n}.1700000000000000000.0`;
      this.server.deliver(this.reply(0), { subject: "feed.1", reply });
    }
  }

  async until(condition: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + 3_000;
    while (!condition()) {
      assert.ok(performance.now() < deadlineMs, "not in time");
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async end(): Promise<void> {
    this.pull.close();
    assert.equal(this.server.subscriptions.size, 0);
    await this.server.close();
  }
}

Deno.test("a pull asks in batches, each with its own reply subject", async () => {
  const scene = new Scene();
  scene.pull.request(10);
  assert.equal(scene.server.published[0]!.subject, "$JS.API.CONSUMER.MSG.NEXT.S.c");
  assert.deepEqual(JSON.parse(scene.server.published[0]!.text), {
    batch: 10,
    max_bytes: 1024 * 1024,
    expires: 1_000_000_000,
    idle_heartbeat: 50_000_000,
  });
  scene.onMessage = () => scene.pull.request(10);
  scene.send(4);
  assert.deepEqual(scene.batches, [10], "more than half is under way still");
  assert.equal(scene.pull.outstanding, 6);
  scene.send(1);
  assert.deepEqual(scene.batches, [10, 5]);
  assert.equal(scene.pull.outstanding, 10);
  assert.notEqual(scene.reply(0), scene.reply(1));
  await scene.end();
});

Deno.test("what was wanted and held back is asked for when the rest has arrived", async () => {
  const scene = new Scene();
  scene.pull.request(6);
  scene.send(2);
  scene.pull.request(6);
  assert.deepEqual(scene.batches, [6]);
  scene.send(3);
  assert.deepEqual(scene.batches, [6, 2], "1 under way, 3 wanted");
  scene.send(3);
  assert.equal(scene.got.length, 8);
  assert.equal(scene.pull.outstanding, 0);
  assert.deepEqual(scene.batches, [6, 2], "nothing more than was wanted");
  await scene.end();
});

Deno.test("the end of a request gives its credits back, and they are asked for again", async () => {
  const scene = new Scene();
  scene.pull.request(10);
  scene.send(3);
  scene.server.deliverStatus(scene.reply(0), 408, "Request Timeout", 7);
  assert.deepEqual(scene.batches, [10, 7]);
  assert.equal(scene.pull.outstanding, 7);
  scene.server.deliverStatus(scene.reply(0), 408, "Request Timeout", 7);
  assert.deepEqual(scene.batches, [10, 7], "a request ends once");
  scene.server.deliverStatus(scene.reply(1), 404, "No Messages");
  assert.deepEqual(scene.batches, [10, 7, 7], "without a number the whole request is meant");
  scene.server.deliverStatus(scene.reply(2), 409, "Batch Completed", 0);
  assert.equal(scene.pull.outstanding, 7);
  await scene.end();
});

Deno.test("where the server lets nobody ask for so many, no more are asked for", async () => {
  const scene = new Scene();
  scene.pull.request(500);
  scene.server.deliverStatus(scene.reply(0), 409, "Exceeded MaxRequestBatch of 100");
  assert.deepEqual(scene.batches, [500, 100]);
  scene.onMessage = () => scene.pull.request(500);
  scene.send(50);
  assert.deepEqual(scene.batches, [500, 100, 50]);
  assert.equal(scene.pull.outstanding, 100);
  assert.deepEqual(scene.lost, []);
  await scene.end();
});

Deno.test("a message that does not fit is asked for alone, without a bound in bytes", async () => {
  const scene = new Scene();
  const bodies = () => scene.server.published.map(({ text }) => JSON.parse(text));
  scene.pull.request(10);
  const words = "Message Size Exceeds MaxBytes";
  scene.server.deliverStatus(scene.reply(0), 409, words, 10, bodies()[0].max_bytes);
  assert.deepEqual(bodies()[1], { batch: 1, expires: 1_000_000_000 });
  assert.equal(scene.pull.outstanding, 1);
  scene.send(1);
  assert.deepEqual(scene.batches, [10, 1, 9]);
  assert.ok(bodies()[2].max_bytes > 0);
  assert.deepEqual(scene.lost, []);
  await scene.end();
});

Deno.test("a pull that is refused says so once, goes on and asks now and then, and says when it may", async () => {
  const scene = new Scene();
  const refuse = async () => {
    const subject = "$JS.API.CONSUMER.MSG.NEXT.S.c";
    const text = `Permissions Violation for Publish to "${subject}"`;
    const error = new PermissionViolationError(text, "publish", subject);
    await scene.server.tell({ type: "error", error });
  };
  scene.pull.request(10);
  await refuse();
  assert.equal(scene.pull.outstanding, 0, "nothing will come, and nobody waits for it");
  await scene.until(() => scene.batches.length === 2);
  await refuse();
  assert.deepEqual(scene.permissions, [
    "allow this user to publish to $JS.API.CONSUMER.MSG.NEXT.S.*",
  ]);
  await scene.until(() => scene.batches.length === 3);
  scene.server.deliverStatus(scene.reply(2), 100, "Idle Heartbeat");
  assert.equal(scene.permissions[1], undefined);
  assert.equal(scene.permissions.length, 2);
  assert.deepEqual(scene.lost, []);
  await scene.end();
});

Deno.test("after a leadership change the pull asks again in a while", async () => {
  for (
    const why of [
      "Leadership Change",
      "Server Shutdown",
      "Exceeded MaxWaiting",
      "Exceeded MaxAckPending",
    ]
  ) {
    const scene = new Scene();
    scene.pull.request(10);
    scene.server.deliverStatus(scene.reply(0), 409, why);
    assert.equal(scene.pull.outstanding, 0);
    scene.pull.request(12);
    assert.deepEqual(scene.batches, [10], "not at once");
    await scene.until(() => scene.batches.length === 2);
    assert.deepEqual(scene.batches, [10, 12]);
    assert.deepEqual(scene.lost, []);
    await scene.end();
  }
});

Deno.test("a deleted consumer ends the pull, and so does a request the server will never serve", async () => {
  for (
    const [code, text, reason] of [
      [409, "Consumer Deleted", "deleted"],
      [409, "Consumer is push based", "failed"],
      [409, "Exceeded MaxRequestExpires of 1s", "failed"],
      [400, "Bad Request", "failed"],
    ] as const
  ) {
    const scene = new Scene();
    scene.pull.request(10);
    scene.server.deliverStatus(scene.reply(0), code, text);
    assert.deepEqual(scene.lost, [reason]);
    assert.equal(scene.pull.outstanding, 0);
    scene.pull.request(5);
    assert.deepEqual(scene.batches, [10]);
    await scene.end();
  }
});

Deno.test("no responders: the server is asked whether the consumer is there", async () => {
  const scene = new Scene();
  scene.pull.request(10);
  scene.server.deliverStatus(scene.reply(0), 503, "No Responders");
  await scene.until(() => scene.batches.length === 2);
  assert.equal(scene.asked, 1);
  assert.deepEqual(scene.lost, [], "its leader was not there yet");
  scene.exists = false;
  scene.server.deliverStatus(scene.reply(1), 503, "No Responders");
  await scene.until(() => scene.lost.length === 1);
  assert.deepEqual(scene.lost, ["deleted"]);
  await scene.end();
});

Deno.test("silence ends the pull while it waits for something, and only then", async () => {
  const scene = new Scene();
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.deepEqual(scene.lost, [], "nothing was asked for");
  scene.pull.request(10);
  for (let i = 0; i < 10; i++) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    scene.server.deliverStatus(scene.reply(0), 100, "Idle Heartbeat");
  }
  assert.deepEqual(scene.lost, [], "heartbeats came");
  await scene.until(() => scene.lost.length === 1);
  assert.deepEqual(scene.lost, ["stalled"]);
  await scene.end();
});

Deno.test("a disconnect voids the requests; they are made anew on reconnect", async () => {
  const scene = new Scene();
  scene.pull.request(10);
  scene.send(2);
  await scene.server.tell({ type: "disconnect", server: "x" });
  assert.equal(scene.pull.outstanding, 0);
  scene.pull.request(9);
  assert.deepEqual(scene.batches, [10], "nothing is sent into the void");
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.deepEqual(scene.lost, [], "silence is no wonder");
  await scene.server.tell({ type: "reconnect", server: "x" });
  assert.deepEqual(scene.batches, [10, 9]);
  scene.server.deliverStatus(scene.reply(0), 408, "Request Timeout", 8);
  assert.equal(scene.pull.outstanding, 9, "the old request's end does not count");
  await scene.server.close();
  assert.deepEqual(scene.lost, ["failed"]);
  await scene.end();
});

Deno.test("a handler that throws ends the pull and not the connection", async () => {
  const scene = new Scene();
  scene.pull.request(10);
  scene.onMessage = () => {
    throw new Error("oops");
  };
  scene.send(2);
  assert.equal(scene.got.length, 1);
  assert.deepEqual(scene.lost, ["failed"]);
  await scene.end();
});
