/**
 * Users that may not subscribe or publish where the library would like to: nobody stays deaf without a word, and what can be done in
 * another way is.
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
import { connectNats, natsWorld } from "../ports/nats/world.ts";
import type { World } from "../ports/world.ts";
import { Cluster } from "../test_support/cluster.ts";
import { natsTest, type Rig, until } from "../test_support/rig.ts";

/** A server with a user that may not subscribe to what the library uses. */
function denying(...subjects: string[]) {
  return forbidding({ subscribe: subjects });
}

/** A server with a user that may not do everything. */
function forbidding({ subscribe = [], publish = [] }: {
  readonly subscribe?: readonly string[];
  readonly publish?: readonly string[];
}) {
  const rule = (subjects: readonly string[]) =>
    `{ allow: ">", deny: [${subjects.map((subject) => `"${subject}"`).join(", ")}] }`;
  return {
    extraConfig: `accounts { A { jetstream: enabled, users [
      { user: strong, password: x },
      { user: weak, password: x, permissions: {
        publish: ${rule(publish)}, subscribe: ${rule(subscribe)} } }
    ] } }
    no_auth_user: strong`,
  };
}

async function weakWorld(rig: Rig): Promise<{ world: World } & AsyncDisposable> {
  const nc = await connectNats({ servers: rig.server.url, user: "weak", pass: "x" });
  return { world: natsWorld(nc), [Symbol.asyncDispose]: () => nc.close() };
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
  forbidding({ publish: ["$JS.API.STREAM.PURGE.>"] }),
);
