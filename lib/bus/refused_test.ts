/** What a node may not do, and what nobody waits for, is told: on a real server. */
import { configure, type LogRecord, reset } from "@logtape/logtape";
import assert from "node:assert/strict";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { until } from "../../tasks/until.ts";
import { PartiError } from "../errors.ts";
import { connectNats, natsWorld } from "../ports/nats/world.ts";
import type { World } from "../ports/world.ts";
import { changedMessaging } from "../test_support/changed_world.ts";
import { ActorSystem } from "./actors/actor_system.ts";
import { MessageBus } from "./bus.ts";

const NOTHING = new Uint8Array();

/** Users by their permissions, and a world of each. */
async function withUsers(
  users: Readonly<Record<string, string>>,
  play: (worldOf: (user: string) => Promise<World>) => Promise<void>,
): Promise<void> {
  const lines = Object.entries(users).map(([name, permissions]) =>
    `{ user: ${name}, password: x, permissions: { ${permissions} } }`
  );
  await using server = await launchNats({
    extraConfig: `accounts { A { jetstream: enabled, users: [ ${lines.join("\n")} ] } }`,
  });
  const opened: { close(): Promise<void> }[] = [];
  try {
    await play(async (user) => {
      const nc = await connectNats({ servers: server.url, user, pass: "x" });
      opened.push(nc);
      return natsWorld(nc);
    });
  } finally {
    await Promise.all(opened.map((nc) => nc.close()));
  }
}

Deno.test("refused: who may not listen does not start", async () => {
  await withUsers({
    deaf: 'subscribe: { deny: "parti.test.bus.>" }',
    half: `subscribe: { deny: "parti.test.bus.node.*" }`,
  }, async (worldOf) => {
    for (const user of ["deaf", "half"]) {
      const bus = new MessageBus({ world: await worldOf(user), bus: "test", node: "one" });
      await assert.rejects(bus.start(), { code: "PARTI_REFUSED", message: /subscri/ });
      assert.equal(bus.running, false);
    }
  });
});

Deno.test("refused: a node whose actors may not be called does not join", async () => {
  await withUsers({ any: 'publish: ">"' }, async (worldOf) => {
    const real = await worldOf("any");
    let subscribed = 0;
    const world = changedMessaging(real, {
      subscribe: (subject, onNotice, onError = () => {}) => {
        // The first two are the bus itself.
        if (++subscribed === 3) onError(new PartiError("PARTI_REFUSED", "made to fail"));
        return real.messaging.subscribe(subject, onNotice, onError);
      },
    });
    await using bus = new MessageBus({ world, bus: "test", node: "one" });
    await bus.start();
    const actors = new ActorSystem({ world, bus });
    await assert.rejects(actors.start(), { code: "PARTI_REFUSED" });
  });
});

Deno.test("refused: who may not see the other nodes waits to join, and can stop meanwhile", async () => {
  const deny = 'publish: { deny: "$JS.API.CONSUMER.CREATE.KV_parti-test-nodes.>" }';
  await withUsers({ blind: deny }, async (worldOf) => {
    const errors: PartiError[] = [];
    await using bus = new MessageBus({ world: await worldOf("blind"), bus: "test", node: "one" });
    await bus.start();
    const onError = (error: PartiError) => void errors.push(error);
    const actors = new ActorSystem({ world: await worldOf("blind"), bus, onError });
    const starting = actors.start().catch((error) => error.code);
    await until("it is told", () => errors.some(({ code }) => code === "PARTI_REFUSED"));
    await actors.stop();
    assert.equal(await starting, "PARTI_STOPPED");
  });
});

Deno.test("refused: what may not be sent is told, and logged where nobody is told", async () => {
  const records: LogRecord[] = [];
  await configure({
    sinks: { memory: (record: LogRecord) => void records.push(record) },
    loggers: [
      { category: ["parti"], lowestLevel: "warning", sinks: ["memory"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: [] },
    ],
  });
  try {
    await withUsers(
      { mute: 'publish: { deny: "parti.test.bus.node.other" }' },
      async (worldOf) => {
        const world = await worldOf("mute");
        await using bus = new MessageBus({ world, bus: "test", node: "one" });
        await bus.start();
        await bus.oneway({ node: "other", type: "x" }, "m", NOTHING);
        const told = () =>
          records.filter(({ properties }) => /may not publish/.test(`${properties["error"]}`));
        await until("it is logged", () => told().length > 0);
        assert.deepEqual([told()[0]!.category, told()[0]!.properties["node"]], [
          ["parti", "bus"],
          "one",
        ]);
      },
    );
  } finally {
    await reset();
  }
});

Deno.test("refused: who calls where it may not learns so soon, and who calls the dead does all the same", async () => {
  await withUsers(
    { mute: 'publish: { deny: "parti.test.bus.node.other" }' },
    async (worldOf) => {
      const world = await worldOf("mute");
      await using bus = new MessageBus({ world, bus: "test", node: "one", lookoutMs: 50 });
      await bus.start();
      const call = (node: string) =>
        assert.rejects(bus.request({ node, type: "x" }, "m", NOTHING, { timeoutMs: 5_000 }), {
          code: "PARTI_MAYBE_DELIVERED",
          value: node === "other" ? "parti.test.bus.node.other" : node,
        });
      await Promise.all([call("other"), call("dead")]);
      // Only the first refusal within a minute is told.
      await call("other");
    },
  );
});

Deno.test("refused: what becomes of a one-way call that is not handled is told where it came", async () => {
  await withUsers({ any: 'publish: ">"' }, async (worldOf) => {
    const world = await worldOf("any");
    const errors: PartiError[] = [];
    const onError = (error: PartiError) => void errors.push(error);
    await using bus = new MessageBus({ world, bus: "test", node: "one", onError });
    await bus.start();
    bus.handle("fail", () => {
      throw new Error("made to fail");
    });
    await bus.oneway({ node: "one", type: "nobody" }, "m", NOTHING);
    await bus.oneway({ node: "one", type: "fail" }, "m", NOTHING);
    await until("both are told", () => errors.length === 2);
    assert.deepEqual(errors.map(({ code }) => code).sort(), [
      "PARTI_CALL_FAILED",
      "PARTI_NO_HANDLER",
    ]);
    assert.match(
      errors.map(({ message }) => message).join(),
      /answer to m of nobody: .*answer to m of fail: made to fail/,
    );
  });
});
