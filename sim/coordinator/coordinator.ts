/**
 * A run from beginning to end: server, streams, processes, load, chaos, healing, drain, verdict, and nothing left behind.
 *
 * @module
 */
import { type ChaosPlan, planChaos } from "../chaos/chaos_plan.ts";
import { ChaosRunner } from "../chaos/chaos_run.ts";
import { resolveGroup } from "../config/group_check.ts";
import type { IntervalSet } from "../ledger/intervals.ts";
import type { SimConsole } from "../live/status_line.ts";
import type { SimReport } from "../report/report.ts";
import { describeFailed } from "../report/thresholds.ts";
import { Fleet, type Member } from "../run/fleet.ts";
import { Networks } from "../run/networks.ts";
import { type Phase, RunState } from "../run/run_state.ts";
import { pauseFor } from "../run/wait.ts";
import { partitionWeights } from "../seed/weights.ts";
import { EffectsReader } from "../streams/effects_reader.ts";
import { nowUs } from "../streams/message.ts";
import { openInbox } from "../wire/inbox.ts";
import { conclude, type Outcome } from "./conclude.ts";
import { chaosDoubts, loadDoubts } from "./course_check.ts";
import { drain } from "./drain.ts";
import { heal } from "./heal.ts";
import { liveFigures } from "./live_figures.ts";
import { lostSoFar } from "./live_loss.ts";
import { LoadControl } from "./load_control.ts";
import { type Asked, RunFacts } from "./run_facts.ts";
import { RunWatch } from "./run_watch.ts";
import { openStage, type Stage } from "./stage.ts";
import { ThresholdWatch } from "./threshold_watch.ts";
import { warmUp } from "./warm_up.ts";

/** What a run is made from. */
export interface RunOptions extends Asked {
  /** Where it is said. */
  readonly console: SimConsole;
  /** Called once there is a server with the run's streams: until then nothing is run. */
  readonly onBegin: () => void;
  /** Ends the run early. */
  readonly signal: AbortSignal;
}

const MAX_RESTARTS = 10;

/** A run. */
export class Coordinator {
  /** What will go wrong. */
  readonly plan: ChaosPlan;
  readonly #options: RunOptions;
  readonly #facts: RunFacts;
  /** Fires when a threshold ends the run; `signal` of the options fires then, too. */
  readonly #failedEarly = new AbortController();
  readonly #state: RunState;
  #stage!: Stage;
  #fleet!: Fleet;
  #reader!: EffectsReader;
  #loadControl!: LoadControl;
  #chaos!: ChaosRunner;
  #thresholds!: ThresholdWatch;
  #watch!: RunWatch;
  #restarts = 0;

  /** @param options what it is made from */
  constructor(options: RunOptions) {
    const { config, seed, console } = options;
    const signal = AbortSignal.any([options.signal, this.#failedEarly.signal]);
    this.#options = { ...options, signal };
    this.#facts = new RunFacts(options);
    this.plan = planChaos(config, seed);
    const weights = partitionWeights(config.partitions, seed);
    this.#state = new RunState(weights, () => this.#fleet, console);
  }

  /**
   * Runs.
   *
   * @returns the report, and how it went over time
   * @throws {PartiError} if the run cannot begin, or cannot go on
   */
  async run(): Promise<Outcome> {
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
    await this.#thresholds.stop();
    this.#watch.finishSeries();
    if (!this.#aborted) await this.#stopWorkers();
    else if (!this.#failedEarly.signal.aborted) {
      this.#state.doubts.push("the run was interrupted");
    }
    const report = this.#conclude(this.#aborted ? undefined : waiting);
    return { report, series: this.#watch.series };
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
    const group = resolveGroup(config);
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
      maxWorkers: Math.min(config.workers.count * 2, group.workerIdMax - group.workerIdMin + 1),
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
      timing: group,
    });
    this.#state.onStatus = (member) => this.#chaos.onStatus(member);
    this.#thresholds = new ThresholdWatch({
      thresholds: config.thresholds,
      figures: (signal) => this.#liveFigures(signal),
      onFail: (failed) => {
        for (const result of failed) console.log("FAIL", describeFailed(result));
        this.#failedEarly.abort();
      },
    });
    cleanUp.defer(() => this.#thresholds.stop());
    this.#watch = new RunWatch({
      ...{ runId, state: this.#state, fleet: this.#fleet, facts: this.#facts, console },
      durationMs: config.simulation.duration,
      chaos: () => this.#chaos.records.length,
    });
    this.#watch.start();
    cleanUp.defer(() => this.#watch.stop());
  }

  /** Where no network is to fail, nothing lies between a process and the server. */
  #failingNetworks(): Networks | undefined {
    const { server, url } = this.#stage;
    const isAsked = this.plan.events.some(({ type }) => type === "nats_disconnect");
    return isAsked && server !== undefined ? new Networks(url) : undefined;
  }

