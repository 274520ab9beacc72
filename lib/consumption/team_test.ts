/**
 * For tests: a few consumers on a real server, moved about as a leader would, and an exact record of what they handled. Holds no
 * test of its own but those of its oracle.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { NatsConnection } from "@nats-io/nats-core";
import type { GroupConsumerConfig } from "../config/config.ts";
import { FencedOutput } from "../effects/effects.ts";
import type { StreamOptions } from "../ports/feed.ts";
import type { World } from "../ports/world.ts";
import { type Rig, until } from "../test_support/rig.ts";
import type { ConsumptionEvents } from "./events.ts";
import type { HandlerContext, MessageHandler, PartitionMessage } from "./dispatch/handler.ts";
import { WorkerConsumer, type WorkerConsumerOptions } from "./worker_consumer.ts";

/** The stream the consumers share. */
export const FEED = "feed";
/** Where effects go. */
export const OUTPUT = "output";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A configuration for tests: the library's defaults, but quick retries. */
export function testConfig(changes: Partial<GroupConsumerConfig> = {}): GroupConsumerConfig {
  return {
    stream: FEED,
    subjectTemplate: "feed.{{.PartitionID}}",
    shards: undefined,
    from: undefined,
    ackWaitMs: 30_000,
    maxDeliver: 5,
    prefetch: 256,
    concurrency: 64,
    retryBaseMs: 5,
    retryMultiplier: 1.6,
    retryMaxMs: 50,
    onPoison: "dead-letter",
    deadLetterSubject: "dead.{{.PartitionID}}",
    maxLanes: 4,
    inactiveThresholdMs: 300_000,
    manualAck: false,
    ...changes,
  };
}

/** One message that a handler was given. */
export interface Handling {
  readonly partition: string;
  readonly sequence: number;
  readonly payload: string;
  readonly worker: string;
  readonly attempt: number;
}

/** What was sent, handled and done, and whether that is as it should be. */
export class Journal {
  /** Everything that was started, in the order of starting. */
  readonly started: Handling[] = [];
  /** Everything that was handled to the end, in the order of finishing. */
  readonly handled: Handling[] = [];
  /** Partitions of which two handlers ran at the same time, wherever. */
  readonly overlaps: string[] = [];
  readonly #sent = new Map<string, string[]>();
  readonly #running = new Map<string, number>();

