/**
 * A run from beginning to end: server, streams, processes, load, chaos, healing, drain, verdict, and nothing left behind.
 *
 * @module
 */
import { PartiError } from "../lib/errors.ts";
import { type ChaosPlan, planChaos } from "./chaos_plan.ts";
import { ChaosRunner } from "./chaos_run.ts";
import { conclude } from "./conclude.ts";
import type { SimulationConfig } from "./config_schema.ts";
import { EffectsReader, readRemaining } from "./effects_reader.ts";
import type { Fault } from "./fault.ts";
import { Fleet, type Member } from "./fleet.ts";
import { openInbox } from "./inbox.ts";
import { IntervalSet } from "./intervals.ts";
import { decodeMessage } from "./message.ts";
import type { SimReport } from "./report.ts";
import { command, RunState } from "./run_state.ts";
import { openStage, type Stage } from "./stage.ts";
import type { SimConsole } from "./status_line.ts";

/** What a run is made from. */
export interface RunOptions {
  /** The checked configuration. */
  readonly config: SimulationConfig;
  /** Its file, for the report. */
  readonly configFile: string;
  /** The seed. */
  readonly seed: number;
  /** The run's ID. */
  readonly runId: string;
  /** A defect to plant. */
  readonly fault: Fault | undefined;
  /** Where it is said. */
  readonly console: SimConsole;
  /** Ends the run early. */
  readonly signal: AbortSignal;
}

const WARM_UP_MS = 60_000;
const STATUS_INTERVAL_MS = 500;
const POLL_MS = 50;
const MAX_REMAINING = 100_000;
const MAX_RESTARTS = 10;

/** A run. */
export class Coordinator {
  /** What will go wrong. */
  readonly plan: ChaosPlan;
  readonly #options: RunOptions;
  readonly #startedAt = new Date();
  readonly #startMs = performance.now();
  readonly #loadAverage = loadAverage();
  readonly #state: RunState;
  #stage!: Stage;
  #fleet!: Fleet;
  #reader!: EffectsReader;
  #chaos!: ChaosRunner;
  #phase = "start";
  #loadStartMs = 0;
  #loadMs = 0;
  #startupMs: number | null = null;
  #restarts = 0;

  /** @param options what it is made from */
  constructor(options: RunOptions) {
    const { config, seed, console } = options;
    this.#options = options;
    this.plan = planChaos(config, seed);
    this.#state = new RunState(config.partitions.count, () => this.#fleet, console);
  }