  async #warmUp(): Promise<void> {
    this.#watch.enter("warm-up");
    this.#facts.startupMs = await warmUp({
      ...this.#options,
      fleet: this.#fleet,
      state: this.#state,
    });
  }

  async #load(): Promise<void> {
    const { config, console, signal } = this.#options;
    this.#watch.enter("load");
    const fromUs = nowUs();
    this.#state.moves.begin(fromUs);
    this.#facts.loadBegins();
    this.#thresholds.start();
    const over = new AbortController();
    const starting = this.#loadControl.keepStarted(over.signal);
    const chaos = this.#chaos.run(over.signal);
    await pauseFor(config.simulation.duration, signal);
    over.abort();
    const untilUs = nowUs();
    const { sent } = this.#state;
    await Promise.all([starting, chaos]);
    await this.#chaos.settle();
    if (this.#aborted) return;
    this.#checkCourse({ fromUs, untilUs }, sent);
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
    this.#watch.enter("heal");
    const patienceMs = this.#patienceMs;
    await heal({ ...this.#options, fleet: this.#fleet, state: this.#state, patienceMs });
  }

  async #finishProducers(): Promise<void> {
    this.#watch.enter("finish");
    await this.#loadControl.finish();
    // They go on during the healing, so that it happens under load.
    this.#facts.loadEnds();
  }

  #drain(): Promise<Map<number, IntervalSet>> {
    this.#watch.enter("drain");
    return drain({
      stage: this.#stage,
      reader: this.#reader,
      doubts: this.#state.doubts,
      patienceMs: this.#patienceMs,
      signal: this.#options.signal,
    });
  }

  async #stopWorkers(): Promise<void> {
    this.#watch.enter("stop");
    this.#state.ending(nowUs());
    for (const { process } of await this.#fleet.end("leave")) {
      this.#state.incidents.push(`${process} did not leave when asked to`);
    }
  }

  async #liveFigures(signal: AbortSignal): Promise<object> {
    const { ledger } = this.#state;
    const lost = await lostSoFar({ ledger, stage: this.#stage, reader: this.#reader, signal });
    const { loadMs } = this.#facts;
    const run = this.#facts.tell(this.#serverVersion);
    return liveFigures({ run, state: this.#state, loadMs, lost });
  }

  #conclude(waiting: Map<number, IntervalSet> | undefined): SimReport {
    const { config } = this.#options;
    if (this.#reader.missed > 0) {
      this.#state.doubts.push(`${this.#reader.missed} effects were gone before they were read`);
    }
    return conclude({
      run: this.#facts.tell(this.#serverVersion),
      strategy: config.workers.assignment_strategy,
      thresholds: config.thresholds,
      endedBy: this.#thresholds.failed,
      loadMs: this.#facts.loadMs,
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
    this.#state.owners.letGo(member.process, member.status?.owned ?? [], nowUs());
    if (this.#watch.phase === "warm-up") return;
    if (++this.#restarts <= MAX_RESTARTS) this.#fleet.spawn(member.role, member.index);
  }
}
