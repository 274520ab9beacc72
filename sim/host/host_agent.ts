/**
 * The host's half: a process that was started by hand, waits for a coordinator, and has processes of its own run as it is told.
 *
 * @module
 */
import { describeError, isPartiError, PartiError } from "../../lib/errors.ts";
import { sleep } from "../../lib/ports/clock.ts";
import type { Notice } from "../../lib/ports/messaging.ts";
import type { World } from "../../lib/ports/world.ts";
import {
  type ClockSkew,
  type Ended,
  endedSubject,
  type HostCommand,
  hostSubject,
  type Join,
  type JoinAnswer,
  joinSubject,
  type Signal,
  type SignalAnswer,
  type Spawned,
} from "../wire/host_wire.ts";
import { type ChildSpec, fromBytes, type Role, toBytes } from "../wire/wire.ts";
import { skewOf } from "./clock_skew.ts";
import type { Host, HostedProcess } from "./host.ts";

/** What a host needs. */
export interface HostAgentOptions {
  /** Its clock, and the way to the coordinator. */
  readonly world: Pick<World, "clock" | "messaging">;
  /** The simulation's name, under which the coordinator is found. */
  readonly simulation: string;
  /** The server's address for its processes. */
  readonly natsUrl: string;
  /** What its processes do. */
  readonly role: Role;
  /** Their numbers. */
  readonly indexes: readonly number[];
  /** Who starts them. */
  readonly local: Host;
  /** Says what happens. */
  readonly say: (line: string) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** For how long it asks for its own coordinator alone, in milliseconds; then it takes any of this name. */
  readonly silentMs?: number;
}

const JOIN_INTERVAL_MS = 1_000;
const JOIN_TIMEOUT_MS = 2_000;
/** What is waited for is said this often. */
const PATIENCE_MS = 10_000;
/** A coordinator that is not heard of for so long may have another one after it, of another run. */
const SILENT_MS = 10_000;
/** A coordinator that is not heard of for so long does not come back. */
const ABANDONED_MS = 600_000;
const RETRY_MS = 500;
const LEAVE_MS = 20_000;
const FAREWELL_MS = 2_000;

/** A host. */
export class HostAgent {
  readonly #options: HostAgentOptions;
  readonly #name = crypto.randomUUID().slice(0, 8);
  readonly #children = new Map<string, HostedProcess>();
  /** For which life of a coordinator each of them was started. */
  readonly #livesOf = new Map<string, string>();
  readonly #paused = new Map<string, AsyncDisposable>();
  /** What is being done to each process. */
  readonly #turns = new Map<string, Promise<SignalAnswer>>();
  readonly #tellings = new Set<Promise<void>>();
  readonly #over = new AbortController();
  #life: string | undefined;
  #runId = "";
  #subscription: { close(): void } | undefined;

  /** @param options what it needs */
  constructor(options: HostAgentOptions) {
    this.#options = options;
  }

