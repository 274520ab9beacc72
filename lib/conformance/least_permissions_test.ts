/**
 * The list of what a worker has to be allowed: with it a group lives all of its life, and each line of it is needed for that.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type NatsConnection, PermissionViolationError } from "@nats-io/nats-core";
import { launchNats, type NatsServer } from "../../tasks/nats_launcher.ts";
import { until } from "../../tasks/until.ts";
import { staticSource } from "../assignment/sources/static_source.ts";
import { FencedOutput } from "../effects/effects.ts";
import { Manager } from "../manager/manager.ts";
import { coveredBy } from "../ports/nats/subjects.ts";
import {
  type Permission,
  permissionsBlock,
  workerPermissions,
} from "../ports/nats/worker_permissions.ts";
import { connectNats, natsWorld } from "../ports/nats/world.ts";
import type { World } from "../ports/world.ts";

const PARTITIONS = 6;
/** These cannot be brought about in a moment: that the list has them says its table. */
const RARE = [/STREAM\.PURGE/, /CONSUMER\.INFO\.KV_/];

const MAX_LIVES = 4;

/** The names of one try; each has its own, so that many can be made on one server. */
function namesOf(number: number) {
  return {
    group: `g${number}`,
    stream: `FEED_${number}`,
    output: { stream: `OUT_${number}`, subjects: `out${number}.*` },
  };
}

async function launch(permissions: readonly (readonly Permission[])[]): Promise<NatsServer> {
  const users = permissions.map((lines, number) =>
    `{ user: u${number}, password: x, permissions: ${permissionsBlock(lines)} }`
  );
  return await launchNats({
    extraConfig: `accounts { A { jetstream: enabled, users: [
      { user: admin, password: x },
      ${users.join("\n")}
    ] } }`,
  });
}

/** A group with the user of a try, and what it was refused. */
class Try {
  readonly refused: { action: Permission["action"]; subject: string }[] = [];
  /** The messages of each partition whose handler has done what it does, by their sequences: some come twice. */
  readonly #handled = new Map<string, Set<number>>();
  readonly #connections: NatsConnection[] = [];
  #over = false;

  constructor(readonly server: NatsServer, readonly admin: World, readonly number: number) {}

  /** Lives a life: starts, works, fails, loses one, is interrupted, and ends. It stops at the first refusal. */
  async live(): Promise<void> {
    const { stream, output } = namesOf(this.number);
    const common = { storage: "memory", replicas: 1 } as const;
    await this.admin.feed.ensureStream(stream, {
      ...{ ...common, subjects: [`feed${this.number}.*`], retention: "workqueue" },
    });
    await this.admin.feed.ensureStream(output.stream, {
      ...{ ...common, subjects: [output.subjects], retention: "limits" },
    });
    const members: Manager[] = [];
    const running: Promise<void>[] = [];
    try {
      for (let count = 0; count < 4; count++) members.push(await this.#member());
      running.push(this.#life(members), this.#isRefused());
      await Promise.race(running);
    } finally {
      this.#over = true;
      for (const nc of this.#connections) await nc.close();
      await Promise.allSettled([...running, ...members.map((member) => member.stop())]);
    }
  }

  async #life([first, second, third, fourth]: readonly Manager[]): Promise<void> {
    await Promise.all([first, second, third].map((member) => member!.start()));
    await this.#work(1);
    for (const member of [first, second]) await member!.refreshPartitions();
    // One leaves, and another one comes in its place, under its ID.
    await third!.stop();
    await fourth!.start();
    await fourth!.stop();
    // One dies: the other is to evict it, and to have all.
    await this.#connections[1]!.close();
    await this.#work(2);
    await this.#connections[0]!.reconnect();
    await this.#work(3);
    await first!.stop();
  }

  async #isRefused(): Promise<void> {
    while (this.refused.length === 0 && !this.#over) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #work(round: number): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      await this.admin.feed.publish(`feed${this.number}.${partition}`, new Uint8Array(1));
    }
    await until(`round ${round} of ${this.number} is handled`, () => {
      return this.#over ||
        [...this.#handled.values()].filter(({ size }) => size >= round).length === PARTITIONS;
    }, 20_000);
  }

  async #member(): Promise<Manager> {
    const { group, stream, output } = namesOf(this.number);
    const user = { user: `u${this.number}`, pass: "x", ignoreAuthErrorAbort: true };
    const nc = await connectNats({ servers: this.server.url, ...user }).catch((error) => {
      // The very first question is refused, or its answer.
      const { cause, value } = error;
      if (cause instanceof PermissionViolationError) this.#note(cause);
      else this.refused.push({ action: "publish", subject: String(value) });
      throw error;
    });
    this.#connections.push(nc);
    void this.#follow(nc);
    const world = natsWorld(nc);
    const effects = new FencedOutput(world.feed, {
      stream: output.stream,
      subjectTemplate: `out${this.number}.{{.PartitionID}}`,
      timeoutMs: 2_000,
    });
    return new Manager({
      world,
      config: {
        ...{ group, preset: "fast" },
        consumer: {
          ...{ stream, maxDeliver: 1, subjectTemplate: `feed${this.number}.{{.PartitionID}}` },
        },
      },
      source: staticSource(
        Array.from({ length: PARTITIONS }, (_, index) => ({ keys: [String(index)] })),
      ),
      handler: async (message, context) => {
        const { partitionId } = context;
        const { streamSequence } = message;
        const isPoison = partitionId === "0";
        if (!isPoison) await effects.write(context, streamSequence, message.data);
        this.#handled.set(
          partitionId,
          (this.#handled.get(partitionId) ?? new Set()).add(streamSequence),
        );
        if (isPoison) throw new Error("poison");
      },
      hooks: {},
    });
  }

  async #follow(nc: NatsConnection): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type !== "error" || !(status.error instanceof PermissionViolationError)) continue;
      this.#note(status.error);
    }
  }

  #note({ operation, subject }: PermissionViolationError): void {
    this.refused.push({ action: operation === "publish" ? "publish" : "subscribe", subject });
  }
}

