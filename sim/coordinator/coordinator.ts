/**
 * A run from beginning to end: server, streams, processes, load, chaos, healing, drain, verdict, and nothing left behind.
 *
 * @module
 */
import { type ChaosPlan, networksFail, planChaos } from "../chaos/chaos_plan.ts";
import { ChaosRunner } from "../chaos/chaos_run.ts";
import { Checkpoints } from "../checkpoint/checkpoints.ts";
import { Journal, readJournal } from "../checkpoint/journal.ts";
import { storeIn } from "../checkpoint/run_folder.ts";
import { changesPartitions } from "../config/config_rules.ts";
import { resolveGroup } from "../config/group_check.ts";
import { describeEnd, type ProcessEnd } from "../host/host.ts";
import { RemoteHosts } from "../host/remote_hosts.ts";
import type { Ground, Left } from "../ground/ground.ts";
import { openGround } from "../ground/own_ground.ts";
import type { IntervalSet } from "../ledger/intervals.ts";
import type { SimConsole } from "../live/status_line.ts";
import type { RunLogs } from "../logs/run_logs.ts";
import type { SimReport } from "../report/report.ts";
import { describeFailed } from "../report/thresholds.ts";
import { Fleet, type Member } from "../run/fleet.ts";
import { PartitionControl } from "../run/partition_control.ts";
import { type Phase, RunState } from "../run/run_state.ts";
import { pauseFor } from "../run/wait.ts";
import { partitionWeights } from "../seed/weights.ts";
import { EffectsReader } from "../streams/effects_reader.ts";
import { nowUs } from "../streams/message.ts";
import { isDeadLetter } from "../streams/topology.ts";
import type { RunAccess } from "../wire/access.ts";
import { type Inbox, openInbox } from "../wire/inbox.ts";
import { Conclusions, conclusionsOf, type JournalEntry } from "./conclusions.ts";
import { catchUp, startMissing, takeOver } from "./come_back.ts";
import { conclude, type Outcome } from "./conclude.ts";
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
import { RunMetrics } from "./run_metrics.ts";
import { RunObserver } from "./run_observer.ts";
import { RunWatch, STATUS_INTERVAL_MS } from "./run_watch.ts";
import { openStage, type Stage } from "./stage.ts";
import { ThresholdWatch } from "./threshold_watch.ts";
import { warmUp } from "./warm_up.ts";

