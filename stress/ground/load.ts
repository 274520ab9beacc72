/**
 * The load: a process of its own that publishes to all partitions, so that what it takes is not in the figures of the process that is measured.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import { partitionSubject } from "../../lib/names.ts";
import { partitionNames, type PartitionSpec } from "./partition_names.ts";
import { connectNats } from "../../lib/ports/nats/world.ts";
import { exitWhenParentDies, spawnSelf } from "../../tasks/spawn.ts";
import { lineSplitter } from "../../tasks/test_output.ts";

/** The hidden command of the process. */
export const LOAD_COMMAND = "stress-load";

/** What the process is told. */
export interface LoadSpec extends PartitionSpec {
  /** The server. */
  readonly url: string;
  /** A partition's subject. */
  readonly subjectTemplate: string;
  /** How many messages per second, over all partitions in turn. */
  readonly perSecond: number;
  /** How large a message is. */
  readonly payloadBytes: number;
}

const TICK_MS = 20;
const FINISH = "finish";
const encoder = new TextEncoder();

/** A load that goes on. */
export class Load implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(lineSplitter())
      .getReader();
  }

  /**
   * Starts it.
   *
   * @param spec what is published
   * @returns the load, which has begun
   * @throws {PartiError} `PARTI_REFUSED` if it ends instead
   */
  static async start(spec: LoadSpec): Promise<Load> {
    const load = new Load(spawnSelf([LOAD_COMMAND, JSON.stringify(spec)], {
      permissions: ["--allow-all"],
      env: { NO_COLOR: "1" },
      stdout: "piped",
    }));
    try {
      await load.#line();
      return load;
    } catch (error) {
      await load[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Ends it in order.
   *
   * @returns how many messages it has sent. The server has received all of them; whether its stream took each is not asked, who consumes sees it
   * @throws {PartiError} `PARTI_REFUSED` if it has ended before
   */
  async finish(): Promise<number> {
    const input = this.#child.stdin.getWriter();
    await input.write(encoder.encode(`${FINISH}\n`));
    input.releaseLock();
    return Number(await this.#line());
  }

  /** Ends it however it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Without its parent it ends by itself.
    await this.#child.stdin.close().catch(() => {});
    while (!(await this.#lines.read()).done);
    await this.#child.status;
  }

  async #line(): Promise<string> {
    const { value } = await this.#lines.read();
    if (value !== undefined) return value;
    const { code } = await this.#child.status;
    throw new PartiError("PARTI_REFUSED", `the load's process ended with code ${code}`);
  }
}

/**
 * Runs this process as a load, to its end.
 *
 * @param spec what is published
 */
export async function runLoad(spec: LoadSpec): Promise<void> {
  const finish = Promise.withResolvers<void>();
  exitWhenParentDies({ onLine: (line) => line === FINISH && finish.resolve() });
  Deno.addSignalListener("SIGINT", () => {});
  const nc = await connectNats({ servers: spec.url, name: "stress-load" });
  const subjects = partitionNames(spec)
    .map((name) => partitionSubject(spec.subjectTemplate, name));
  const payload = new Uint8Array(spec.payloadBytes);
  const startMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - startMs) * spec.perSecond / 1_000);
    while (sent < due) nc.publish(subjects[sent++ % subjects.length]!, payload);
  }, TICK_MS);
  say("started");
  await finish.promise;
  clearInterval(timer);
  await nc.flush();
  say(String(sent));
}

function say(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}
