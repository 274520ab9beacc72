/**
 * Worker processes on a real server, moved about as a leader would, and the record of what they did. Only tests import this.
 *
 * @module
 */
import assert from "node:assert/strict";
import { jetstream } from "@nats-io/jetstream";
import { encodeJson } from "../codec.ts";
import type { GroupConsumerConfig } from "../config/config.ts";
import { GENERATION_HEADER, INSTANCE_HEADER } from "../effects/effects.ts";
import { partitionSubject } from "../names.ts";
import type { ConsumerInfo } from "../ports/feed.ts";
import type { EffectLine, HandledLine, MoveRecord } from "./move_record.ts";
import {
  type MoveCommand,
  moveControlSubject,
  type MoveLog,
  type MoveWorkerSpec,
} from "./move_worker.ts";
import { type ConnectedWorld, type Rig, until } from "./rig.ts";
import { endProgram, startProgram } from "./worker_program.ts";

/** How a fleet is made. */
export interface MoveFleetOptions {
  /** How many processes; the nth one's instance is `worker-n`. */
  readonly workers: number;
  /** How they consume. */
  readonly config: GroupConsumerConfig;
  /** How long a handler works before it writes, in milliseconds. */
  readonly workMs: number;
}

const OUTPUT = "output";
const OUTPUT_TEMPLATE = "output.{{.PartitionID}}";
const OUTPUT_TIMEOUT_MS = 10_000;
/** Starting, settling and draining take a second or a few; a machine that does much else has its time. */
const PATIENCE_MS = 30_000;
const FILL_AT_ONCE = 2_000;
/** What a worker needs: the server, its own code, and what the NATS client asks of the system. */
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The processes. */
export class MoveFleet implements AsyncDisposable {
  readonly #config: GroupConsumerConfig;
  readonly #own: ConnectedWorld;
  readonly #children = new Map<string, Deno.ChildProcess>();
  /** Processes that have ended; before `stop` there are none, and waiting on without one would be in vain. */
  readonly #ended: string[] = [];
  readonly #published = new Map<string, number>();
  readonly #history = new Map<number, ReadonlyMap<string, string>>();
  #owners: ReadonlyMap<string, string> = new Map();

  private constructor(config: GroupConsumerConfig, own: ConnectedWorld) {
    this.#config = config;
    this.#own = own;
  }