/** What a run is made from. */
export interface RunOptions extends Asked {
  /** Who it is to the servers. */
  readonly access: RunAccess;
  /** Where it is said. */
  readonly console: SimConsole;
  /** Where what the processes write goes. */
  readonly logs: RunLogs;
  /** The folder for the report. */
  readonly out: string;
  /** The folder for checkpoints and the server's store; the run writes none if left out. */
  readonly checkpointFolder?: string | undefined;
  /** The run as it was, if it is to go on from there. */
  readonly resumed?: RunCheckpoint | undefined;
  /** What the run stands on, where that is not to be its own. */
  readonly ground?: Ground | undefined;
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
  /** Fires when the group is whole again after all chaos, or is not and will not be waited for. */
  readonly #validated = new AbortController();
  readonly #state: RunState;
  #ground!: Ground;
  #stage!: Stage;
  #fleet!: Fleet;
  #reader!: EffectsReader;
  #loadControl!: LoadControl;
  #chaos!: ChaosRunner;
  #partitions!: PartitionControl;
  #thresholds!: ThresholdWatch;
  #observer!: RunObserver;
  #inbox!: Inbox;
  #hosts: RemoteHosts | undefined;
  #checkpoints: Checkpoints | undefined;
  #journal: Journal | undefined;
  #loadFromUs = 0;
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
    const { config, seed, runId, access, console } = this.#options;
    const metrics = cleanUp.use(new RunMetrics(config));
    const ground = this.#ground = this.#options.ground ?? cleanUp.use(
      await openGround({
        ...this.#options,
        networksFail: networksFail(this.plan),
        storeDir: this.#storeDir,
      }),
    );
    this.#stage = cleanUp.use(await openStage(ground, config, seed, runId, access.coordinator));
    this.#options.onBegin();
    console.log("INFO", `Using nats-server ${this.#serverVersion} at ${ground.urls.join(", ")}`);
    this.#prepare(cleanUp);
    this.#resume();
    if (changesPartitions(config)) await this.#partitions.publish(() => this.#aborted);
    this.#show(metrics);
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

  get #storeDir(): string | undefined {
    const { checkpointFolder } = this.#options;
    return checkpointFolder === undefined ? undefined : storeIn(checkpointFolder);
  }

  /** Everything that was known is known again, before anybody is started. */
  #resume(): void {
    const { resumed, checkpointFolder } = this.#options;
    const { left } = this.#ground;
    if (resumed !== undefined && left !== undefined) {
      const journal = readJournal<JournalEntry>(checkpointFolder!, resumed.journal);
      takeOver({ ...this.#parts, observer: this.#observer }, resumed, left, journal);
    } else if (resumed !== undefined) {
      loadRun(this.#parts, resumed);
      this.#state.outage(resumed.savedUs, Number.POSITIVE_INFINITY);
    }
    this.#reader.start();
  }

  get #parts(): RunParts {
    return {
      facts: this.#facts,
      state: this.#state,
      watch: this.#watch,
      fleet: this.#fleet,
      chaos: this.#chaos,
      reader: this.#reader,
      inbox: this.#inbox,
    };
  }

  #checkpoint(): RunCheckpoint {
    const { config, configFile, arguments: again, seed, runId, fault, out } = this.#options;
    const serverPids = this.#ground.server?.pids ?? [];
    return {
      asked: { config, configFile, arguments: again, seed, runId, ...(fault && { fault }) },
      out,
      loadFromUs: this.#loadFromUs,
      serverPids,
      journal: this.#nextJournal(),
      ...saveRun(this.#parts),
    };
  }

  /** Only the checkpoint before the end needs one: a coordinator that dies by itself is not followed by another one. */
  #nextJournal(): number {
    const { checkpointFolder: folder, config: { checkpointing: { keep } } } = this.#options;
    if (!this.#chaos.isDying || folder === undefined) return 0;
    const onTrouble = (message: string) => void this.#state.doubts.push(message);
    this.#journal ??= new Journal({ folder, keep, onTrouble });
    return this.#journal.next();
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
    const hosts = this.#hosts = this.#remoteHosts(maxWorkers);
    if (hosts !== undefined) cleanUp.use(hosts);
    const ground = this.#ground;
    this.#fleet = new Fleet({
      spec: {
        runId,
        seed,
        natsUrl: ground.urls.join(","),
        config,
        topology: this.#stage.topology,
        ...(fault === undefined ? {} : { fault }),
      },
      hostOf: (role, index) => hosts === undefined ? ground.host : hosts.hostOf(role, index),
      maxWorkers,
      onUnexpectedExit: (member, status) => this.#unexpectedExit(member, status),
    });
    cleanUp.defer(async () => void await this.#fleet.end("kill"));
    this.#observer = new RunObserver({ console, fleet: this.#fleet, tickMs: STATUS_INTERVAL_MS });
    const inbox = this.#inbox = openInbox(this.#stage.world.messaging, runId, {
      report: (process, report) => {
        this.#state.takeReport(process, report);
        this.#observer.takeReport(process, report);
      },
      begun: (...what) => this.#state.takeBegun(...what),
    }, (heard) => this.#journal?.append(heard));
    cleanUp.defer(() => inbox.close());
    const { topology } = this.#stage;
    const { nc } = this.#stage;
    this.#reader = new EffectsReader(nc, topology.effectStream, (data, storedUs, at, subject) => {
      if (isDeadLetter(topology, subject)) this.#state.takeDeadLetter(data, storedUs);
      else this.#state.takeEffect(data, storedUs, at);
    });
    cleanUp.defer(() => this.#reader.stop());
    this.#loadControl = new LoadControl({
      fleet: this.#fleet,
      messaging: this.#stage.world.messaging,
      runId,
      changes: () => this.#state.partitions.changes,
      doubts: this.#state.doubts,
      patienceMs: this.#patienceMs,
      signal,
    });
    const conclusions = new Conclusions(
      () => conclusionsOf(this.#state, this.#chaos.records),
      (entry) => this.#journal?.append(entry),
    );
    this.#chaos = new ChaosRunner({
      plan: this.plan,
      runId,
      fleet: this.#fleet,
      state: this.#state,
      messaging: this.#stage.world.messaging,
      console,
      ...{ server: ground.server, cluster: ground.cluster, networks: ground.networks },
      crash: ground.crash,
      feedStream: this.#stage.topology.feedStream,
      minWorkers: Math.max(2, Math.ceil(config.workers.count / 2)),
      timing: group,
      windowMs: this.#patienceMs,
      partitions: this.#partitions = new PartitionControl({
        ...{ config, seed, runId, fault },
        ...{ fleet: this.#fleet, state: this.#state, stage: this.#stage },
      }),
      signal,
      onRecord: () => this.#checkpoints?.soon(),
      onLook: () => conclusions.note(),
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
    cleanUp.defer(() => this.#validated.abort());
    this.#watch = new RunWatch({
      ...{ runId, state: this.#state, fleet: this.#fleet, facts: this.#facts, console },
      durationMs: config.simulation.duration,
      onTick: (phase) => this.#observer.tick(phase),
      chaos: () => this.#chaos.records.length,
    });
    this.#watch.start();
    cleanUp.defer(() => this.#watch.stop());
  }

  #writeCheckpoints(cleanUp: AsyncDisposableStack): void {
    const { config, checkpointFolder: folder, console } = this.#options;
    if (folder === undefined) return;
    const { interval: intervalMs, keep } = config.checkpointing;
    cleanUp.defer(() => this.#journal?.[Symbol.dispose]());
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

  /** Everybody is at work already. */
  async #goOn({ killedUs }: Left): Promise<void> {
    const { config, runId, signal } = this.#options;
    const [fleet, stage, reader, { partitions }] = [
      this.#fleet,
      this.#stage,
      this.#reader,
      this.#state,
    ];
    await startMissing(fleet, config);
    this.#chaos.comeBack(killedUs, () =>
      catchUp({
        ...{ fleet, stage, reader, runId, signal },
        messaging: stage.world.messaging,
        changes: () => partitions.changes,
        patienceMs: this.#patienceMs,
      }));
  }

  async #warmUp(): Promise<void> {
    if (this.#ground.left !== undefined) return await this.#goOn(this.#ground.left);
    this.#watch.enter("warm-up");
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
    this.#watch.enter("load");
    const { loadMs } = this.#facts;
    if (this.#ground.left === undefined) this.#state.moves.begin(nowUs());
    this.#loadFromUs = this.#options.resumed?.loadFromUs ?? nowUs();
    this.#facts.loadBegins();
    this.#checkpoints?.start();
    this.#thresholds.start();
    const over = new AbortController();
    const starting = this.#loadControl.keepStarted(over.signal);
    const chaos = this.#chaos.run(over.signal, loadMs);
    void this.#chaos.watch(AbortSignal.any([signal, this.#validated.signal]));
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
    const { outages, doubts, partitions } = this.#state;
    const producers = this.#fleet.members.filter(({ role }) => role === "producer");
    doubts.push(
      ...loadDoubts({ ...this.#options, phase, sent, producers, outages, partitions }),
      ...chaosDoubts(this.plan.events, this.#chaos.records),
    );
  }

  async #heal(): Promise<void> {
    this.#watch.enter("heal");
    const patienceMs = this.#patienceMs;
    await heal({ ...this.#options, fleet: this.#fleet, state: this.#state, patienceMs });
    await this.#chaos.validated(this.#options.signal);
    this.#validated.abort();
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
    this.#observer.ending();
    for (const { process, output } of await this.#fleet.end("leave")) {
      const words = output.slice(-3).join(" | ");
      this.#state.incidents.push(`${process} did not leave when asked to: ${words}`);
    }
  }

  async #liveFigures(signal: AbortSignal): Promise<object> {
    const lost = await this.#lostSoFar(signal);
    const { loadMs } = this.#facts;
    const run = this.#facts.tell(this.#serverVersion);
    return liveFigures({ run, state: this.#state, loadMs, lost });
  }

  #lostSoFar(signal: AbortSignal): Promise<number | undefined> {
    const { ledger } = this.#state;
    return lostSoFar({ ledger, stage: this.#stage, reader: this.#reader, signal });
  }

  #show(metrics: RunMetrics): void {
    const { config, seed, runId, console } = this.#options;
    console.log("INFO", "Started coordinator");
    if (metrics.url !== undefined) console.log("INFO", `Metrics: ${metrics.url}`);
    const info = {
      run_id: runId,
      seed: String(seed),
      strategy: config.workers.assignment_strategy,
      nats_server: this.#serverVersion,
    };
    metrics.show({
      lost: (signal) => this.#lostSoFar(signal),
      view: () => ({
        ...{ state: this.#state, fleet: this.#fleet, chaos: this.#chaos.records, info },
        ...{ phase: this.#watch.phase, observer: this.#observer },
      }),
    });
  }

  #conclude(waiting: Map<number, IntervalSet> | undefined): SimReport {
    const { config } = this.#options;
    if (this.#reader.missed > 0) {
      this.#state.doubts.push(`${this.#reader.missed} effects were gone before they were read`);
    }
    if (waiting !== undefined) this.#chaos.blame(this.#state.ledger.defects(waiting));
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

  #unexpectedExit(member: Member, end: ProcessEnd): void {
    if (this.#aborted) return;
    const how = describeEnd(end);
    const words = member.output.slice(-3).join(" | ");
    this.#state.incidents.push(`${member.process} ended by itself ${how}: ${words}`);
    this.#options.console.log("WARN", `${member.process} ended by itself ${how}: ${words}`);
    this.#state.owners.letGo(member.process, member.status?.owned ?? [], nowUs());
    if (this.#watch.phase === "warm-up") return;
    if (++this.#restarts <= MAX_RESTARTS) this.#fleet.spawn(member.role, member.index);
  }
}
