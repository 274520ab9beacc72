/**
 * A child process that runs simulations, as its driver sees it. A simulation that never lets go of the thread cannot be stopped from
 * within; a process can be.
 *
 * @module
 */

import { PartiError } from "../lib/errors.ts";
import { isLast, readReply, type Reply, type Request } from "./dst_wire.ts";
import { spawnSelf } from "./spawn.ts";
import { lineSplitter } from "./test_output.ts";

/** How a child is started. */
export interface DstChildOptions {
  /** The module with the workloads; without one, those of this project. */
  readonly registry: string | undefined;
  /** How long it may say nothing while it works, in milliseconds: that is, how long one run may take. */
  readonly limitMs: number;
}

/** A child ended in the middle of its work. */
export class ChildEnded extends Error {
  /** Whether it ended by itself, or was stopped because it took too long. */
  readonly how: "died" | "too slow";

  /**
   * @param how whether it ended by itself
   * @param message what is known, for people
   */
  constructor(how: "died" | "too slow", message: string) {
    super(message);
    this.name = "ChildEnded";
    this.how = how;
  }
}

const LAST_WORDS_MAX = 4_000;
const FAREWELL_MS = 2_000;
const encoder = new TextEncoder();
const living = new Set<DstChild>();

/** Ends all children now: one whose run never lets go of its thread does not notice that we are gone. */
export function killChildren(): void {
  for (const child of living) child.kill();
}

/** One child. */
export class DstChild {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #lastWords: Promise<string>;
  readonly #limitMs: number;
  #tooSlow = false;

  /** @param options how it is started */
  constructor(options: DstChildOptions) {
    this.#limitMs = options.limitMs;
    this.#process = spawnSelf(
      ["dst-runner", JSON.stringify({ registry: options.registry ?? null })],
      { permissions: ["--allow-read"], stdout: "piped", stderr: "piped", env: { NO_COLOR: "1" } },
    );
    this.#input = this.#process.stdin.getWriter();
    this.#lines = this.#process.stdout
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(lineSplitter())
      .getReader();
    this.#lastWords = lastWords(this.#process.stderr);
    living.add(this);
    void this.#process.status.then(() => living.delete(this));
  }

  /**
   * Asks for something.
   *
   * @param request what
   * @param onReply called with each reply but the last
   * @returns the last reply
   * @throws {ChildEnded} if the child ends before it
   */
  async ask(request: Request, onReply: (reply: Reply) => void): Promise<Reply> {
    try {
      await this.#input.write(encoder.encode(`${JSON.stringify(request)}\n`));
    } catch {
      // It is gone; the end of its output says so, too.
    }
    for (;;) {
      const line = await this.#nextLine();
      if (line === undefined) throw await this.#ended();
      const reply = readReply(line);
      if (reply === undefined) continue;
      if (isLast(reply)) return reply;
      onReply(reply);
    }
  }

  /** Ends the child, at once if it does not go by itself. */
  async close(): Promise<void> {
    await this.#input.close().catch(() => {});
    const timer = setTimeout(() => this.kill(), FAREWELL_MS);
    await Promise.all([this.#process.status, this.#lastWords, this.#drain()]);
    clearTimeout(timer);
  }

  async #nextLine(): Promise<string | undefined> {
    const timer = setTimeout(() => {
      this.#tooSlow = true;
      this.kill();
    }, this.#limitMs);
    try {
      return (await this.#lines.read()).value;
    } finally {
      clearTimeout(timer);
    }
  }

  async #drain(): Promise<void> {
    while (!(await this.#lines.read()).done);
  }

  async #ended(): Promise<ChildEnded> {
    if (this.#tooSlow) {
      const seconds = this.#limitMs / 1_000;
      return new ChildEnded("too slow", `a run took more than ${seconds} s of real time`);
    }
    const [{ code, signal }, words] = await Promise.all([this.#process.status, this.#lastWords]);
    const how = signal === null ? `exit code ${code}` : signal;
    const said = words.trim().split("\n").slice(0, 3).join(" / ");
    return new ChildEnded("died", `the process ended with ${how}${said === "" ? "" : `: ${said}`}`);
  }

  /** Ends the child at once. */
  kill(): void {
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      // It has ended in the meantime.
      if (!(error instanceof TypeError)) throw new PartiError("PARTI_INVARIANT", String(error));
    }
  }
}

async function lastWords(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text = (text + part).slice(0, LAST_WORDS_MAX);
  }
  return text;
}