function isFor(line: Permission, refused: Try["refused"][number]): boolean {
  return refused.action === line.action && coveredBy(refused.subject, [line.subject]);
}

Deno.test("least permissions: with exactly these a group starts, works, loses one, is interrupted and ends; nothing is refused", async () => {
  await using server = await launch([workerPermissions(namesOf(0))]);
  const nc = await connectNats({ servers: server.url, user: "admin", pass: "x" });
  const admin = natsWorld(nc);
  await admin.feed.ensureStream("DEAD", {
    ...{ subjects: ["parti.*.dead.*"], retention: "limits", storage: "memory", replicas: 1 },
  });
  const life = new Try(server, admin, 0);
  await life.live();
  assert.deepEqual(life.refused, []);
  assert.doesNotMatch(server.logTail(), /Violation/);
  assert.equal((await admin.feed.streamInfo("DEAD")).messages, 3);
  assert.equal((await admin.feed.streamInfo("OUT_0")).messages, 3 * (PARTITIONS - 1));
  await nc.close();
});

Deno.test("least permissions: without any one of them something is refused, and it is that", async () => {
  const count = workerPermissions(namesOf(0)).length;
  const without = Array.from({ length: count }, (_, number) => {
    const lines = workerPermissions(namesOf(number));
    return { left: lines.filter((_, index) => index !== number), removed: lines[number]! };
  });
  await using server = await launch(without.map(({ left }) => left));
  const nc = await connectNats({ servers: server.url, user: "admin", pass: "x" });
  const admin = natsWorld(nc);
  await admin.feed.ensureStream("DEAD", {
    ...{ subjects: ["parti.*.dead.*"], retention: "limits", storage: "memory", replicas: 1 },
  });
  const needless: string[] = [];
  const tries = without.map(({ removed }, number) => async () => {
    // What a life needs depends on who is first where: one that did without is lived again.
    for (let lives = 0; lives < MAX_LIVES; lives++) {
      const life = new Try(server, admin, number);
      await life.live().catch(() => {});
      if (life.refused.some((refused) => isFor(removed, refused))) return;
    }
    if (RARE.some((rare) => rare.test(removed.subject))) return;
    needless.push(`${removed.action} ${removed.subject}`);
  });
  const next = async (): Promise<void> => {
    for (let one = tries.shift(); one !== undefined; one = tries.shift()) await one();
  };
  await Promise.all(Array.from({ length: 6 }, next));
  await nc.close();
  assert.deepEqual(needless, []);
});
