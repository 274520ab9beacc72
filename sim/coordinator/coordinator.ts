/**
 * A run from beginning to end: server, streams, processes, load, chaos, healing, drain, verdict, and nothing left behind.
 *
 * @module
 */
import { type ChaosPlan, planChaos } from "../chaos/chaos_plan.ts";
import { ChaosRunner } from "../chaos/chaos_run.ts";
import { Checkpoints } from "../checkpoint/checkpoints.ts";
import { resolveGroup } from "../config/group_check.ts";
import type { ProcessEnd } from "../host/host.ts";
import { LocalHost } from "../host/local_host.ts";
import { RemoteHosts } from "../host/remote_hosts.ts";
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
import type { RunAccess } from "../wire/access.ts";
import { type Inbox, openInbox } from "../wire/inbox.ts";
import { conclude } from "./conclude.ts";
import { chaosDoubts, loadDoubts } from "./course_check.ts";
import { drain } from "./drain.ts";
import { gather } from "./gather.ts";
import { heal } from "./heal.ts";
import { liveFigures } from "./live_figures.ts";
import { lostSoFar } from "./live_loss.ts";
import { LoadControl } from "./load_control.ts";
import {
  loadRun,
  type RunCheckpoint,
  type RunParts,
  saveRun,
  workersOf,
} from "./run_checkpoint.ts";
import { type Asked, RunFacts } from "./run_facts.ts";
import { openStage, type Stage } from "./stage.ts";
import { ThresholdWatch } from "./threshold_watch.ts";
import { warmUp } from "./warm_up.ts";

