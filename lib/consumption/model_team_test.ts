/**
 * For tests: a group on the model server — members, a leader that moves partitions about, handlers of all tempers, and an exact record.
 * Everything follows from one seed. Holds no test.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { GroupConsumerConfig } from "../config/config.ts";
import { partitionId } from "../assignment/partition.ts";
import { FencedOutput } from "../effects/effects.ts";
import { isPartiError } from "../errors.ts";
import { sleep } from "../ports/clock.ts";
import { shardPartitions, shardSubject } from "../sharding/shards.ts";
import { ManualClock } from "../test_support/manual_clock.ts";
import type { ConsumptionEvents } from "./events.ts";
import type { HandlerContext, MessageHandler, PartitionMessage } from "./dispatch/handler.ts";
import { ModelClient } from "./model_client_test.ts";
import { modelGate } from "./model_gate_test.ts";
import { ModelServer } from "./model_server_test.ts";
import { announceRelease } from "./lanes/release_notices.ts";
import { Journal, names, seeded, testConfig } from "./team_test.ts";
import { WorkerConsumer } from "./worker_consumer.ts";

const SHARD_TEMPLATE = "feed.{{.Shard}}.{{.PartitionID}}";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How long a handler takes in a model team, in milliseconds. */
export type Temper = (random: () => number) => number;

/** How a team is made. */
export interface ModelTeamOptions {
  readonly seed: number;
  readonly members: number;
  /** How many partitions; in a sharded feed, how many keys. */
  readonly partitions: number;
  /** How many shards the feed has; it is one stream unless told otherwise. */
  readonly shards?: number;
  readonly config?: Partial<GroupConsumerConfig>;
  readonly drainTimeoutMs?: number;
  readonly latencyMaxMs?: number;
  /** How long handlers take. */
  readonly temper?: Temper;
  /** How many of 1 handlers fail. */
  readonly failures?: number;
  /** Whether a handler ends when it is told to. */
  readonly obedient?: boolean;
  /**
   * Members are behind a gate as in a session: cut off, they begin nothing, and after this many milliseconds their handlers are
   * interrupted; back, they go on unless they were evicted. Without it they know nothing of leases.
   */
  readonly graceMs?: number;
  /** Handlers write no effects: the output says `already` to what has a sequence from before the stream was made anew. */
  readonly withoutEffects?: boolean;
}

/** A member of a model team. */
export interface ModelMember {
  readonly index: number;
  readonly instance: string;
  readonly client: ModelClient;
  readonly consumer: WorkerConsumer;
  readonly errors: unknown[];
  readonly told: Map<string, number>;
  /** What it was told to have lost. */
  readonly lost: readonly string[];
  alive: boolean;
}

/** The group. */
export class ModelTeam {
  readonly clock = new ManualClock();
  readonly server: ModelServer;
  readonly record = new Journal();
  readonly random: () => number;
  readonly members: ModelMember[] = [];
  /** What is published to, and handled in order. */
  readonly partitions: string[];
  /** What moves: partitions, or shards. */
  readonly units: string[];
  /** What moves → index of its member. */
  readonly owners = new Map<string, number>();
  readonly #options: ModelTeamOptions;
  readonly #leader: ModelClient;
  #generation = 0;
  #sent = 0;

  constructor(options: ModelTeamOptions) {
    this.#options = options;
    this.random = seeded(options.seed);
    this.partitions = names(options.partitions);
    const { shards } = options;
    this.units = shards === undefined
      ? this.partitions
      : shardPartitions(shards).map((shard) => partitionId(shard));
    this.server = new ModelServer(
      this.clock,
      (subject) => shards === undefined ? "feed" : `feed-${subject.split(".")[1]}`,
    );
    this.#leader = new ModelClient(this.server, { random: this.random, latencyMaxMs: 5 });
    for (let i = 0; i < options.members; i++) this.join();
  }

