/**
 * A process of a host that was started by hand, as the coordinator has it: what it is told is sent until it is answered.
 *
 * @module
 */
import { describeError, isPartiError, OUTAGE_CODES, PartiError } from "../../lib/errors.ts";
import { sleep } from "../../lib/ports/clock.ts";
import { systemClock } from "../../lib/ports/nats/clock.ts";
import { systemRandom } from "../../lib/ports/nats/random.ts";
import { backoffMs, jitter } from "../../lib/ports/random.ts";
import { formatDuration } from "../config/units.ts";
import type { HostCommand, Signal, SignalAnswer, Spawned } from "../wire/host_wire.ts";
import { type ChildSpec, fromBytes, type Role } from "../wire/wire.ts";
import type { HostedProcess, ProcessEnd } from "./host.ts";

/** What it needs. */
export interface RemoteProcessOptions {
  /** Its host. */
  readonly host: string;
  /** Its name and incarnation. */
  readonly name: string;
  /** The life of the coordinator that wants it: its host keeps none of an earlier one. */
  readonly life: string;
  /** Tells its host something, once. */
  readonly command: (command: HostCommand) => Promise<Uint8Array>;
  /** How long it is told something that is not answered; then it counts as ended, in milliseconds. */
  readonly patienceMs: number;
  /** Told what could not be brought about. */
  readonly onIncident: (incident: string) => void;
  /** Fires when nobody wants anything of it any more. */
  readonly signal: AbortSignal;
}

const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 1_000;

/** A process of a host. */
export class RemoteProcess implements HostedProcess {
  /** Its host. */
  readonly host: string;
  /** The last lines it wrote, once it has ended. */
  readonly output: string[] = [];
  /** The operating system's number; 0 until it is known. */
  pid = 0;
  readonly #options: RemoteProcessOptions;
  readonly #end = Promise.withResolvers<ProcessEnd>();
  readonly #ended = new AbortController();
  /** Fires when nothing is to be told any more. */
  readonly #over: AbortSignal;
  /** One order at a time: a kill that overtook the start would kill nobody. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param options what it needs */
  constructor(options: RemoteProcessOptions) {
    this.#options = options;
    this.host = options.host;
    this.#over = AbortSignal.any([options.signal, this.#ended.signal]);
  }

  /** Its end, however it comes. */
  get exited(): Promise<ProcessEnd> {
    return this.#end.promise;
  }

  /**
   * Has its host start it.
   *
   * @param role what it does
   * @param spec what it needs to know
   */
  async start(role: Role, spec: ChildSpec): Promise<void> {
    const answer = await this.#order("start", {
      ...{ command: "spawn", role, spec },
      life: this.#options.life,
    });
    if (answer !== undefined) this.pid = fromBytes<Spawned>(answer).pid;
  }

  /**
   * It has ended.
   *
   * @param end how
   * @param output the last lines it wrote
   */
  end({ code, signal }: ProcessEnd, output: readonly string[]): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.output.push(...output);
    this.#end.resolve({ code, signal });
  }

  /** Kills it (SIGKILL). */
  kill(): void {
    this.#tell("kill");
  }

  /** Asks it to end (SIGTERM). */
  terminate(): void {
    this.#tell("terminate");
  }

  /** Stops it where it is (SIGSTOP). */
  async pause(): Promise<AsyncDisposable> {
    await this.#signal("pause");
    return { [Symbol.asyncDispose]: () => this.#signal("resume") };
  }

  /** Nobody waits for what comes of it. */
  #tell(signal: Signal): void {
    this.#signal(signal).catch((error) => this.#options.onIncident(describeError(error)));
  }

  async #signal(signal: Signal): Promise<void> {
    const { name } = this.#options;
    const bytes = await this.#order(signal, { command: "signal", process: name, signal });
    const answer = bytes && fromBytes<SignalAnswer>(bytes);
    if (answer === undefined || answer === "done") return;
    throw new PartiError("PARTI_REFUSED", `${name} could not ${signal}: ${answer.failed}`);
  }

  /**
   * Sends an order until it is answered. Servers are killed on purpose, and an order that is lost is never made good: a process that was
   * stopped would stand still for ever, and one that was to be killed would be waited for.
   *
   * @returns the answer; undefined if the process has ended before
   */
  #order(what: Signal | "start", command: HostCommand): Promise<Uint8Array | undefined> {
    const order = this.#turn.then(() => this.#insist(what, command));
    this.#turn = order;
    return order;
  }

  async #insist(what: Signal | "start", command: HostCommand): Promise<Uint8Array | undefined> {
    const { patienceMs } = this.#options;
    const deadlineMs = performance.now() + patienceMs;
    for (let failures = 0; !this.#over.aborted; failures++) {
      try {
        return await this.#options.command(command);
      } catch (error) {
        const isOutage = isPartiError(error, ...OUTAGE_CODES);
        if (!isOutage || performance.now() >= deadlineMs) return this.#lose(what, error, isOutage);
        await sleep(
          systemClock,
          jitter(systemRandom, backoffMs(RETRY_FIRST_MS, failures, RETRY_MAX_MS)),
          this.#over,
        );
      }
    }
    return undefined;
  }

  /** Nobody knows what has become of it: whoever waits for its end, or for it to go on, waits no longer. */
  #lose(what: Signal | "start", error: unknown, isOutage: boolean): undefined {
    if (this.#over.aborted) return;
    const { name, patienceMs, onIncident } = this.#options;
    const tried = isOutage ? `, tried for ${formatDuration(patienceMs)}` : "";
    const incident = `the host of ${name} could not be told to ${what} it${tried}: ` +
      describeError(error);
    onIncident(incident);
    this.end({ code: 1, signal: null }, [incident]);
  }
}