  /**
   * Does what coordinators say until the run is over, or the signal fires. Then no process of its own runs any more.
   *
   * @throws {PartiError} `PARTI_INVALID_CONFIG` if the coordinator does not want it; `PARTI_TIMEOUT` if there is none any more
   */
  async run(): Promise<void> {
    const { signal } = this.#options;
    const ended = AbortSignal.any([signal, this.#over.signal]);
    try {
      await this.#keepJoined(ended);
    } finally {
      await this.#endAll(signal.aborted);
      this.#subscription?.close();
    }
  }

  async #keepJoined(ended: AbortSignal): Promise<void> {
    const { world, simulation, role, indexes, say, silentMs = SILENT_MS } = this.#options;
    let skew: ClockSkew | undefined;
    let heardMs = world.clock.monotonicMs();
    let saidMs = Number.NEGATIVE_INFINITY;
    while (!ended.aborted) {
      const nowMs = world.clock.monotonicMs();
      try {
        const isKept = this.#life !== undefined && nowMs - heardMs < silentMs;
        const join: Join = {
          ...{ host: this.#name, role, indexes, ...(skew && { skew }) },
          ...(isKept && { runId: this.#runId }),
        };
        const askedMs = world.clock.wallMs();
        const bytes = await world.messaging.request(
          joinSubject(simulation),
          toBytes(join),
          JOIN_TIMEOUT_MS,
        );
        const heardByWallMs = world.clock.wallMs();
        const answer = fromBytes<JoinAnswer>(bytes);
        this.#take(answer);
        if (answer.kind === "welcome") skew = skewOf(askedMs, answer.wallMs, heardByWallMs);
        heardMs = world.clock.monotonicMs();
      } catch (error) {
        if (isPartiError(error, "PARTI_INVALID_CONFIG")) throw error;
        if (this.#life !== undefined && nowMs - heardMs > ABANDONED_MS) throw abandoned();
        if (nowMs - saidMs > PATIENCE_MS) {
          saidMs = nowMs;
          say(`waiting for the coordinator of ${JSON.stringify(simulation)}`);
        }
      }
      await sleep(world.clock, JOIN_INTERVAL_MS, ended);
    }
  }

  #take(answer: JoinAnswer): void {
    const { world, say } = this.#options;
    if (answer.kind === "refused") {
      throw new PartiError(
        "PARTI_INVALID_CONFIG",
        `the coordinator refuses this host: ${answer.why}`,
        {
          hint: "name other numbers with WORKER_ID or PRODUCER_ID",
        },
      );
    }
    if (answer.life === this.#life) return;
    // What another coordinator has had started, nobody knows any more. This one may have been quicker than its answer.
    for (const [process, child] of this.#children) {
      if (this.#livesOf.get(process) !== answer.life) child.kill();
    }
    this.#life = answer.life;
    this.#runId = answer.runId;
    this.#subscription?.close();
    this.#subscription = world.messaging.subscribe(
      hostSubject(answer.runId, this.#name),
      (notice) => {
        void this.#obey(notice);
      },
    );
    say(`joined run ${answer.runId}`);
  }

  async #obey(notice: Notice): Promise<void> {
    const command = fromBytes<HostCommand>(notice.data);
    switch (command.command) {
      case "spawn":
        return notice.respond(toBytes(this.#spawn(command.role, command.spec, command.life)));
      case "signal":
        return notice.respond(toBytes(await this.#inTurn(command.process, command.signal)));
      case "ping":
        return notice.respond(toBytes("here"));
      case "over":
        notice.respond(toBytes("bye"));
        this.#over.abort();
    }
  }

  #spawn(role: Role, spec: ChildSpec, life: string): Spawned {
    const { local, natsUrl, say } = this.#options;
    const known = this.#children.get(spec.process);
    if (known !== undefined) return { pid: known.pid };
    // Whoever has the next one started takes those before it for ended.
    const name = spec.process.replace(/#.*/, "#");
    for (const [process, before] of this.#children) if (process.startsWith(name)) before.kill();
    const child = local.spawn(role, { ...spec, natsUrl });
    this.#children.set(spec.process, child);
    this.#livesOf.set(spec.process, life);
    say(`started ${spec.process} (pid ${child.pid})`);
    const runId = this.#runId;
    void child.exited.then(({ code, signal }) => {
      this.#children.delete(spec.process);
      this.#livesOf.delete(spec.process);
      // Behind a pause that is under way.
      void this.#afterEnd(spec.process);
      say(`${spec.process} ended ${signal === null ? `with code ${code}` : `by ${signal}`}`);
      const ended = { process: spec.process, code, signal, output: child.output };
      const telling = this.#tellEnd(runId, ended).finally(() => this.#tellings.delete(telling));
      this.#tellings.add(telling);
    });
    return { pid: child.pid };
  }

  /** In the order in which they come: a process that is let go on before it stands still would not go on. */
  #inTurn(process: string, signal: Signal): Promise<SignalAnswer> {
    const answer = (this.#turns.get(process) ?? Promise.resolve())
      .then(() => this.#signal(process, signal))
      .then((): SignalAnswer => "done", (error) => ({ failed: describeError(error) }));
    this.#turns.set(process, answer);
    return answer;
  }

  async #signal(process: string, signal: Signal): Promise<void> {
    const child = this.#children.get(process);
    if (child === undefined) return;
    if (signal === "kill") child.kill();
    if (signal === "terminate") child.terminate();
    if (signal === "pause" && !this.#paused.has(process)) {
      this.#paused.set(process, await child.pause());
    }
    if (signal === "resume") await this.#resume(process);
  }

  /** Nobody is left to go on; whoever held it still is let go. */
  async #afterEnd(process: string): Promise<void> {
    await this.#turns.get(process);
    await this.#resume(process);
    this.#turns.delete(process);
  }

  async #resume(process: string): Promise<void> {
    await this.#paused.get(process)?.[Symbol.asyncDispose]();
    this.#paused.delete(process);
  }

  /** Until the coordinator has answered, or has no use for it any more. */
  async #tellEnd(runId: string, ended: Ended): Promise<void> {
    const { world } = this.#options;
    const useless = this.#over.signal;
    while (!useless.aborted && this.#runId === runId) {
      try {
        await world.messaging.request(endedSubject(runId), toBytes(ended), JOIN_TIMEOUT_MS);
        return;
      } catch {
        await sleep(world.clock, RETRY_MS, useless);
      }
    }
  }

  /** Whoever is told to end by hand lets its processes leave in order; when the run is over there is nothing to keep. */
  async #endAll(gently: boolean): Promise<void> {
    const { say, world } = this.#options;
    const children = [...this.#children.values()];
    if (children.length > 0 && gently) say(`stopping ${children.length} processes`);
    for (const child of children) gently ? child.terminate() : child.kill();
    const timer = setTimeout(() => children.forEach((child) => child.kill()), LEAVE_MS);
    await Promise.all(children.map(({ exited }) => exited));
    clearTimeout(timer);
    for (const paused of this.#paused.values()) await paused[Symbol.asyncDispose]();
    const told = new AbortController();
    const telling = Promise.all(this.#tellings).then(() => told.abort());
    await Promise.race([telling, sleep(world.clock, FAREWELL_MS, told.signal)]);
    this.#over.abort();
  }
}

function abandoned(): PartiError {
  return new PartiError(
    "PARTI_TIMEOUT",
    `the coordinator has not been heard of for ${ABANDONED_MS / 60_000} minutes`,
    { hint: "is it running? Start it again with --resume, and this host after it" },
  );
}
