/**
 * Users that may not subscribe or publish where the library has to: nobody stays deaf or dumb without a word.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isPartiError, type PartiError } from "../errors.ts";
import {
  leaseBucket,
  probeSubject,
  refreshSubject,
  releasedSubject,
  WORKER_KEYS,
} from "../names.ts";
import { connectNats, type NatsConnection, natsWorld } from "../ports/nats/world.ts";
import type { World } from "../ports/world.ts";
import { FEED, Team } from "../consumption/team_test.ts";
import { Cluster } from "../test_support/cluster.ts";
import { natsTest, type Rig, until } from "../test_support/rig.ts";

/** A server with a user that may not subscribe to what the library uses. */
function denying(...subjects: string[]) {
  return weakUser(`publish: ">", subscribe: ${allBut(subjects)}`);
}

/** A server with a user that may not publish what the library needs to. */
function muting(...subjects: string[]) {
  return weakUser(`publish: ${allBut(subjects)}, subscribe: ">"`);
}

function allBut(subjects: readonly string[]): string {
  return `{ allow: ">", deny: [${subjects.map((subject) => `"${subject}"`).join(", ")}] }`;
}

function weakUser(permissions: string) {
  return {
    extraConfig: `accounts { A { jetstream: enabled, users [
      { user: strong, password: x },
      { user: weak, password: x, permissions: { ${permissions} } }
    ] } }
    no_auth_user: strong`,
  };
}

async function weakWorld(
  rig: Rig,
): Promise<{ world: World; nc: NatsConnection } & AsyncDisposable> {
  const nc = await connectNats({ servers: rig.server.url, user: "weak", pass: "x" });
  return { world: natsWorld(nc), nc, [Symbol.asyncDispose]: () => nc.close() };
}

natsTest(
  "permissions: a refused subscription is told once, by its subject and before what was asked afterwards is answered",
  async (rig) => {
    await using weak = await weakWorld(rig);
    const { messaging } = weak.world;
    const told: PartiError[] = [];
    messaging.subscribe("secret.a", () => {}, (error) => told.push(error));
    messaging.subscribe("secret.b", () => {});
    messaging.subscribe("open", (notice) => notice.respond(notice.data));
    await messaging.request("open", new Uint8Array([1]), 2_000);
    assert.deepEqual(told.map(({ code, value }) => [code, value]), [["PARTI_REFUSED", "secret.a"]]);
    assert.match(told[0]!.message, /secret\.a/);
    assert.match(told[0]!.hint!, /allow this user to subscribe to secret\.a/);
  },
  denying("secret.>"),
);

natsTest(
  "permissions: a worker that may not answer probes does not start, and says why; it leaves nothing",
  async (rig) => {
    await using weak = await weakWorld(rig);
    await using cluster = await Cluster.open(rig, { idle: true });
    await cluster.add(1);
    await cluster.untilStable();
    const deaf = await cluster.make({ world: weak.world });
    const startedAtMs = performance.now();
    await assert.rejects(deaf.manager.start(), (error) => {
      assert.ok(isPartiError(error, "PARTI_REFUSED"), `${error}`);
      assert.match(String(error.value), /^parti\.g\.probe\./);
      return true;
    });
    assert.ok(performance.now() - startedAtMs < 5_000);
    assert.deepEqual(deaf.states, ["Init", "ClaimingID", "Shutdown"], "it was not let in first");
    await cluster.untilStable();
    const options = { ttlMs: 4_000, replicas: 1, storage: "file" } as const;
    const leases = await cluster.world.kv.open(leaseBucket("g"), options);
    assert.equal((await leases.list(WORKER_KEYS)).length, 1, "its stable ID is free again");
  },
  denying(probeSubject("g", "*")),
);

