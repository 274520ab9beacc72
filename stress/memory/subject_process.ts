/**
 * The measured process as the case sees it: it is asked, and answers.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import { spawnSelf } from "../../tasks/spawn.ts";
import { lineSplitter } from "../../tasks/test_output.ts";
import type { Fault } from "../case.ts";
import { EXPOSE_GC, type Memory } from "../child/collected_memory.ts";

/** The hidden command of the process. */
export const SUBJECT_COMMAND = "stress-subject";

/** What the process has loaded and does. */
export interface SubjectSpec {
  /** The server. */
  readonly url: string;
  /** `client`: Deno and the NATS client only. `library`: and the library, which has made the stream. `group`: and workers. */
  readonly loads: "client" | "library" | "group";
  /** How many workers. */
  readonly workers: number;
  /** How many partitions they have. */
  readonly partitions: number;
  /** So many connections of the client, with nobody on them. */
  readonly connections: number;
  /** Whether each worker has a connection of its own. */
  readonly apart: boolean;
  /** The planted defect; null for none. */
  readonly fault: Fault | null;
}

/** What it answers: to `look` all of it, to anything else what was handled. */
export interface SubjectAnswer {
  /** How many messages were handled so far. */
  readonly handled?: number;
  /** How many partitions have had a message so far. */
  readonly served?: number;
  /** Its memory, collected. */
  readonly memory?: Memory;
  /** Its pending timers. */
  readonly timers?: number;
}

/** A measured process that runs. */
export class Subject implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#input = child.stdin.getWriter();
    this.#lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(lineSplitter())
      .getReader();
  }

  /**
   * Starts it.
   *
   * @param spec what it loads and does
   * @returns the process, which is there and whose workers are well
   * @throws {PartiError} `PARTI_REFUSED` if it ends instead
   */
  static async start(spec: SubjectSpec): Promise<Subject> {
    const subject = new Subject(spawnSelf([SUBJECT_COMMAND, JSON.stringify(spec)], {
      permissions: ["--allow-all"],
      env: { NO_COLOR: "1", ...EXPOSE_GC },
      stdout: "piped",
      module: new URL("subject.ts", import.meta.url).href,
    }));
    try {
      await subject.#answer();
      return subject;
    } catch (error) {
      await subject[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Asks it.
   *
   * @param question `look`, `count`, or `plant` for the planted growth
   * @returns its answer
   * @throws {PartiError} `PARTI_REFUSED` if it has ended
   */
  async ask(question: "look" | "count" | "plant"): Promise<SubjectAnswer> {
    await this.#input.write(new TextEncoder().encode(`${question}\n`));
    return await this.#answer();
  }

  /** Ends it however it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Without its parent it ends by itself.
    await this.#input.close().catch(() => {});
    while (!(await this.#lines.read()).done);
    await this.#child.status;
  }

  async #answer(): Promise<SubjectAnswer> {
    const { value } = await this.#lines.read();
    if (value !== undefined) return JSON.parse(value);
    const { code } = await this.#child.status;
    throw new PartiError("PARTI_REFUSED", `the measured process ended with code ${code}`);
  }
}
