/**
 * Starts a nats-server for tests, the simulation and the stress suite: a free port, its own store, ready when the
 * server says so, and nothing left behind however we end.
 *
 * ```ts
 * import { connect } from "@nats-io/transport-node";
 * import { launchNats } from "./nats_launcher.ts";
 *
 * await using server = await launchNats();
 * const connection = await connect({ servers: server.url });
 * await connection.close();
 * ```
 *
 * @module
 */

import { PartiError } from "../lib/errors.ts";
import { pickFreePort } from "./free_port.ts";
import { natsConfig, type NatsLimits } from "./nats_config.ts";
import { Guard } from "./nats_guard.ts";
import { ensureNatsServer } from "./nats_server.ts";
import { waitUntilStopped } from "./pause.ts";

/** How to launch a nats-server. Everything has a default. */
export interface LaunchNatsOptions {
  /** The nats-server to run; by default `PARTI_NATS_SERVER`, or whatever can be found or fetched. */
  readonly binary?: string;
  /** Where to keep streams. By default a directory of its own that is removed in the end; a named one is kept. */
  readonly storeDir?: string;
  /** The port for clients; by default a free one. */
  readonly port?: number;
  /** The port for monitoring over HTTP; `true` picks a free one. By default there is none. */
  readonly monitorPort?: number | true;
  /** JetStream's limits; `false` runs without JetStream. */
  readonly jetstream?: NatsLimits | false;
  /** More lines for the server's configuration file, such as a `cluster { … }` or `accounts { … }` block. */
  readonly extraConfig?: string;
  /** The server's name; required by clusters. */
  readonly serverName?: string;
  /** How long the server may take to be ready. Recovering a large store takes a while. */
  readonly startTimeoutMs?: number;
  /** How long a server may take to shut down before it is killed. */
  readonly stopTimeoutMs?: number;
}

const portTries = 10;
const logTailBytes = 16_384;
const pollMs = 5;

/**
 * Launches a nats-server and waits until it is ready.
 *
 * @param options how
 * @returns the running server; dispose of it with `await using` or {@linkcode NatsServer.stop}
 */
export async function launchNats(options: LaunchNatsOptions = {}): Promise<NatsServer> {
  if (Deno.build.os === "windows") {
    throw new PartiError("PARTI_INVALID_CONFIG", "a nats-server cannot be launched on Windows", {
      hint: "run this under WSL, or use a server that is already running",
    });
  }
  const binary = await ensureNatsServer({ binary: options.binary });
  for (let i = 1;; i++) {
    try {
      return await NatsServer.start(binary.path, binary.version, options);
    } catch (error) {
      // Somebody took a port that we had picked: pick another. A port that the caller named is the caller's mistake.
      const picked = options.port === undefined && typeof options.monitorPort !== "number";
      if (!(error instanceof PortBusyError) || !picked || i === portTries) throw error;
    }
  }
}

/** A running nats-server of our own. */
export class NatsServer implements AsyncDisposable {
  /** The port for clients. It stays the same over {@linkcode restart}. */
  readonly port: number;
  /** The port for monitoring over HTTP, if asked for. */
  readonly monitorPort: number | undefined;
  /** The server's version, such as `2.15.1`. */
  readonly version: string;
  /** The path of the program. */
  readonly binary: string;
  /** Where the streams are kept. */
  readonly storeDir: string;
  /** Told with the exit code when the process ends although it was not ended from here. */
  onEnded: (code: number) => void = () => {};
  readonly #runDir: string;
  readonly #options: LaunchNatsOptions;
  #guard: Guard | undefined;
  /** The process that was ended from here. */
  #endedOnPurpose: Guard | undefined;
  #paused = false;
  #stopped = false;

  private constructor(binary: string, version: string, options: LaunchNatsOptions) {
    this.binary = binary;
    this.version = version;
    this.#options = options;
    this.port = options.port ?? pickFreePort();
    this.monitorPort = options.monitorPort === true ? pickFreePort() : options.monitorPort;
    this.#runDir = Deno.makeTempDirSync({ prefix: "parti-nats-" });
    this.storeDir = options.storeDir ?? `${this.#runDir}/store`;
  }