  /** Notes a message that the stream has taken. */
  sent(partition: string, payload: string): void {
    push(this.#sent, partition, payload);
  }

  /** What the stream has taken, by partition. */
  get sentPayloads(): ReadonlyMap<string, readonly string[]> {
    return this.#sent;
  }

  /** How many messages the stream has taken. */
  get sentCount(): number {
    return [...this.#sent.values()].reduce((sum, list) => sum + list.length, 0);
  }

  /** Notes that a handler began. */
  start(handling: Handling): void {
    const running = (this.#running.get(handling.partition) ?? 0) + 1;
    this.#running.set(handling.partition, running);
    if (running > 1) this.overlaps.push(handling.partition);
    this.started.push(handling);
  }

  /** Notes that a handler ended. */
  end(handling: Handling, ok: boolean): void {
    this.#running.set(handling.partition, this.#running.get(handling.partition)! - 1);
    if (ok) this.handled.push(handling);
  }

  /** The payloads handled, by partition. */
  payloads(): Map<string, string[]> {
    const all = new Map<string, string[]>();
    for (const { partition, payload } of this.handled) push(all, partition, payload);
    return all;
  }

  /** Whether everything sent was handled. */
  get complete(): boolean {
    const handled = new Set(
      this.handled.map(({ partition, payload }) => `${partition} ${payload}`),
    );
    return handled.size >= this.sentCount;
  }

  /** Every message was handled exactly once and in order, and never two of a partition at a time. */
  assertExact(): void {
    assert.deepEqual(this.overlaps, [], "two handlers ran in one partition");
    const handled = this.payloads();
    for (const [partition, sent] of this.#sent) {
      assert.deepEqual(handled.get(partition) ?? [], sent, `partition ${partition}`);
    }
    assert.equal(handled.size, this.#sent.size, "something was handled that nobody sent");
  }
}

function push(lists: Map<string, string[]>, key: string, item: string): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

/** A consumer with what belongs to it. */
export interface Member {
  readonly worker: string;
  readonly instance: string;
  readonly world: World;
  readonly nc: NatsConnection;
  readonly consumer: WorkerConsumer;
  readonly errors: unknown[];
}

/** How a member is made. */
export interface MemberOptions {
  readonly config?: Partial<GroupConsumerConfig>;
  readonly handle?: (message: PartitionMessage, context: HandlerContext) => void | Promise<void>;
  readonly events?: Partial<ConsumptionEvents>;
  readonly options?: Partial<WorkerConsumerOptions>;
  /** Over a connection of its own, unless one is given. */
  readonly connection?: { readonly world: World; readonly nc: NatsConnection };
}

function feedOptions(storage: "file" | "memory"): StreamOptions {
  return { subjects: ["feed.>"], retention: "workqueue", storage, replicas: 1 };
}

/** A few consumers and the assignment among them. */
export class Team implements AsyncDisposable {
  readonly record = new Journal();
  readonly members: Member[] = [];
  readonly world: World;
  /** Partition → index of its member. */
  readonly owners = new Map<string, number>();
  readonly #rig: Rig;
  readonly #known = new Set<string>();
  #generation = 0;

  private constructor(rig: Rig, world: World) {
    this.#rig = rig;
    this.world = world;
  }

  /** Makes the streams. */
  static async start(rig: Rig, storage: "file" | "memory" = "memory"): Promise<Team> {
    const { world } = await rig.connect();
    await world.feed.ensureStream(FEED, feedOptions(storage));
    await world.feed.ensureStream(OUTPUT, {
      storage,
      replicas: 1,
      subjects: ["output.>", "dead.>"],
      retention: "limits",
    });
    return new Team(rig, world);
  }

  /** The generation in force. */
  get generation(): number {
    return this.#generation;
  }

  /** Removes the stream with all it holds and makes it anew. */
  async makeAnew(): Promise<void> {
    await this.world.feed.destroyStream(FEED);
    await this.world.feed.ensureStream(FEED, feedOptions("memory"));
  }

  /** Adds a consumer that holds nothing yet. */
  async add(how: MemberOptions = {}): Promise<Member> {
    const { world, nc } = how.connection ?? await this.#rig.connect();
    const index = this.members.length;
    const worker = `w-${index}`;
    const instance = `${index}${world.random.uuid()}`;
    const errors: unknown[] = [];
    const consumer = new WorkerConsumer({
      world,
      config: testConfig(how.config),
      owner: { group: "test", worker, instance },
      handler: this.#handler(how.handle),
      drainTimeoutMs: 5_000,
      operationTimeoutMs: 5_000,
      ...how.options,
      events: {
        ...how.events,
        error: (error) => {
          errors.push(error);
          how.events?.error?.(error);
        },
      },
    });
    const member = { worker, instance, world, nc, consumer, errors };
    this.members.push(member);
    this.#known.add(instance);
    return member;
  }

  /** From the next assignment on, nobody knows this member. */
  forget(member: Member): void {
    this.#known.delete(member.instance);
  }

  /** Gives partitions to members, as a new generation; those not named keep theirs. */
  assign(changes: Readonly<{ [partition: string]: number }>): void {
    const before = new Map(this.owners);
    for (const [partition, index] of Object.entries(changes)) this.owners.set(partition, index);
    this.#generation++;
    this.members.forEach((_, index) => this.tell(index, before));
  }

  /** Tells a member what it has. */
  tell(index: number, before: ReadonlyMap<string, number> = new Map()): void {
    const member = this.members[index]!;
    if (!this.#known.has(member.instance)) return;
    const known = new Set(this.#known);
    const mine = [...this.owners].filter(([, owner]) => owner === index);
    member.consumer.update({
      epoch: 1,
      generation: this.#generation,
      partitions: mine.map(([partition]) => ({ keys: [partition] })),
      isKnown: (instance) => known.has(instance),
      contenderOf: (id) => {
        const holder = this.members[before.get(id) ?? -1];
        return holder === undefined || holder === member || !known.has(holder.instance)
          ? undefined
          : holder.instance;
      },
      successorOf: (id) => this.members[this.owners.get(id) ?? -1]?.instance,
    });
  }

  /** Waits until all members hold exactly what they are told to. */
  async settled(): Promise<void> {
    const known = this.members.filter((member) => this.#known.has(member.instance));
    await Promise.all(known.map(({ consumer }) => consumer.settled()));
  }

  /** Publishes so many more messages to each partition, in turns; payloads count up. */
  async publish(partitions: readonly string[], each: number): Promise<void> {
    const from = this.record.sentCount;
    const acks: Promise<unknown>[] = [];
    for (let i = 0; i < each; i++) {
      for (const partition of partitions) {
        const payload = `${from + acks.length}`;
        this.record.sent(partition, payload);
        acks.push(this.world.feed.publish(`feed.${partition}`, encoder.encode(payload)));
      }
    }
    await Promise.all(acks);
  }

  /** Waits until everything sent was handled and the stream is empty. */
  async drained(timeoutMs = 20_000): Promise<void> {
    await until("everything is handled", () => this.record.complete, timeoutMs);
    await until(
      "the stream is empty",
      async () => (await this.world.feed.streamInfo(FEED)).messages === 0,
      timeoutMs,
    );
  }

  /** A fenced output for a member. */
  output(world: World): FencedOutput {
    return new FencedOutput(world.feed, {
      stream: OUTPUT,
      subjectTemplate: "output.{{.PartitionID}}",
      timeoutMs: 5_000,
    });
  }

  /** The lanes on the server. */
  lanes(): ReturnType<World["feed"]["listConsumers"]> {
    return this.world.feed.listConsumers(FEED);
  }

  /** Ends all consumers. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { consumer } of this.members) consumer.fence("the test is over");
    await Promise.all(this.members.map(({ consumer }) => consumer.close()));
  }

  #handler(handle: MemberOptions["handle"]): MessageHandler {
    return async (message, context) => {
      const handling: Handling = {
        partition: context.partitionId,
        sequence: message.streamSequence,
        payload: decoder.decode(message.data),
        worker: context.worker,
        attempt: context.attempt,
      };
      this.record.start(handling);
      let ok = false;
      try {
        await handle?.(message, context);
        ok = true;
      } finally {
        this.record.end(handling, ok);
      }
    };
  }
}

/** So many partition names: `p0`, `p1`, … */
export function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `p${index}`);
}

/** A generator of numbers in [0, 1) from a seed, so that a failing run can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
