/**
 * For tests: a stream on a real server that is copied into shards and drained at the same time, and an exact account of what came. Holds no
 * test.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { describeError, isPartiError, PartiError } from "../../errors.ts";
import type { TestServer } from "../../ports/nats/rig_test.ts";
import type { World } from "../../ports/world.ts";
import { Rig, until } from "../../test_support/rig.ts";
import { makeShards } from "../make_shards.ts";
import type { ShardedFeed } from "../shards.ts";
import { copyToShards } from "./copy_to_shards.ts";
import type { CopyOptions } from "./copy_to_shards.ts";
import type { ShardCopier } from "./shard_copier.ts";
import { ShardDrain } from "./shard_drain_test.ts";

/** The stream that is copied. */
export const SOURCE = { stream: "EVENTS", subjectTemplate: "events.{{.PartitionID}}" };
/** The shards it is copied into. */
export const LAYOUT: ShardedFeed = {
  ...{ stream: "ORDERS", subjectTemplate: "orders.{{.Shard}}.{{.PartitionID}}", shards: 4 },
};
const KEYS = Array.from({ length: 40 }, (_, i) => i % 4 === 0 ? `eu.tenant-${i}` : `tenant-${i}`);
/** So many messages are published in one go. */
const CHUNK = 500;

const encoder = new TextEncoder();

/** A copier in what is a process of its own to the server. */
export interface Copying {
  /** The copier. */
  readonly copier: ShardCopier;
  /** Whether its process is dead: somebody has closed its connection. */
  readonly isDead: () => boolean;
  /** Lets the process die: its connection goes at once, with what is under way. */
  kill(): Promise<void>;
}

/** How a copier of the scene is made. */
export type CopyingOptions =
  & Partial<Pick<CopyOptions, "into" | "begin" | "takeOverAfterMs" | "signal">>
  & { readonly change?: (world: World, nc: NatsConnection) => World };

/** A server with a stream that is copied. */
export class CopyScene implements AsyncDisposable {
  /** The server. */
  readonly rig: Rig;
  /** A world over a connection that nobody cuts. */
  readonly world: World;
  /** What copiers told of. */
  readonly errors: unknown[] = [];
  /** What was published for certain: payload by sequence. */
  readonly published = new Map<number, string>();
  readonly #publishing: Promise<void>[] = [];
  #isOver = false;
  readonly #copiers = new Set<Copying>();
  readonly #drains: ShardDrain[] = [];
  #sent = 0;

  private constructor(rig: Rig, world: World) {
    this.rig = rig;
    this.world = world;
  }

  /**
   * Launches a server with a source and shards.
   *
   * @param server which one
   * @param retention of the source
   * @param layouts the shards
   */
  static async open(
    server: TestServer,
    retention: "limits" | "interest" | "workqueue",
    layouts: readonly ShardedFeed[] = [LAYOUT],
  ): Promise<CopyScene> {
    const rig = await Rig.launch(server.binary === undefined ? {} : { binary: server.binary });
    const { world, nc } = await rig.connect();
    await makeStream(nc, SOURCE.stream, ["events.>"], retention);
    for (const layout of layouts) {
      await makeShards(world.feed, layout, { storage: "file", replicas: 1 });
    }
    return new CopyScene(rig, world);
  }

  /**
   * Starts a copier over a connection of its own.
   *
   * @param options how
   */
  async copy({ change, into = LAYOUT, ...options }: CopyingOptions = {}): Promise<Copying> {
    const { world, nc } = await this.rig.connect();
    const own = change?.(world, nc) ?? world;
    const onError = (error: unknown) => void this.errors.push(error);
    let copier: ShardCopier;
    try {
      copier = await copyToShards({ world: own, from: SOURCE, into, onError, ...options });
    } catch (error) {
      await nc.close();
      throw error;
    }
    const copying: Copying = {
      copier,
      isDead: () => nc.isClosed(),
      kill: async () => {
        this.#copiers.delete(copying);
        await nc.close();
        await copier.close();
      },
    };
    this.#copiers.add(copying);
    return copying;
  }

  /**
   * Starts to take out of the shards what comes, with an ack for each.
   *
   * @param layout which shards
   */
  async drain(layout: ShardedFeed = LAYOUT): Promise<ShardDrain> {
    const { world } = await this.rig.connect();
    const drain = new ShardDrain(world, layout);
    this.#drains.push(drain);
    return drain;
  }