  /** @internal Use {@linkcode launchNats}. */
  static async start(
    binary: string,
    version: string,
    options: LaunchNatsOptions,
  ): Promise<NatsServer> {
    const server = new NatsServer(binary, version, options);
    try {
      await server.#start();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** The address for clients. */
  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** The process ID of the nats-server itself. It changes with {@linkcode restart}. */
  get pid(): number {
    if (this.#guard === undefined) {
      throw new PartiError("PARTI_NOT_STARTED", "nats-server is stopped");
    }
    return this.#guard.pid;
  }

  /** The process IDs of all that runs: one, or none. */
  get pids(): number[] {
    return this.running ? [this.pid] : [];
  }

  /** True while the process exists, paused or not. */
  get running(): boolean {
    return this.#guard?.running ?? false;
  }

  /** Resolves with the exit code once the present process has ended, for whatever reason. */
  get exited(): Promise<number> {
    return this.#guard?.exited ?? Promise.resolve(0);
  }

  /**
   * The end of the server's log, over all restarts.
   *
   * @param maxBytes how much of it
   * @returns whole lines
   */
  logTail(maxBytes = logTailBytes): string {
    return tail(`${this.#runDir}/nats.log`, maxBytes) +
      tail(`${this.#runDir}/stderr.log`, maxBytes);
  }

  /** Kills the process with SIGKILL and waits for its end. Store and port are kept for {@linkcode restart}. */
  async kill(): Promise<void> {
    this.#endedOnPurpose = this.#guard;
    this.#guard?.signal("SIGKILL");
    await this.#guard?.exited;
    this.#paused = false;
  }

  /** Stops the process where it is (SIGSTOP): connections stay open and nobody answers. */
  pause(): void {
    if (!this.#guard?.running) return;
    this.#guard.signal("SIGSTOP");
    this.#paused = true;
    waitUntilStopped(this.#guard.pid);
  }

  /** Lets a paused process continue (SIGCONT). */
  resume(): void {
    this.#guard?.signal("SIGCONT");
    this.#paused = false;
  }

  /** Starts the server again with the same store and port, after shutting it down if it still runs. */
  async restart(): Promise<void> {
    if (this.#stopped) throw new PartiError("PARTI_STOPPED", "nats-server was stopped for good");
    await this.#shutDown();
    await this.#start();
  }

  /** Shuts the server down for good and removes everything that is its own. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#shutDown();
    await this.#guard?.close();
    this.#guard = undefined;
    await Deno.remove(this.#runDir, { recursive: true }).catch(ignoreNotFound);
  }

  /** Same as {@linkcode stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<void> {
    const configFile = `${this.#runDir}/nats.conf`;
    await Deno.writeTextFile(
      configFile,
      natsConfig({
        ...this.#options,
        port: this.port,
        monitorPort: this.monitorPort,
        runDir: this.#runDir,
        storeDir: this.storeDir,
      }),
    );
    const previous = this.#guard;
    const guard = this.#guard = await Guard.start({
      command: [this.binary, "-c", configFile],
      outputFile: `${this.#runDir}/stderr.log`,
      removeDir: this.#runDir,
    });
    this.#paused = false;
    await previous?.keep();
    await this.#untilReady(guard);
    void guard.exited.then((code) => {
      if (guard !== this.#endedOnPurpose) this.onEnded(code);
    });
  }

  /** The server writes its ports file when it accepts connections; no log text has to be understood. */
  async #untilReady(guard: Guard): Promise<void> {
    const timeoutMs = this.#options.startTimeoutMs ?? 30_000;
    const deadline = performance.now() + timeoutMs;
    while (performance.now() < deadline) {
      if (!guard.running) throw this.#startError(`ended with code ${await guard.exited}`);
      if (await hasPortsFile(this.#runDir, guard.pid)) return;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    throw this.#startError(`was not ready after ${timeoutMs} ms`);
  }

  #startError(what: string): PartiError {
    const log = this.logTail(4096).trim();
    const busy = /127\.0\.0\.1:(\d+)[^\n]*address already in use/.exec(log);
    if (busy) return new PortBusyError(Number(busy[1]), log);
    return new PartiError("PARTI_REFUSED", `nats-server ${what}; its log ends with:\n${log}`, {
      value: this.binary,
    });
  }

  async #shutDown(): Promise<void> {
    const guard = this.#guard;
    if (!guard?.running) return;
    this.#endedOnPurpose = guard;
    if (this.#paused) this.resume();
    guard.signal("SIGTERM");
    const timer = setTimeout(() => guard.signal("SIGKILL"), this.#options.stopTimeoutMs ?? 5_000);
    await guard.exited;
    clearTimeout(timer);
  }
}

/** Another process has the port. */
export class PortBusyError extends PartiError {
  /**
   * @param port the port
   * @param log what the server said
   */
  constructor(port: number, log: string) {
    super("PARTI_INVALID_CONFIG", `port ${port} is in use by another process`, {
      value: port,
      hint: "choose another port, or none to get a free one",
      cause: log,
    });
  }
}

async function hasPortsFile(dir: string, pid: number): Promise<boolean> {
  for await (const entry of Deno.readDir(dir)) {
    if (entry.name.endsWith(`_${pid}.ports`)) return true;
  }
  return false;
}

function tail(file: string, maxBytes: number): string {
  try {
    using open = Deno.openSync(file);
    const size = open.statSync().size;
    open.seekSync(Math.max(0, size - maxBytes), Deno.SeekMode.Start);
    const bytes = new Uint8Array(Math.min(size, maxBytes));
    const read = open.readSync(bytes) ?? 0;
    const text = new TextDecoder().decode(bytes.subarray(0, read));
    return size > maxBytes ? text.slice(text.indexOf("\n") + 1) : text;
  } catch (error) {
    ignoreNotFound(error);
    return "";
  }
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