  /**
   * Runs.
   *
   * @returns the report
   * @throws {PartiError} if the run cannot begin
   */
  async run(): Promise<SimReport> {
    await using cleanUp = new AsyncDisposableStack();
    const { config, seed, runId, console } = this.#options;
    this.#stage = cleanUp.use(await openStage(config, seed, runId));
    console.log("INFO", `Using nats-server ${this.#serverVersion} at ${this.#stage.url}`);
    this.#prepare(cleanUp);
    await this.#warmUp();
    if (!this.#aborted) await this.#load();
    if (!this.#aborted) await this.#heal();
    if (!this.#aborted) await this.#finishProducers();
    const waiting = this.#aborted ? undefined : await this.#drain();
    if (this.#aborted) this.#state.doubts.push("the run was interrupted");
    else await this.#stopWorkers();
    return this.#conclude(this.#aborted ? undefined : waiting);
  }

  get #serverVersion(): string {
    return this.#stage.nc.info?.version ?? "";
  }

  get #aborted(): boolean {
    return this.#options.signal.aborted;
  }

  get #patienceMs(): number {
    return this.#options.config.coordinator.validation_window;
  }

  #prepare(cleanUp: AsyncDisposableStack): void {
    const { config, runId, seed, fault, console } = this.#options;
    const { worker_id_min: min = 0, worker_id_max: max = Number.POSITIVE_INFINITY } =
      config.workers.group;
    this.#fleet = new Fleet({
      spec: {
        runId,
        seed,
        natsUrl: this.#stage.url,
        config,
        topology: this.#stage.topology,
        ...(fault === undefined ? {} : { fault }),
      },
      maxWorkers: Math.min(config.workers.count * 2, max - min + 1),
      onUnexpectedExit: (member, status) => this.#unexpectedExit(member, status),
    });
    cleanUp.defer(async () => void await this.#fleet.end("kill"));
    const inbox = openInbox(this.#stage.world.messaging, runId, {
      report: (process, report) => this.#state.takeReport(process, report),
      begun: (...what) => this.#state.ledger.begun(...what),
    });
    cleanUp.defer(() => inbox.close());
    const { effectStream } = this.#stage.topology;
    this.#reader = new EffectsReader(this.#stage.nc, effectStream, (...effect) => {
      this.#state.takeEffect(...effect);
    });
    this.#reader.start();
    cleanUp.defer(() => this.#reader.stop());
    this.#chaos = new ChaosRunner({
      plan: this.plan,
      runId,
      fleet: this.#fleet,
      state: this.#state,
      messaging: this.#stage.world.messaging,
      console,
      server: this.#stage.server,
      minWorkers: Math.max(2, Math.ceil(config.workers.count / 2)),
    });
    this.#state.onStatus = (member) => this.#chaos.onStatus(member);
    const ticker = setInterval(() => this.#showStatus(), STATUS_INTERVAL_MS);
    cleanUp.defer(() => clearInterval(ticker));
  }

  async #warmUp(): Promise<void> {
    const { config, console } = this.#options;
    this.#phase = "warm-up";
    for (let index = 0; index < config.workers.count; index++) this.#fleet.spawn("worker", index);
    for (let index = 0; index < config.producers.count; index++) {
      this.#fleet.spawn("producer", index);
    }
    console.log("INFO", `Started ${config.producers.count} producers`);
    console.log("INFO", `Started ${config.workers.count} workers`);
    const ready = await this.#until(WARM_UP_MS, () => {
      // Whoever fails now fails again: there is no point in waiting.
      if (this.#state.incidents.length > 0) return undefined;
      const producers = this.#fleet.running("producer");
      if (producers.some(({ readyUs }) => readyUs === undefined)) return "a producer is not ready";
      return this.#state.disorder;
    });
    const [incident] = this.#state.incidents;
    if (incident !== undefined) {
      throw new PartiError("PARTI_STARTUP_TIMEOUT", `the group did not come up: ${incident}`);
    }
    if (this.#aborted) return;
    this.#startupMs = this.#state.startupMs;
    if (ready !== undefined) {
      throw new PartiError("PARTI_STARTUP_TIMEOUT", `the group did not come up: ${ready}`, {
        hint: this.#lastWords(),
      });
    }
    console.log("INFO", `All workers are Stable after ${this.#startupMs}ms`);
  }

  async #load(): Promise<void> {
    const { config, console, signal } = this.#options;
    this.#phase = "load";
    this.#loadStartMs = performance.now();
    const load = AbortSignal.any([signal, AbortSignal.timeout(config.simulation.duration)]);
    const starting = this.#keepProducersStarted(load);
    const chaos = this.#chaos.run(load);
    await new Promise<void>((resolve) => load.addEventListener("abort", () => resolve()));
    await Promise.all([starting, chaos]);
    await this.#chaos.settle();
    console.log("INFO", "Chaos is over; healing");
  }

  /** Producers that were killed come back as new processes and have to be told to start, too. */
  async #keepProducersStarted(signal: AbortSignal): Promise<void> {
    const started = new Set<string>();
    while (!signal.aborted) {
      for (const producer of this.#fleet.running("producer")) {
        if (producer.readyUs === undefined || started.has(producer.process)) continue;
        if (await this.#tell(producer, "start", 2_000)) started.add(producer.process);
      }
      await pauseFor(POLL_MS);
    }
  }

  async #heal(): Promise<void> {
    this.#phase = "heal";
    const disorder = await this.#until(this.#patienceMs, () => this.#state.disorder);
    if (disorder === undefined || this.#aborted) return;
    this.#state.incidents.push(`the group did not heal within its validation window: ${disorder}`);
  }

  async #finishProducers(): Promise<void> {
    this.#phase = "finish";
    const producers = this.#fleet.running("producer");
    // One that was started again a moment ago has to be ready before it can tell what was sent.
    await this.#until(this.#patienceMs, () => {
      return producers.every(({ readyUs }) => readyUs !== undefined) ? undefined : "not ready";
    });
    await Promise.all(producers.map(async (producer) => {
      if (await this.#tell(producer, "finish", this.#patienceMs)) {
        producer.phase = "leaving";
        await producer.exited;
      } else {
        this.#state.doubts.push(`${producer.process} could not tell what it has sent`);
      }
    }));
    // They go on during the healing, so that it happens under load.
    this.#loadMs = performance.now() - this.#loadStartMs;
  }

  /** Waits until the feed is empty, as long as there is progress; returns what is left in it. */
  async #drain(): Promise<Map<number, IntervalSet>> {
    this.#phase = "drain";
    const { feed } = this.#stage.world;
    const { feedStream, effectStream } = this.#stage.topology;
    let deadlineMs = performance.now() + this.#patienceMs;
    let least = Number.POSITIVE_INFINITY;
    let left = Number.POSITIVE_INFINITY;
    while (!this.#aborted && left > 0 && performance.now() < deadlineMs) {
      await pauseFor(POLL_MS);
      left = await feed.streamInfo(feedStream).then(({ messages }) => messages, () => left);
      if (left < least) deadlineMs = performance.now() + this.#patienceMs;
      least = Math.min(least, left);
    }
    // An effect is stored before its message is acknowledged: once the feed is empty no effect is to come.
    const { lastSequence } = await feed.streamInfo(effectStream);
    const behind = await this.#until(this.#patienceMs, () => {
      return this.#reader.last >= lastSequence ? undefined : "behind";
    });
    if (behind !== undefined) this.#state.doubts.push("the effects could not all be read");
    return await this.#remaining();
  }

  async #remaining(): Promise<Map<number, IntervalSet>> {
    const { nc, topology } = this.#stage;
    const waiting = new Map<number, IntervalSet>();
    const all = await readRemaining(nc, topology.feedStream, MAX_REMAINING, (data) => {
      const { partitionId, partitionSequence } = decodeMessage(data);
      const set = waiting.get(partitionId) ?? new IntervalSet();
      set.add(partitionSequence);
      waiting.set(partitionId, set);
    });
    if (!all) this.#state.doubts.push(`more than ${MAX_REMAINING} messages are left in the feed`);
    return waiting;
  }

  async #stopWorkers(): Promise<void> {
    this.#phase = "stop";
    for (const { process } of await this.#fleet.end("leave")) {
      this.#state.incidents.push(`${process} did not leave when asked to`);
    }
  }

  #conclude(waiting: Map<number, IntervalSet> | undefined): SimReport {
    const { config, configFile, runId, seed, fault } = this.#options;
    if (this.#reader.missed > 0) {
      this.#state.doubts.push(`${this.#reader.missed} effects were gone before they were read`);
    }
    return conclude({
      run: {
        runId,
        seed,
        configFile,
        fault: fault?.kind ?? null,
        startedAt: this.#startedAt.toISOString(),
        durationMs: Math.round(performance.now() - this.#startMs),
        natsServerVersion: this.#serverVersion,
        machine: {
          cpus: navigator.hardwareConcurrency,
          loadAverageBefore: this.#loadAverage,
          loadAverageAfter: loadAverage(),
        },
        partitions: config.partitions.count,
        startup: { workers: config.workers.count, allStableMs: this.#startupMs },
      },
      loadMs: this.#loadMs,
      state: this.#state,
      fleet: this.#fleet,
      chaos: this.#chaos.records,
      waiting,
    });
  }

  #unexpectedExit(member: Member, { code, signal }: Deno.CommandStatus): void {
    if (this.#aborted) return;
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    const words = member.output.slice(-3).join(" | ");
    this.#state.incidents.push(`${member.process} ended by itself ${how}: ${words}`);
    this.#options.console.log("WARN", `${member.process} ended by itself ${how}: ${words}`);
    if (this.#phase === "warm-up") return;
    if (++this.#restarts <= MAX_RESTARTS) this.#fleet.spawn(member.role, member.index);
  }

  #lastWords(): string {
    const lines = this.#fleet.members.flatMap(({ process, output }) => {
      return output.slice(-2).map((line) => `${process}: ${line}`);
    });
    return lines.length === 0 ? "no process said anything" : lines.slice(0, 10).join("\n");
  }

  async #tell(member: Member, name: "start" | "finish", timeoutMs: number): Promise<boolean> {
    try {
      await command(this.#stage.world.messaging, this.#options.runId, member, name, timeoutMs);
      return true;
    } catch {
      return false;
    }
  }

  /** Waits until nothing is amiss; returns what still is after that time, or when the run is interrupted. */
  async #until(timeoutMs: number, amiss: () => string | undefined): Promise<string | undefined> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const found = amiss();
      if (found === undefined || this.#aborted || performance.now() >= deadlineMs) return found;
      await pauseFor(POLL_MS);
    }
  }

  #showStatus(): void {
    const { config, console } = this.#options;
    const load = this.#loadStartMs === 0 ? 0 : performance.now() - this.#loadStartMs;
    console.status({
      phase: this.#phase,
      elapsedMs: Math.min(load, config.simulation.duration),
      durationMs: config.simulation.duration,
      sent: this.#state.sent,
      effective: this.#state.effective,
      stable: this.#state.stable.length,
      workers: this.#fleet.running("worker").length,
      chaos: this.#chaos.records.length,
      defects: this.#state.defects,
    });
  }
}

function pauseFor(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** Of the last minute, to a tenth. */
function loadAverage(): number {
  return Math.round(Deno.loadavg()[0]! * 10) / 10;
}