/** What a run is made from. */
export interface RunOptions extends Asked {
  /** Who it is to the servers. */
  readonly access: RunAccess;
  /** Where it is said. */
  readonly console: SimConsole;
  /** The folder for the report. */
  readonly out: string;
  /** The folder for checkpoints and the server's store; the run writes none if left out. */
  readonly checkpointFolder?: string | undefined;
  /** The run as it was, if it is to go on from there. */
  readonly resumed?: RunCheckpoint | undefined;
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
  #inbox!: Inbox;
  #hosts: RemoteHosts | undefined;
  #checkpoints: Checkpoints | undefined;
  #loadFromUs = 0;
  #phase = "start";
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
   * @returns the report
   * @throws {PartiError} if the run cannot begin, or cannot go on
   */
  async run(): Promise<SimReport> {
    await using cleanUp = new AsyncDisposableStack();
    const { config, seed, runId, access, console } = this.#options;
    const storeDir = this.#storeDir;
    const stage = await openStage(config, seed, runId, access.coordinator, storeDir);
    this.#stage = cleanUp.use(stage);
    this.#options.onBegin();
    console.log(
      "INFO",
      `Using nats-server ${this.#serverVersion} at ${this.#stage.urls.join(", ")}`,
    );
    this.#prepare(cleanUp);
    this.#resume();
    await this.#warmUp();
    if (!this.#aborted) await this.#load();
    if (!this.#aborted) await this.#heal();
    if (!this.#aborted) await this.#finishProducers();
    const waiting = this.#aborted ? undefined : await this.#drain();
    await this.#thresholds.stop();
    if (!this.#aborted) await this.#stopWorkers();
    else if (!this.#failedEarly.signal.aborted) {
      this.#state.doubts.push("the run was interrupted");
    }
    return this.#conclude(this.#aborted ? undefined : waiting);
  }

  get #storeDir(): string | undefined {
    const { checkpointFolder } = this.#options;
    return checkpointFolder === undefined ? undefined : `${checkpointFolder}/store`;
  }

  /** Everything that was known is known again, before anybody is started. */
  #resume(): void {
    const { resumed } = this.#options;
    if (resumed !== undefined) {
      loadRun(this.#parts, resumed);
      this.#state.outage(resumed.savedUs, Number.POSITIVE_INFINITY);
    }
    this.#reader.start();
  }

  get #parts(): RunParts {
    return {
      facts: this.#facts,
      state: this.#state,
      fleet: this.#fleet,
      chaos: this.#chaos,
      reader: this.#reader,
      inbox: this.#inbox,
    };
  }

  #checkpoint(): RunCheckpoint {
    const { config, configFile, seed, runId, fault, out } = this.#options;
    const serverPids = this.#stage.server?.pids ?? [];
    return {
      asked: { config, configFile, seed, runId, ...(fault && { fault }) },
      out,
      loadFromUs: this.#loadFromUs,
      serverPids,
      ...saveRun(this.#parts),
    };
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
    const maxWorkers = Math.min(
      config.workers.count * 2,
      group.workerIdMax - group.workerIdMin + 1,
    );
    const local = new LocalHost(this.#options.access);
    const hosts = this.#hosts = this.#remoteHosts(maxWorkers);
    if (hosts !== undefined) cleanUp.use(hosts);
    const networks = this.#failingNetworks();
    if (networks !== undefined) cleanUp.use(networks);
    this.#fleet = new Fleet({
      spec: {
        runId,
        seed,
        natsUrl: this.#stage.urls.join(","),
        config,
        topology: this.#stage.topology,
        ...(fault === undefined ? {} : { fault }),
      },
      natsUrlOf: networks && ((name) => networks.urlOf(name)),
      hostOf: (role, index) => hosts === undefined ? local : hosts.hostOf(role, index),
      maxWorkers,
      onUnexpectedExit: (member, status) => this.#unexpectedExit(member, status),
    });
    cleanUp.defer(async () => void await this.#fleet.end("kill"));
    const inbox = this.#inbox = openInbox(this.#stage.world.messaging, runId, {
      report: (process, report) => this.#state.takeReport(process, report),
      begun: (...what) => this.#state.ledger.begun(...what),
    });
    cleanUp.defer(() => inbox.close());
    const { effectStream } = this.#stage.topology;
    this.#reader = new EffectsReader(this.#stage.nc, effectStream, (...effect) => {
      this.#state.takeEffect(...effect);
    });
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
      cluster: this.#stage.cluster,
      feedStream: this.#stage.topology.feedStream,
      networks,
      minWorkers: Math.max(2, Math.ceil(config.workers.count / 2)),
      timing: group,
      onRecord: () => this.#checkpoints?.soon(),
    });
    this.#writeCheckpoints(cleanUp);
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
    const ticker = setInterval(() => this.#showStatus(), STATUS_INTERVAL_MS);
    cleanUp.defer(() => clearInterval(ticker));
  }

  #writeCheckpoints(cleanUp: AsyncDisposableStack): void {
    const { config, checkpointFolder: folder, console } = this.#options;
    if (folder === undefined) return;
    const { interval: intervalMs, keep } = config.checkpointing;
    this.#checkpoints = cleanUp.use(
      new Checkpoints({
        ...{ folder, intervalMs, keep },
        take: () => this.#checkpoint(),
        onTrouble: (message) => console.log("WARN", message),
      }),
    );
  }

  /** Where processes are started by hand, their hosts come to us. */
  #remoteHosts(maxWorkers: number): RemoteHosts | undefined {
    const { config, runId, console } = this.#options;
    if (config.simulation.mode !== "coordinator") return undefined;
    return new RemoteHosts({
      messaging: this.#stage.world.messaging,
      simulation: config.simulation.name,
      runId,
      slots: { worker: maxWorkers, producer: config.producers.count },
      onJoin: ({ role, indexes }) => {
        console.log(
          "INFO",
          `A host has come for ${indexes.map((at) => `${role}-${at}`).join(", ")}`,
        );
      },
    });
  }

  /** Where no network is to fail, nothing lies between a process and the server. */
  #failingNetworks(): Networks | undefined {
    const { server, urls } = this.#stage;
    const isAsked = this.plan.events.some(({ type }) => type === "nats_disconnect");
    const areOurs = server !== undefined && this.#hosts === undefined;
    return isAsked && areOurs ? new Networks(urls) : undefined;
  }

  async #warmUp(): Promise<void> {
    this.#phase = "warm-up";
    const { resumed, config } = this.#options;
    if (this.#hosts !== undefined) {
      const counts = { worker: config.workers.count, producer: config.producers.count };
      await gather({ ...this.#options, hosts: this.#hosts, counts });
    }
    if (this.#aborted) return;
    const startupMs = await warmUp({
      ...this.#options,
      fleet: this.#fleet,
      state: this.#state,
      workers: resumed && workersOf(resumed, config.workers.count),
    });
    if (resumed === undefined) this.#facts.startupMs = startupMs;
    else this.#state.outage(resumed.savedUs, nowUs());
  }

  async #load(): Promise<void> {
    const { config, console, signal } = this.#options;
    this.#phase = "load";
    const { loadMs } = this.#facts;
    this.#state.moves.begin(nowUs());
    this.#loadFromUs = this.#options.resumed?.loadFromUs ?? nowUs();
    this.#facts.loadBegins();
    this.#checkpoints?.start();
    this.#thresholds.start();
    const over = new AbortController();
    const starting = this.#loadControl.keepStarted(over.signal);
    const chaos = this.#chaos.run(over.signal, loadMs);
    await pauseFor(config.simulation.duration - loadMs, signal);
    over.abort();
    const untilUs = nowUs();
    const { sent } = this.#state;
    await Promise.all([starting, chaos]);
    await this.#chaos.settle();
    if (this.#aborted) return;
    this.#checkpoints?.soon();
    this.#checkCourse({ fromUs: this.#loadFromUs, untilUs }, sent);
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
    this.#facts.loadEnds();
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
    for (const { process, output } of await this.#fleet.end("leave")) {
      const words = output.slice(-3).join(" | ");
      this.#state.incidents.push(`${process} did not leave when asked to: ${words}`);
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

  #unexpectedExit(member: Member, { code, signal }: ProcessEnd): void {
    if (this.#aborted) return;
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    const words = member.output.slice(-3).join(" | ");
    this.#state.incidents.push(`${member.process} ended by itself ${how}: ${words}`);
    this.#options.console.log("WARN", `${member.process} ended by itself ${how}: ${words}`);
    if (this.#phase === "warm-up") return;
    if (++this.#restarts <= MAX_RESTARTS) this.#fleet.spawn(member.role, member.index);
  }

  #showStatus(): void {
    this.#facts.machineLoad.sample();
    const { config, console } = this.#options;
    console.status({
      phase: this.#phase,
      elapsedMs: Math.min(this.#facts.loadMs, config.simulation.duration),
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