  /**
   * Publishes to the source, through whatever happens to the server.
   *
   * @param count how many messages
   * @param mayGoOn waited for before each few hundred
   */
  async publish(
    count: number,
    mayGoOn: () => boolean | Promise<boolean> = () => true,
  ): Promise<void> {
    const publishing = this.#publish(count, () => {
      if (this.#isOver) throw new Error("the test is over");
      return mayGoOn();
    });
    this.#publishing.push(publishing.catch(() => {})); // whoever has asked for it is told
    await publishing;
  }

  async #publish(count: number, mayGoOn: () => boolean | Promise<boolean>): Promise<void> {
    const { feed, messaging } = this.world;
    for (let left = count; left > 0; left -= CHUNK) {
      await until("publishing may go on", mayGoOn, 60_000).catch((cause) => {
        throw new Error(`${describeError(cause)}: ${this.state}`, { cause });
      });
      await until("the connection is up", () => messaging.connected || this.#isOver, 20_000);
      const chunk = Array.from({ length: Math.min(CHUNK, left) }, async () => {
        const number = this.#sent++;
        const key = KEYS[(number * 7 + (number >> 5)) % KEYS.length]!;
        const payload = `${key} ${number}`;
        const headers = number % 3 === 0 ? { "X-Number": String(number) } : {};
        try {
          const { sequence } = await feed.publish(`events.${key}`, encoder.encode(payload), {
            headers,
          });
          this.published.set(sequence, payload);
        } catch (error) {
          // Whether it was stored is not known, so it may come or not.
          if (!isPartiError(error)) throw error;
        }
      });
      await Promise.all(chunk);
    }
  }

  /**
   * Waits until everything that was published for certain has come, and the shards are empty.
   *
   * @param drain who takes it out
   * @param timeoutMs how long it may take, in milliseconds
   * @returns what is wrong; nothing if all is well
   */
  async flaws(drain: ShardDrain, timeoutMs = 60_000): Promise<string[]> {
    const flaws: string[] = [];
    try {
      await until("everything is copied", () => drain.hasAll(this.published), timeoutMs);
      await until("the shards are empty", () => drain.isEmpty(), timeoutMs);
    } catch (error) {
      flaws.push(`${describeError(error)}: ${this.state}`);
    }
    for (const { copier, isDead } of this.#copiers) {
      if (copier.state === "failed" && !isDead()) {
        flaws.push(`failed: ${describeError(copier.failure)}`);
      }
    }
    return [...flaws, ...await drain.flaws(this.published)];
  }

  /** Why a living copier has failed for good; undefined if none has. */
  get failure(): unknown {
    return [...this.#copiers].find(({ copier, isDead }) => copier.state === "failed" && !isDead())
      ?.copier.failure;
  }

  /** How the copiers are, in words. */
  get state(): string {
    const copiers = [...this.#copiers].map(({ copier }) =>
      `${copier.state} up to ${copier.upTo}, ${describeError(copier.failure ?? "no failure")}`
    );
    return `${copiers.join("; ")}; they told: ${this.told.join(" | ")}`;
  }

  /** What copiers told of, in words. */
  get told(): string[] {
    return [...new Set(this.errors.map(describeError))];
  }

  /** Closes all of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#publishing);
    for (const drain of this.#drains) await drain.close();
    await Promise.all([...this.#copiers].map((copying) => copying.kill()));
    await this.rig[Symbol.asyncDispose]();
  }
}

/**
 * Makes a stream of any retention.
 *
 * @param nc a connection
 * @param name its name
 * @param subjects what it stores
 * @param retention its retention
 * @param more further settings
 */
export async function makeStream(
  nc: NatsConnection,
  name: string,
  subjects: readonly string[],
  retention: string,
  more: Record<string, unknown> = {},
): Promise<void> {
  const config = { name, subjects, retention, storage: "file", num_replicas: 1, ...more };
  const answer = await nc.request(`$JS.API.STREAM.CREATE.${name}`, JSON.stringify(config));
  const { error } = answer.json<{ error?: { description: string } }>();
  if (error !== undefined) throw new PartiError("PARTI_REFUSED", error.description);
}
