/** The list of what a node of a bus has to be allowed: with it a bus lives all of its life, and each line of it is needed for that. */
import assert from "node:assert/strict";
import { type NatsConnection, PermissionViolationError } from "@nats-io/nats-core";
import { launchNats, type NatsServer } from "../../tasks/nats_launcher.ts";
import { until } from "../../tasks/until.ts";
import { coveredBy } from "../ports/nats/subjects.ts";
import {
  busPermissions,
  type Permission,
  permissionsBlock,
} from "../ports/nats/worker_permissions.ts";
import { connectNats, natsWorld } from "../ports/nats/world.ts";
import type { World } from "../ports/world.ts";
import { makeShards } from "../sharding/make_shards.ts";
import type { ShardedFeed } from "../sharding/shards.ts";
import type { Actor, ActorContext } from "./actors/actor.ts";
import { ActorSystem } from "./actors/actor_system.ts";
import { PartitionActors } from "./actors/partition_actors.ts";
import { MessageBus } from "./bus.ts";
import { encodeEnvelope } from "./envelope.ts";

const TYPE = "test::kept";
const PAYLOAD = new Uint8Array([1]);
/** Thirty groups begin at once: a shorter one is over before some have begun. */
const LEASE_TTL_MS = 1_500;
/** These cannot be brought about in a moment: that the list has them says its table. */
const RARE = /CONSUMER\.INFO\.KV_|MSG\.GET\.KV_parti-b\d+-nodes/;

function feedOf(number: number): ShardedFeed {
  return {
    stream: `F${number}`,
    subjectTemplate: `f${number}.{{.Shard}}.{{.PartitionID}}`,
    shards: 1,
  };
}

function permissionsOf(number: number): Permission[] {
  return busPermissions({ bus: `b${number}`, directory: true, feed: `f${number}.*.>` });
}

function keeper({ state }: ActorContext): Actor {
  return { handle: ({ payload }) => state!.save(payload) };
}

interface Node {
  readonly nc: NatsConnection;
  readonly world: World;
  readonly bus: MessageBus;
  readonly actors: ActorSystem;
}

/** A bus with the user of a try, and what it was refused. */
class Try {
  readonly refused: { readonly action: Permission["action"]; readonly subject: string }[] = [];
  readonly #server: NatsServer;
  readonly #number: number;
  readonly #connections: NatsConnection[] = [];
  readonly #nodes: Node[] = [];

  constructor(server: NatsServer, number: number) {
    this.#server = server;
    this.#number = number;
  }

  /** Lives a life: it calls, keeps, loses a node and sweeps what that has left. It stops at the first refusal. */
  async live(): Promise<void> {
    let isOver = false;
    const life = this.#life().finally(() => isOver = true);
    life.catch(() => {});
    try {
      await until("it is over or refused", () => isOver || this.refused.length > 0, 60_000);
      if (isOver) await life;
    } finally {
      await this.#end();
      await life.catch(() => {});
      // A node that was just beginning is ended, too.
      await this.#end();
    }
  }