  /** A new member, as a process that has just started. */
  join(): ModelMember {
    const { drainTimeoutMs = 1_000, latencyMaxMs = 5, config, graceMs, shards } = this.#options;
    const index = this.members.length;
    const client = new ModelClient(this.server, { random: this.random, latencyMaxMs });
    const instance = `instance-${index}`;
    const errors: unknown[] = [];
    const told = new Map<string, number>();
    const lost: string[] = [];
    const count = (event: keyof ConsumptionEvents | "behind") => () => {
      told.set(event, (told.get(event) ?? 0) + 1);
    };
    const output = new FencedOutput(client.world.feed, {
      stream: "output",
      subjectTemplate: "output.{{.PartitionID}}",
      timeoutMs: 2_000,
    });
    const gate = graceMs === undefined ? undefined : modelGate(client, graceMs, () => member);
    const handle: MessageHandler = (message, context) => this.#handle(message, context, output);
    const consumer = new WorkerConsumer({
      world: client.world,
      config: testConfig({
        ackWaitMs: 3_000,
        prefetch: 16,
        maxLanes: 2,
        ...(shards === undefined ? {} : { shards, subjectTemplate: SHARD_TEMPLATE }),
        ...config,
      }),
      owner: { group: "test", worker: `w-${index}`, instance },
      handler: handle,
      ...(gate === undefined ? {} : { mayBegin: (signal) => gate.pass(signal) }),
      drainTimeoutMs,
      operationTimeoutMs: 2_000,
      onBehind: count("behind"),
      checkedFeed: { maxAckPending: undefined },
      events: {
        error: (error) => errors.push(error),
        evicted: count("evicted"),
        compacted: count("compacted"),
        laneEnded: count("laneEnded"),
        refused: count("refused"),
        released: count("released"),
        lost: (ids) => {
          for (const id of ids) lost.push(id);
        },
        acquired: count("acquired"),
        abandoned: count("abandoned"),
        outranked: count("outranked"),
      },
    });
    const member: ModelMember = {
      index,
      instance,
      client,
      consumer,
      errors,
      told,
      lost,
      alive: true,
    };
    this.members.push(member);
    return member;
  }

  /** A random integer below `below`. */
  pick(below: number): number {
    return Math.floor(this.random() * below);
  }

  /** Members the leader knows. */
  get living(): ModelMember[] {
    return this.members.filter((member) => member.alive);
  }

  /** Publishes to a partition. */
  publish(partition: string): void {
    const payload = `${++this.#sent}`;
    this.record.sent(partition, payload);
    const { shards } = this.#options;
    const subject = shards === undefined
      ? `feed.${partition}`
      : shardSubject({ subjectTemplate: SHARD_TEMPLATE, shards }, partition);
    this.server.store(subject, encoder.encode(payload));
  }

  /** Gives partitions to members; every member learns of it after a while of its own. */
  assign(changes: Readonly<{ [partition: string]: number }>, delayMaxMs = 30): void {
    const before = new Map(this.owners);
    for (const [partition, index] of Object.entries(changes)) this.owners.set(partition, index);
    const generation = ++this.#generation;
    const known = new Set(this.living.map(({ instance }) => instance));
    const owners = new Map(this.owners);
    for (const member of this.living) {
      const tell = () => this.#tell(member, generation, owners, before, known);
      this.clock.setTimer(this.random() * delayMaxMs, tell);
    }
  }

  /** The leader takes a member for dead: nobody knows it any more, others get its partitions, its lanes are deleted soon. */
  evict(member: ModelMember, announce = true): void {
    member.alive = false;
    const heirs = this.living;
    const changes: { [partition: string]: number } = {};
    for (const [partition, index] of this.owners) {
      if (index === member.index) changes[partition] = heirs[this.pick(heirs.length)]!.index;
    }
    this.assign(changes);
    this.clock.setTimer(this.random() * 200, () => {
      for (const lane of this.server.lanes) {
        if (lane.metadata["parti_instance"] === member.instance) this.server.delete(lane.name);
      }
      if (!announce) return;
      const { messaging } = this.#leader.world;
      announceRelease(
        { messaging, group: "test", instance: member.instance },
        Object.keys(changes),
      );
    });
  }

  /** A member dies without a word. */
  crash(member: ModelMember): void {
    member.client.cut();
    member.consumer.fence("killed");
    this.evict(member);
  }

  /** From now on everything goes well. */
  heal(): void {
    for (const { client, alive } of this.members) {
      client.clearFaults();
      if (alive) client.restore();
    }
  }

