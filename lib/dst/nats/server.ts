/**
 * The simulated nats-server: a machine with a process that can be killed, started again and paused, the connections to it, and the models
 * of what it keeps. The models know nothing of connections; what they tell clients goes through a {@linkcode ServerSession}.
 *
 * @module
 */
import { type Capabilities, capabilitiesOf } from "../../ports/nats/capabilities.ts";
import type { Timer } from "../../ports/clock.ts";
import { Draws } from "../draw.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { SimProcess } from "../kernel/node.ts";

/** A client's connection as the server sees it. */
export interface ServerSession {
  /** Its number, unique in the run. */
  readonly id: number;
  /** Whether the server still takes it for open. */
  readonly open: boolean;
  /** Sends something to the client; lost if the connection is cut before it arrives. */
  push(label: string, arrive: () => void): void;
  /** Called once when the server sees the connection end. */
  onClose(listener: () => void): void;
}

/** A part of the server that has something to do when its process starts or ends. */
export interface ServerPart {
  /** The process is gone: whatever was only in its memory is forgotten. */
  crashed(): void;
  /** A new process has started: what is on disk is there again. */
  started(): void;
}

/** What a server is made from. */
export interface ModelServerOptions {
  /** The kernel. */
  readonly kernel: Kernel;
  /** Which nats-server it is like, such as `2.10.27`. */
  readonly version: string;
}

/** The server. */
export class ModelServer {
  /** The kernel. */
  readonly kernel: Kernel;
  /** What a server of this version can do. */
  readonly capabilities: Capabilities;
  /** Where its lateness and its like come from. */
  readonly draws: Draws;
  readonly #parts: ServerPart[] = [];
  readonly #links = new Set<ServerWatcher>();
  #process: SimProcess;
  #life = 1;
  #sessions = 0;

  /**
   * Its process runs from now on.
   *
   * @param options what it is made from
   */
  constructor({ kernel, version }: ModelServerOptions) {
    this.kernel = kernel;
    this.capabilities = capabilitiesOf(version);
    this.draws = new Draws(kernel.seed, "server");
    this.#process = new SimProcess(kernel, "nats#1");
  }

  /** Whether its process runs; a paused one does. */
  get running(): boolean {
    return !this.#process.dead;
  }

  /** Whether it can answer: it runs and is not paused. */
  get answering(): boolean {
    return this.running && !this.#process.paused;
  }

  /** The time by its wall clock, in milliseconds since 1970. */
  get wallMs(): number {
    return this.#process.clock.wallMs();
  }

  /** Its monotonic time, in milliseconds. It goes on from one process to the next. */
  get nowMs(): number {
    return this.kernel.nowMs;
  }

  /** A number for a new session. */
  nextSessionId(): number {
    return ++this.#sessions;
  }

  /**
   * Schedules something the server does by itself. It does not happen if the process ends before. What the models do settles no promise:
   * whatever comes of it travels to a client first, so the kernel need not look for what goes on.
   *
   * @param delayMs in how many milliseconds
   * @param label what it is
   * @param fire makes it happen
   */
  schedule(delayMs: number, label: string, fire: () => void): Timer {
    return this.#process.schedule(delayMs, label, fire, true);
  }

  /**
   * Notes what is stored or sent on, so that two runs of a seed differ in their traces as soon as they differ in what they write.
   *
   * @param place its key, its subject, or the stream of a consumer
   * @param data its bytes
   * @param headers what goes with them
   */
  noteWritten(
    place: string,
    data: Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    let hash = 0x811c9dc5;
    for (let i = 0; i < data.length; i++) hash = Math.imul(hash ^ data[i]!, 0x01000193);
    for (const name in headers) hash = hashText(hashText(hash, name), headers[name]!);
    this.kernel.trace.note(this.nowMs, place, "written", hash >>> 0);
  }

  /** Adds a part that keeps something. */
  add(part: ServerPart): void {
    this.#parts.push(part);
  }

  /** Tells a link of whatever happens to the server. */
  attach(link: ServerWatcher): void {
    this.#links.add(link);
  }

  /** Forgets a link. */
  detach(link: ServerWatcher): void {
    this.#links.delete(link);
  }

  /** Kills the process, as SIGKILL does. What it has acknowledged and keeps on disk stays. */
  crash(): void {
    if (!this.running) return;
    this.#process.kill();
    for (const part of this.#parts) part.crashed();
    for (const link of [...this.#links]) link.serverGone();
  }

  /** Starts a new process with the same disk. */
  restart(): void {
    if (this.running) return;
    this.#process = new SimProcess(this.kernel, `nats#${++this.#life}`);
    for (const part of this.#parts) part.started();
  }

  /** Stops the process where it is, as SIGSTOP does. */
  pause(): void {
    this.#process.pause();
    for (const link of [...this.#links]) link.serverSilent(true);
  }

  /** Lets a paused process go on. */
  resume(): void {
    this.#process.resume();
    for (const link of [...this.#links]) link.serverSilent(false);
  }
}

/** Who is told of what happens to the server. */
export interface ServerWatcher {
  /** Its process is gone; connections end. */
  serverGone(): void;
  /** It answers no more, or answers again. */
  serverSilent(silent: boolean): void;
}

function hashText(hash: number, text: string): number {
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return Math.imul(hash ^ text.length, 0x01000193);
}
