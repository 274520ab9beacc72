import assert from "node:assert/strict";
import { headers } from "@nats-io/nats-core";
import { isPartiError } from "../../errors.ts";
import { FakeConnection } from "./fake_connection_test.ts";
import { KvWatcher } from "./kv_watch.ts";
import { linkOf } from "./link.ts";
import { DEFAULT_PULL_OPTIONS } from "./pull.ts";

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

/** A watch that has begun, and the server behind it. */
class Scene {
  readonly server = new FakeConnection();
  readonly told: string[] = [];
  readonly lost: unknown[] = [];
  readonly watcher: KvWatcher;
  #answered = 0;

  private constructor(onInitialized: () => void) {
    this.watcher = new KvWatcher(linkOf(this.server.nc), "KV_b", "$KV.b.", "$KV.b.k", {
      onEntry: ({ key, revision }) => void this.told.push(`${key}@${revision}`),
      onInitialized,
      onLost: (error) => void this.lost.push(error),
    }, { ...DEFAULT_PULL_OPTIONS, heartbeatMs: 1_000 });
  }

  static async open(onInitialized = () => {}): Promise<Scene> {
    const scene = new Scene(onInitialized);
    const started = scene.watcher.start();
    await scene.answer();
    await started;
    return scene;
  }

  /** All that was asked for under a subject. */
  asked(what: string): string[] {
    return this.server.published.flatMap(({ subject, text }) =>
      subject.startsWith(`$JS.API.${what}`) ? [text] : []
    );
  }

  /** Answers what was asked until now, and what is asked because of that. */
  async answer(): Promise<void> {
    await settle();
    while (this.#answered < this.server.published.length) {
      const { subject, reply } = this.server.published[this.#answered++]!;
      if (subject.includes("MSG.NEXT")) continue;
      const state = { messages: 1, first_seq: 1, last_seq: 9 };
      const body = { created: "now", state, num_pending: 0 };
      this.server.deliver(reply, { data: new TextEncoder().encode(JSON.stringify(body)) });
      await settle();
    }
  }

  /** What the present reader is told. */
  say(code: number, description: string, delivered?: number): void {
    const status = headers(code, description);
    if (delivered !== undefined) status.set("Nats-Last-Consumer", String(delivered));
    this.server.deliver(this.#pulled.reply, { headers: status });
  }

  send(sequence: number, delivery: number): void {
    const reply = `$JS.ACK.KV_b.c.1.${sequence}.${delivery}.1700000000000000000.0`;
    this.server.deliver(this.#pulled.reply, { subject: "$KV.b.k", reply });
  }

  async end(): Promise<void> {
    await this.watcher.close();
    await this.server.close();
  }

  get #pulled() {
    return this.server.published.findLast(({ subject }) => subject.includes("MSG.NEXT"))!;
  }
}

Deno.test("what was delivered and never came makes a watch begin anew behind the last that came", async () => {
  const scene = await Scene.open();
  scene.send(5, 1);
  scene.say(100, "Idle Heartbeat", 1);
  assert.equal(scene.asked("CONSUMER.CREATE").length, 1, "all has come");
  scene.say(100, "Idle Heartbeat", 2);
  await scene.answer();
  assert.equal(scene.asked("CONSUMER.CREATE").length, 2);
  assert.equal(JSON.parse(scene.asked("CONSUMER.CREATE")[1]!).config.opt_start_seq, 6);
  scene.send(7, 1);
  assert.deepEqual(scene.told, ["k@5", "k@7"]);
  await scene.end();
});

Deno.test("a reader that is refused at once ends its watch with the server's words", async () => {
  const scene = await Scene.open();
  scene.say(400, "Bad Request - heartbeat value too large");
  await scene.answer();
  assert.equal(scene.asked("CONSUMER.CREATE").length, 1);
  assert.equal(scene.lost.length, 1);
  assert.ok(isPartiError(scene.lost[0], "PARTI_REFUSED"));
  assert.match(scene.lost[0].message, /heartbeat value too large/);
  await scene.end();
});

Deno.test("a reader that is gone at once is made anew after a pause, one that has lived without one", async () => {
  const scene = await Scene.open();
  scene.say(409, "Consumer Deleted");
  await scene.answer();
  assert.equal(scene.asked("CONSUMER.CREATE").length, 1);
  while (scene.asked("STREAM.INFO").length === 1) await settle();
  await scene.answer();
  assert.equal(scene.asked("CONSUMER.CREATE").length, 2);
  scene.say(100, "Idle Heartbeat", 0);
  scene.say(409, "Consumer Deleted");
  await scene.answer();
  assert.equal(scene.asked("CONSUMER.CREATE").length, 3);
  assert.deepEqual(scene.lost, []);
  await scene.end();
});

Deno.test("a handler that throws when all is listed ends its watch with that error", async () => {
  const error = new Error("bad handler");
  const scene = await Scene.open(() => {
    throw error;
  });
  assert.deepEqual(scene.lost, [error]);
  await scene.end();
});