  async #end(): Promise<void> {
    await Promise.all(this.#connections.map((nc) => nc.close()));
    await Promise.all(this.#nodes.map(async ({ actors, bus }) => {
      await actors.stop();
      await bus.stop();
    }));
  }

  async #life(): Promise<void> {
    const one = await this.#node("one");
    const other = await this.#node("other");
    const options = { timeoutMs: 10_000, idempotencyKey: "k" };
    await one.bus.request({ node: "other", type: "echo" }, "x", PAYLOAD, options);
    await other.actors.request(`${TYPE}/1`, "x", PAYLOAD, options);
    await one.actors.request(`${TYPE}/1`, "x", PAYLOAD, options);
    await this.#byPartition(one);
    // One dies, and the other takes over and removes what it has left.
    await other.nc.close();
    await one.actors.request(`${TYPE}/1`, "x", PAYLOAD, options);
    await other.actors.stop();
    await other.bus.stop();
    const directory = await one.world.kv.open(`parti-b${this.#number}-directory`, {
      ttlMs: 0,
      replicas: 1,
      storage: "memory",
    });
    await until("it is swept", async () => (await directory.list(">")).length === 1);
    await one.actors.stop();
    await one.bus.stop();
    // What is refused last comes before this.
    await one.nc.flush();
  }

  async #byPartition({ world, bus }: Node): Promise<void> {
    const actors = new PartitionActors({ world, bus, feed: feedOf(this.#number) });
    actors.define(TYPE, { state: true, create: keeper });
    await actors.oneway(`${TYPE}/1`, "x", PAYLOAD);
    const call = {
      kind: "oneway",
      id: "x:1",
      from: bus.address,
      to: `${TYPE}/1`,
      method: "x",
      leftMs: 1_000,
      hops: 0,
      payload: PAYLOAD,
    } as const;
    await actors.handler(
      {
        subject: "x",
        data: encodeEnvelope(call),
        header: () => undefined,
        streamSequence: 1,
        deliveryCount: 1,
        storedAtMs: Date.now(),
      },
      {
        ...{
          partition: { keys: ["0"] },
          partitionId: "0",
          worker: "w",
          instance: "i",
          epoch: 1,
          generation: 1,
          attempt: 1,
        },
        ...{ signal: new AbortController().signal, mayAct: () => true, ack: () => {} },
      },
    );
  }

  async #node(node: string): Promise<Node> {
    const user = { user: `u${this.#number}`, pass: "x", ignoreAuthErrorAbort: true };
    const nc = await connectNats({ servers: this.#server.url, ...user }).catch((error) => {
      // The very first question is refused, or its answer.
      if (error.cause instanceof PermissionViolationError) this.#note(error.cause);
      else this.refused.push({ action: "publish", subject: String(error.value) });
      throw error;
    });
    this.#connections.push(nc);
    void this.#follow(nc);
    const world = natsWorld(nc);
    const bus = new MessageBus({ world, bus: `b${this.#number}`, node, lookoutMs: 100 });
    bus.handle("echo", ({ payload }) => payload);
    const actors = new ActorSystem({ world, bus, leaseTtlMs: LEASE_TTL_MS, stopGraceMs: 1_000 });
    actors.define(TYPE, { state: true, placement: "local", create: keeper });
    const made = { nc, world, bus, actors };
    this.#nodes.push(made);
    await bus.start();
    await actors.start();
    return made;
  }

  async #follow(nc: NatsConnection): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === "error" && status.error instanceof PermissionViolationError) {
        this.#note(status.error);
      }
    }
  }

  #note({ operation, subject }: PermissionViolationError): void {
    this.refused.push({ action: operation === "publish" ? "publish" : "subscribe", subject });
  }
}

Deno.test("least permissions of a bus: with exactly these it lives, and without any one of them something is refused, and it is that", async () => {
  const count = permissionsOf(0).length;
  // The last one has them all.
  const users = Array.from({ length: count + 1 }, (_, number) => {
    const lines = permissionsOf(number);
    return { left: lines.filter((_, index) => index !== number), removed: lines[number] };
  });
  const lines = users.map(({ left }, number) =>
    `{ user: u${number}, password: x, permissions: ${permissionsBlock(left)} }`
  );
  await using server = await launchNats({
    extraConfig: `accounts { A { jetstream: enabled, users: [ { user: admin, password: x }, ${
      lines.join("\n")
    } ] } }`,
  });
  const nc = await connectNats({ servers: server.url, user: "admin", pass: "x" });
  const problems: string[] = [];
  await Promise.all(users.map(async ({ removed }, number) => {
    await makeShards(natsWorld(nc).feed, feedOf(number), { storage: "memory", replicas: 1 });
    const life = new Try(server, number);
    if (removed === undefined) {
      await life.live();
      assert.deepEqual(life.refused, []);
      return;
    }
    await life.live().catch(() => {});
    const isTold = life.refused.some(({ action, subject }) =>
      action === removed.action && coveredBy(subject, [removed.subject])
    );
    if (!isTold && !RARE.test(removed.subject)) {
      problems.push(`${removed.action} ${removed.subject}`);
    }
  }));
  await nc.close();
  assert.deepEqual(problems, []);
});