  /** Waits until everything sent has had its effect and the stream is empty. */
  async drained(limitMs = 300_000): Promise<void> {
    for (let passedMs = 0; passedMs < limitMs; passedMs += 250) {
      if (this.server.feed.size === 0) return;
      await this.clock.advance(250);
    }
    const left = [...this.server.feed.values()].map(({ subject }) => subject);
    const health = this.living.map(({ consumer }) => consumer.health());
    assert.fail(
      `not handled: ${left.join(" ")}\n${
        Deno.inspect({ health, lanes: this.server.lanes }, { depth: 5 })
      }`,
    );
  }

  /** Ends everything, and looks whether anything is left. */
  async end(): Promise<void> {
    await this.clock.advance(100);
    const closed = Promise.all(this.members.map(({ consumer }) => consumer.close()));
    await this.clock.advance(30_000);
    await closed;
    // What a zombie has made stays until somebody is refused because of it.
    const dead = new Set(
      this.members.filter(({ alive }) => !alive).map(({ instance }) => instance),
    );
    for (const lane of this.server.lanes) {
      assert.ok(dead.has(lane.metadata["parti_instance"]!), `lane ${lane.name} is left`);
      this.server.delete(lane.name);
    }
    assert.equal(this.clock.pendingTimers, 0, "timers left");
    assert.deepEqual(this.unexpectedErrors, []);
  }

  /** Errors that no fault of the world explains. */
  get unexpectedErrors(): unknown[] {
    const usual = [
      "PARTI_TIMEOUT",
      "PARTI_DISCONNECTED",
      "PARTI_NO_RESPONDERS",
      "PARTI_NOT_FOUND",
      // A zombie is told that it is one.
      "PARTI_FENCED",
    ] as const;
    return this.members.flatMap(({ errors }) => errors).filter((error) =>
      !isPartiError(error, ...usual)
    );
  }

  /** Every message had exactly one effect, in order. */
  assertEffects(): void {
    const expected = new Map<string, readonly string[]>();
    for (const [partition, payloads] of this.record.sentPayloads) {
      expected.set(`output.${partition}`, payloads);
    }
    const actual = new Map<string, string[]>();
    for (const { subject, data } of this.server.output) {
      actual.set(subject, [...actual.get(subject) ?? [], decoder.decode(data)]);
    }
    for (const [subject, payloads] of expected) {
      assert.deepEqual(actual.get(subject), payloads, `effects of ${subject}`);
    }
  }

  #tell(
    member: ModelMember,
    generation: number,
    owners: ReadonlyMap<string, number>,
    before: ReadonlyMap<string, number>,
    known: ReadonlySet<string>,
  ): void {
    if (!member.alive) return;
    const mine = [...owners].filter(([, index]) => index === member.index);
    member.consumer.update({
      epoch: 1,
      generation,
      partitions: mine.map(([partition]) => ({ keys: [partition] })),
      isKnown: (instance) => known.has(instance),
      contenderOf: (id) => {
        const holder = this.members[before.get(id) ?? -1]?.instance;
        return holder !== undefined && holder !== member.instance && known.has(holder)
          ? holder
          : undefined;
      },
      successorOf: (id) => this.members[owners.get(id) ?? -1]?.instance,
    });
  }

  async #handle(
    message: PartitionMessage,
    context: HandlerContext,
    output: FencedOutput,
  ): Promise<void> {
    const { temper = (random) => random() * 20, failures = 0, obedient = true } = this.#options;
    const handling = {
      partition: context.partitionId,
      sequence: message.streamSequence,
      payload: decoder.decode(message.data),
      worker: context.worker,
      attempt: context.attempt,
    };
    this.record.start(handling);
    // Who was told to stop and does not listen is no overlap of ours.
    const leave = (ok: boolean) => this.record.end(handling, ok);
    let left = false;
    context.signal.addEventListener("abort", () => {
      if (!left) leave(false);
      left = true;
    }, { once: true });
    let ok = false;
    try {
      await sleep(this.clock, temper(this.random), obedient ? context.signal : undefined);
      if (obedient && context.signal.aborted) throw context.signal.reason;
      if (context.attempt < 4 && this.random() < failures) throw new Error("no luck");
      if (!this.#options.withoutEffects) {
        await output.write(context, message.streamSequence, message.data);
      }
      ok = true;
    } finally {
      if (!left) leave(ok);
      left = true;
    }
  }
}