  /**
   * Makes the streams and starts the processes.
   *
   * @param rig the server
   * @param options how
   * @returns the fleet, when all of them listen
   */
  static async start(rig: Rig, options: MoveFleetOptions): Promise<MoveFleet> {
    const { config, workers, workMs } = options;
    const own = await rig.connect();
    const common = { storage: "file", replicas: 1 } as const;
    const { feed } = own.world;
    const subjects = [partitionSubject(config.subjectTemplate, "*")];
    await feed.ensureStream(config.stream, { ...common, subjects, retention: "workqueue" });
    const outputs = [partitionSubject(OUTPUT_TEMPLATE, "*")];
    await feed.ensureStream(OUTPUT, { ...common, subjects: outputs, retention: "limits" });
    const fleet = new MoveFleet(config, own);
    try {
      const output = {
        stream: OUTPUT,
        subjectTemplate: OUTPUT_TEMPLATE,
        timeoutMs: OUTPUT_TIMEOUT_MS,
      };
      const instances = Array.from({ length: workers }, (_, index) => `worker-${index}`);
      const { url } = rig.server;
      await Promise.all(
        instances.map((instance) => fleet.#spawn({ url, instance, config, output, workMs })),
      );
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Who has which partition. */
  get owners(): ReadonlyMap<string, string> {
    return this.#owners;
  }

  /** The last assignment's number. */
  get generation(): number {
    return this.#history.size;
  }

  /** Publishes so many more messages to each partition, in turns. */
  async publish(partitions: readonly string[], each: number): Promise<void> {
    let acks: Promise<unknown>[] = [];
    for (let round = 0; round < each; round++) {
      for (const partition of partitions) {
        const n = this.#published.get(partition) ?? 0;
        this.#published.set(partition, n + 1);
        const subject = partitionSubject(this.#config.subjectTemplate, partition);
        acks.push(this.#own.world.feed.publish(subject, encoder.encode(`${n}`)));
      }
      if (acks.length < FILL_AT_ONCE) continue;
      await Promise.all(acks);
      acks = [];
    }
    await Promise.all(acks);
  }

  /** A new generation, told to all; those not named stay where they are. Resolves when all have taken it over. */
  async assign(changes: Readonly<Record<string, string>>): Promise<void> {
    const before = Object.fromEntries(this.#owners);
    const owners = { ...before, ...changes };
    const generation = this.generation + 1;
    this.#owners = new Map(Object.entries(owners));
    this.#history.set(generation, this.#owners);
    await this.#tellAll({ kind: "assign", generation, owners, before });
  }

  /** Waits until all hold exactly what they are told to. */
  async settled(): Promise<void> {
    await this.#tellAll({ kind: "settle" });
  }

  /** The planted defect, in one of them. */
  async intrude(instance: string, partition: string): Promise<void> {
    await this.tell(instance, { kind: "intrude", partition });
  }

  /** How many effects there are. */
  async effectCount(): Promise<number> {
    assert.deepEqual(this.#ended, []);
    return (await this.#own.world.feed.streamInfo(OUTPUT)).messages;
  }

  /** How many messages wait or are being handled. */
  async backlog(): Promise<number> {
    assert.deepEqual(this.#ended, []);
    return (await this.#own.world.feed.streamInfo(this.#config.stream)).messages;
  }

  /** The lanes on the server. */
  lanes(): Promise<readonly ConsumerInfo[]> {
    return this.#own.world.feed.listConsumers(this.#config.stream);
  }

  /** Waits until nothing is left to handle. */
  async drained(): Promise<void> {
    await until("the stream is empty", async () => await this.backlog() === 0, PATIENCE_MS);
  }

  /** Everything that is known of the run: what the workers say, and what is in the output. */
  async record(): Promise<MoveRecord> {
    const logs = await Promise.all([...this.#children.keys()].map((one) => this.#log(one)));
    return {
      published: this.#published,
      owners: this.#history,
      handled: logs.flat(),
      effects: await this.#effects(),
    };
  }

  /** Lets all release what they hold and end by themselves. */
  async stop(): Promise<void> {
    await this.#tellAll({ kind: "stop" });
    for (const [instance, child] of this.#children) {
      assert.equal((await child.status).code, 0, `${instance} ended in order`);
    }
  }

  /** Tells one of them, and waits for the answer. */
  async tell(instance: string, command: MoveCommand): Promise<unknown> {
    const { messaging } = this.#own.world;
    const subject = moveControlSubject(instance);
    const data = await messaging.request(subject, encodeJson(command), PATIENCE_MS);
    const answer = JSON.parse(decoder.decode(data)) as { done?: unknown; error?: string };
    assert.equal(answer.error, undefined, `${instance}: ${command.kind}`);
    return answer.done;
  }

  /** Kills whatever still runs: after a failure nobody asks whether it ends in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#children.values()].map(endProgram));
  }

  async #spawn(spec: MoveWorkerSpec): Promise<void> {
    const { child, isReady } = startProgram("move_worker.ts", spec, PATIENCE_MS);
    this.#children.set(spec.instance, child);
    void child.status.then(() => this.#ended.push(spec.instance));
    await isReady(spec.instance);
  }

  async #tellAll(command: MoveCommand): Promise<void> {
    await Promise.all([...this.#children.keys()].map((one) => this.tell(one, command)));
  }

  async #log(instance: string): Promise<HandledLine[]> {
    const all: HandledLine[] = [];
    for (;;) {
      const answer = await this.tell(instance, { kind: "log", from: all.length });
      const { lines, errors } = answer as MoveLog;
      assert.deepEqual(errors, [], instance);
      if (lines.length === 0) return all;
      all.push(...lines);
    }
  }

  async #effects(): Promise<EffectLine[]> {
    const { messages, lastSequence } = await this.#own.world.feed.streamInfo(OUTPUT);
    const effects: EffectLine[] = [];
    if (messages === 0) return effects;
    const consumer = await jetstream(this.#own.nc).consumers.get(OUTPUT);
    const prefix = partitionSubject(OUTPUT_TEMPLATE, "");
    for await (const message of await consumer.consume()) {
      effects.push({
        partition: message.subject.slice(prefix.length),
        n: Number(message.string()),
        instance: message.headers?.get(INSTANCE_HEADER) ?? "",
        generation: Number(message.headers?.get(GENERATION_HEADER)),
      });
      if (message.seq === lastSequence) break;
    }
    return effects;
  }
}
