/**
 * The program of a worker process for tests: a `WorkerConsumer` alone, which is told over NATS what it holds and writes the effect of
 * each message to a fenced output. `move_fleet.ts` starts it. Only tests use this.
 *
 * @module
 */
import { encodeJson } from "../codec.ts";
import type { GroupConsumerConfig } from "../config/config.ts";
import type { HandlerContext, PartitionMessage } from "../consumption/dispatch/handler.ts";
import { WorkerConsumer } from "../consumption/worker_consumer.ts";
import { FencedOutput, type FencedOutputOptions } from "../effects/effects.ts";
import { describeError } from "../errors.ts";
import { partitionSubject } from "../names.ts";
import { sleep } from "../ports/clock.ts";
import { connectNats, natsWorld } from "../ports/nats/world.ts";
import type { World } from "../ports/world.ts";
import { exitWhenParentDies } from "../../tasks/spawn.ts";
import type { HandledLine } from "./move_record.ts";

/** The argument of the process. */
export interface MoveWorkerSpec {
  /** The server. */
  readonly url: string;
  /** Who it is. */
  readonly instance: string;
  /** How it consumes. */
  readonly config: GroupConsumerConfig;
  /** Where effects go. */
  readonly output: FencedOutputOptions;
  /** How long a handler works before it writes, in milliseconds. */
  readonly workMs: number;
}

/** What a worker can be told. */
export type MoveCommand =
  /** The assignment: who has a partition, and who had it in the generation before. */
  | {
    readonly kind: "assign";
    readonly generation: number;
    readonly owners: Readonly<Record<string, string>>;
    readonly before: Readonly<Record<string, string>>;
  }
  /** Answered when it holds what it should, and nothing else. */
  | { readonly kind: "settle" }
  /** Answered with what was handled, from this line on. */
  | { readonly kind: "log"; readonly from: number }
  /** The planted defect: handles the last message of a partition, whoever owns it, and writes without the fence. */
  | { readonly kind: "intrude"; readonly partition: string }
  /** Answered when everything is released; the process ends. */
  | { readonly kind: "stop" };

/** The answer to `log`. */
export interface MoveLog {
  /** Some lines, none if there are no more. */
  readonly lines: readonly HandledLine[];
  /** What went wrong, over the whole life. */
  readonly errors: readonly string[];
}

/** Where a worker listens. */
export function moveControlSubject(instance: string): string {
  return `control.${instance}`;
}

/** Lines in one answer; far below the server's limit of a message. */
const LOG_LINES = 2_000;
const DRAIN_TIMEOUT_MS = 20_000;
const OPERATION_TIMEOUT_MS = 10_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

class MoveWorker {
  readonly #world: World;
  readonly #spec: MoveWorkerSpec;
  readonly #consumer: WorkerConsumer;
  readonly #output: FencedOutput;
  readonly #lines: HandledLine[] = [];
  readonly #errors: string[] = [];
  #generation = 0;

  constructor(world: World, spec: MoveWorkerSpec) {
    this.#world = world;
    this.#spec = spec;
    this.#output = new FencedOutput(world.feed, spec.output);
    const { config, instance } = spec;
    this.#consumer = new WorkerConsumer({
      world,
      config,
      owner: { group: "test", worker: instance, instance },
      handler: (message, context) => this.#handle(message, context),
      drainTimeoutMs: DRAIN_TIMEOUT_MS,
      operationTimeoutMs: OPERATION_TIMEOUT_MS,
      events: { error: (error) => this.#errors.push(describeError(error)) },
    });
  }

  /** Does what it is told; the answer says when it is done. */
  async obey(command: MoveCommand): Promise<unknown> {
    switch (command.kind) {
      case "assign":
        return this.#assign(command);
      case "settle":
        return await this.#consumer.settled();
      case "log": {
        const lines = this.#lines.slice(command.from, command.from + LOG_LINES);
        return { lines, errors: this.#errors } satisfies MoveLog;
      }
      case "intrude":
        return await this.#intrude(command.partition);
      case "stop":
        return await this.#consumer.close();
    }
  }

  #assign({ generation, owners, before }: MoveCommand & { kind: "assign" }): void {
    const { instance } = this.#spec;
    this.#generation = generation;
    this.#consumer.update({
      epoch: 1,
      generation,
      partitions: Object.keys(owners).filter((id) => owners[id] === instance)
        .map((id) => ({ keys: [id] })),
      // Nobody dies here: everybody who holds something does so by right, or is about to let it go.
      isKnown: () => true,
      contenderOf: (id) => before[id] === instance ? undefined : before[id],
      successorOf: (id) => owners[id],
    });
  }

  async #handle(message: PartitionMessage, context: HandlerContext): Promise<void> {
    const { partitionId: partition, generation, signal } = context;
    const startedMs = this.#world.clock.wallMs();
    let outcome = "";
    try {
      await sleep(this.#world.clock, this.#spec.workMs, signal);
      outcome = await this.#output.write(context, message.streamSequence, message.data);
    } catch (error) {
      outcome = describeError(error);
      throw error;
    } finally {
      this.#note({ partition, generation, startedMs, outcome }, message.data);
    }
  }

  /** Neither the lock of the lanes nor the fence of the output is asked. */
  async #intrude(partition: string): Promise<void> {
    const { config, output, instance } = this.#spec;
    const { feed, clock } = this.#world;
    const subject = partitionSubject(config.subjectTemplate, partition);
    const message = await feed.lastMessage(config.stream, subject);
    if (message === undefined) throw new Error(`there is nothing in ${partition}`);
    const startedMs = clock.wallMs();
    await feed.publish(partitionSubject(output.subjectTemplate, partition), message.data, {
      headers: { "Parti-Instance": instance, "Parti-Generation": String(this.#generation) },
    });
    const generation = this.#generation;
    this.#note({ partition, generation, startedMs, outcome: "written" }, message.data);
  }

  #note(line: Omit<HandledLine, "instance" | "n" | "endedMs">, data: Uint8Array): void {
    const { instance } = this.#spec;
    const n = Number(decoder.decode(data));
    this.#lines.push({ ...line, instance, n, endedMs: this.#world.clock.wallMs() });
  }
}

async function main(spec: MoveWorkerSpec): Promise<void> {
  exitWhenParentDies();
  const nc = await connectNats({ servers: spec.url, name: spec.instance });
  const world = natsWorld(nc);
  const worker = new MoveWorker(world, spec);
  world.messaging.subscribe(moveControlSubject(spec.instance), async (notice) => {
    const command = JSON.parse(decoder.decode(notice.data)) as MoveCommand;
    try {
      notice.respond(encodeJson({ done: await worker.obey(command) ?? null }));
    } catch (error) {
      notice.respond(encodeJson({ error: describeError(error) }));
    }
    if (command.kind !== "stop") return;
    await nc.drain();
    Deno.exit(0);
  });
  await world.messaging.flush(OPERATION_TIMEOUT_MS);
  // Whoever started this waits for the line: from now on it listens.
  Deno.stdout.writeSync(encoder.encode("ready\n"));
}

if (import.meta.main) await main(JSON.parse(Deno.args[0]!));
