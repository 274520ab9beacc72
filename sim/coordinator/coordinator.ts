/**
 * A run from beginning to end: server, streams, processes, load, chaos, healing, drain, verdict, and nothing left behind.
 *
 * @module
 */
import { type ChaosPlan, planChaos } from "../chaos/chaos_plan.ts";
import { ChaosRunner } from "../chaos/chaos_run.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import { resolveGroup } from "../config/group_check.ts";
import type { Fault } from "../fault/fault.ts";
import type { IntervalSet } from "../ledger/intervals.ts";
import type { SimConsole } from "../live/status_line.ts";
import { MachineLoad } from "../measure/machine_load.ts";
import type { SimReport } from "../report/report.ts";
import { Fleet, type Member } from "../run/fleet.ts";
import { Networks } from "../run/networks.ts";
import { type Phase, RunState } from "../run/run_state.ts";
import { pauseFor } from "../run/wait.ts";
import { partitionWeights } from "../seed/weights.ts";
import { EffectsReader } from "../streams/effects_reader.ts";
import { nowUs } from "../streams/message.ts";
import { openInbox } from "../wire/inbox.ts";
import { conclude } from "./conclude.ts";
import { chaosDoubts, loadDoubts } from "./course_check.ts";
import { drain } from "./drain.ts";
import { heal } from "./heal.ts";
import { LoadControl } from "./load_control.ts";
import { openStage, type Stage } from "./stage.ts";
import { warmUp } from "./warm_up.ts";

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
  /** Called once there is a server with the run's streams: until then nothing is run. */
  readonly onBegin: () => void;
  /** Ends the run early. */
  readonly signal: AbortSignal;
}

const STATUS_INTERVAL_MS = 500;
const MAX_RESTARTS = 10;

/** A run. */
export class Coordinator {
  /** What will go wrong. */
  readonly plan: ChaosPlan;
  readonly #options: RunOptions;
  readonly #startedAt = new Date();
  readonly #startMs = performance.now();
  readonly #machineLoad = new MachineLoad();
  readonly #state: RunState;
  #stage!: Stage;
  #fleet!: Fleet;
  #reader!: EffectsReader;
  #loadControl!: LoadControl;
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
    const weights = partitionWeights(config.partitions, seed);
    this.#state = new RunState(weights, () => this.#fleet, console);
  }

  /**
   * Runs.
   *
   * @returns the report
   * @throws {PartiError} if the run cannot begin, or cannot go on
   */
  async run(): Promise<SimReport> {
    await using cleanUp = new AsyncDisposableStack();
    const { config, seed, runId, console } = this.#options;
    this.#stage = cleanUp.use(await openStage(config, seed, runId));
    this.#options.onBegin();
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
    const { config, runId, seed, fault, console, signal } = this.#options;
    const { workerIdMin, workerIdMax } = resolveGroup(config);
    const networks = this.#failingNetworks();
    if (networks !== undefined) cleanUp.use(networks);
    this.#fleet = new Fleet({
      spec: {
        runId,
        seed,
        natsUrl: this.#stage.url,
        config,
        topology: this.#stage.topology,
        ...(fault === undefined ? {} : { fault }),
      },
      natsUrlOf: networks && ((name) => networks.urlOf(name)),
      maxWorkers: Math.min(config.workers.count * 2, workerIdMax - workerIdMin + 1),
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
    this.#loadControl = new LoadControl({
      fleet: this.#fleet,
      messaging: this.#stage.world.messaging,
      runId,
      doubts: this.#state.doubts,
      patienceMs: this.#patienceMs,
      signal,
    });
    this.#chaos = new ChaosRunner({
      plan: this.plan,
      runId,
      fleet: this.#fleet,
      state: this.#state,
      messaging: this.#stage.world.messaging,
      console,
      server: this.#stage.server,
      networks,
      minWorkers: Math.max(2, Math.ceil(config.workers.count / 2)),
    });
    this.#state.onStatus = (member) => this.#chaos.onStatus(member);
    const ticker = setInterval(() => this.#showStatus(), STATUS_INTERVAL_MS);
    cleanUp.defer(() => clearInterval(ticker));
  }

  /** Where no network is to fail, nothing lies between a process and the server. */
  #failingNetworks(): Networks | undefined {
    const { server, url } = this.#stage;
    const isAsked = this.plan.events.some(({ type }) => type === "nats_disconnect");
    return isAsked && server !== undefined ? new Networks(url) : undefined;
  }

  async #warmUp(): Promise<void> {
    this.#phase = "warm-up";
    this.#startupMs = await warmUp({ ...this.#options, fleet: this.#fleet, state: this.#state });
  }

  async #load(): Promise<void> {
    const { config, console, signal } = this.#options;
    this.#phase = "load";
    const fromUs = nowUs();
    this.#state.moves.begin(fromUs);
    this.#loadStartMs = performance.now();
    const over = new AbortController();
    const starting = this.#loadControl.keepStarted(over.signal);
    const chaos = this.#chaos.run(over.signal);
    await pauseFor(config.simulation.duration, signal);
    over.abort();
    const untilUs = nowUs();
    const { sent } = this.#state;
    await Promise.all([starting, chaos]);
    await this.#chaos.settle();
    if (!this.#aborted) this.#checkCourse({ fromUs, untilUs }, sent);
    console.log("INFO", "Chaos is over; healing");
  }

  #checkCourse(phase: Phase, sent: number): void {
    const { outages, doubts } = this.#state;
    const producers = this.#fleet.members.filter(({ role }) => role === "producer");
    doubts.push(
      ...loadDoubts({ ...this.#options, phase, sent, producers, outages }),
      ...chaosDoubts(this.plan.events, this.#chaos.records),
    );
  }

  async #heal(): Promise<void> {
    this.#phase = "heal";
    const patienceMs = this.#patienceMs;
    await heal({ ...this.#options, fleet: this.#fleet, state: this.#state, patienceMs });
  }

  async #finishProducers(): Promise<void> {
    this.#phase = "finish";
    await this.#loadControl.finish();
    // They go on during the healing, so that it happens under load.
    this.#loadMs = performance.now() - this.#loadStartMs;
  }

  #drain(): Promise<Map<number, IntervalSet>> {
    this.#phase = "drain";
    return drain({
      stage: this.#stage,
      reader: this.#reader,
      doubts: this.#state.doubts,
      patienceMs: this.#patienceMs,
      signal: this.#options.signal,
    });
  }

  async #stopWorkers(): Promise<void> {
    this.#phase = "stop";
    this.#state.ending(nowUs());
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
        machine: this.#machineLoad.machine,
        partitions: config.partitions.count,
        startup: { workers: config.workers.count, allStableMs: this.#startupMs },
      },
      strategy: config.workers.assignment_strategy,
      thresholds: config.thresholds,
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

  #showStatus(): void {
    this.#machineLoad.sample();
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