natsTest(
  "permissions: a worker that may not hear of releases, nor answer as the leader, says so and works",
  async (rig) => {
    await using weak = await weakWorld(rig);
    await using cluster = await Cluster.open(rig, { partitionCount: 4 });
    const [deaf] = await cluster.add(1, { world: weak.world });
    await cluster.untilStable();
    const refused = () =>
      new Set(
        deaf!.errors.filter((error) => isPartiError(error, "PARTI_REFUSED"))
          .map((error) =>
            String((error as PartiError).value).replace(deaf!.manager.instance!, "me")
          ),
      );
    await until("all three are told", () => refused().size === 3);
    assert.deepEqual(
      [...refused()].sort(),
      [refreshSubject("g"), releasedSubject("g"), releasedSubject("g", "me")].sort(),
    );
    await cluster.publish(3);
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
  denying(releasedSubject("g"), releasedSubject("g", "*"), refreshSubject("g")),
);

natsTest(
  "permissions: who may not purge removes keys all the same, and leaves their markers",
  async (rig) => {
    await using weak = await weakWorld(rig);
    const { kv, feed } = weak.world;
    const options = { ttlMs: 0, replicas: 1, storage: "file" } as const;
    const bucket = await kv.open("b", options);
    for (const key of ["a", "b", "c"]) await bucket.put(key, new Uint8Array([1]));
    const startedAtMs = performance.now();
    await Promise.all([bucket.erase("a"), bucket.erase("b")]);
    await bucket.erase("c");
    assert.ok(performance.now() - startedAtMs < 2_000, "a refusal is an answer");
    assert.deepEqual(await bucket.list(">"), []);
    assert.equal((await feed.streamInfo("KV_b")).messages, 3);
    // Whoever may, leaves nothing.
    const strong = await (await rig.connect()).world.kv.open("b", options);
    for (const key of ["a", "b", "c"]) await strong.erase(key);
    assert.equal((await feed.streamInfo("KV_b")).messages, 0);
  },
  muting("$JS.API.STREAM.PURGE.>"),
);

natsTest(
  "permissions: what may not be published is told once for each permission, also an answer",
  async (rig) => {
    await using weak = await weakWorld(rig);
    await using strong = await rig.connect().then(({ world, nc }) => ({
      world,
      [Symbol.asyncDispose]: () => nc.close(),
    }));
    const { messaging } = weak.world;
    const told: PartiError[] = [];
    const refusals = messaging.onRefused((error) => told.push(error));
    messaging.subscribe("question", (notice) => notice.respond(notice.data));
    await messaging.flush(2_000);
    for (const subject of ["secret.a", "secret.b", "secret.a", "open"]) {
      messaging.publish(subject, new Uint8Array(1));
    }
    for (let i = 0; i < 2; i++) {
      await assert.rejects(strong.world.messaging.request("question", new Uint8Array(1), 100));
    }
    await messaging.flush(2_000);
    const hint = (subject: string) => `allow this user to publish to ${subject}`;
    assert.deepEqual(
      told.map((error) => [error.code, error.hint]),
      ["secret.a", "secret.b", "_INBOX.>"].map((subject) => ["PARTI_REFUSED", hint(subject)]),
    );
    assert.equal(told[0]!.value, "secret.a");
    refusals.close();
    messaging.publish("secret.c", new Uint8Array(1));
    await messaging.flush(2_000);
    assert.equal(told.length, 3);
  },
  muting("secret.>", "_INBOX.>"),
);

for (
  const [what, denied, hint] of [
    ["pull", `$JS.API.CONSUMER.MSG.NEXT.${FEED}.>`, `$JS.API.CONSUMER.MSG.NEXT.${FEED}.*`],
    ["acknowledge", "$JS.ACK.>", "$JS.ACK.>"],
  ] as const
) {
  natsTest(
    `permissions: a consumer that may not ${what} says so and is not healthy; its lane stays`,
    async (rig) => {
      await using weak = await weakWorld(rig);
      await using team = await Team.start(rig);
      const ends: string[] = [];
      const { consumer, errors } = await team.add({
        connection: weak,
        config: { ackWaitMs: 600 },
        events: { laneEnded: (_lane, reason, detail) => void ends.push(`${reason} ${detail}`) },
      });
      team.assign({ a: 0, b: 0 });
      await team.publish(["a"], 3);
      await until("it is told", () => errors.length > 0);
      const [error] = errors;
      assert.ok(isPartiError(error, "PARTI_REFUSED"), `${error}`);
      assert.equal(error.hint, `allow this user to publish to ${hint}`);
      const { healthy, denied, waiting } = consumer.health();
      assert.deepEqual([healthy, denied, waiting], [false, ["a", "b"], []]);
      const { messages } = await team.world.feed.streamInfo(FEED);
      assert.equal(messages, 3, "no ack came through");
      assert.deepEqual(ends, []);
      assert.equal(errors.length, 1, "once");
    },
    muting(denied),
  );
}

natsTest(
  "permissions: a worker that may not say what it releases tells its application, and works",
  async (rig) => {
    await using weak = await weakWorld(rig);
    await using cluster = await Cluster.open(rig, { partitionCount: 4 });
    const [mute] = await cluster.add(1, { world: weak.world });
    await cluster.untilStable();
    await cluster.add(1);
    await cluster.untilStable();
    await until("it is told", () => mute!.errors.length > 0);
    const [error] = mute!.errors;
    assert.ok(isPartiError(error, "PARTI_REFUSED"), `${error}`);
    assert.match(String(error.value), /^parti\.g\.released/);
    await cluster.publish(3);
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
  muting(releasedSubject("g"), releasedSubject("g", "*")),
);

natsTest(
  "permissions: a worker that may not pull from the group's buckets does not start, and says why",
  async (rig) => {
    await using weak = await weakWorld(rig);
    await using cluster = await Cluster.open(rig, { idle: true });
    const blind = await cluster.make({ world: weak.world, config: { startupTimeout: "4s" } });
    await assert.rejects(blind.manager.start(), (error) => {
      assert.ok(isPartiError(error), `${error}`);
      assert.match(error.hint ?? "", /CONSUMER\.MSG\.NEXT\.KV_/);
      return true;
    });
  },
  muting("$JS.API.CONSUMER.MSG.NEXT.>"),
);
