/**
 * A run from beginning to end: server, streams, processes, load, chaos, healing, drain, verdict, and nothing left behind.
 *
 * @module
 */
import { type ChaosPlan, networksFail, planChaos } from "../chaos/chaos_plan.ts";
import { checkpointsIn } from "../checkpoint/checkpoint_file.ts";
import { readJournal } from "../checkpoint/journal.ts";
import { storeIn } from "../checkpoint/run_folder.ts";
import { changesPartitions } from "../config/config_rules.ts";
import type { Ground } from "../ground/ground.ts";
import { openGround } from "../ground/own_ground.ts";
import { SKEW_BOUND_MS } from "../host/clock_skew.ts";
import { describeEnd, lastWords, type ProcessEnd } from "../host/host.ts";
import { takeName } from "../host/sole_coordinator.ts";
import { describeFailed } from "../report/thresholds.ts";
import type { Member } from "../run/fleet.ts";
import type { TimeRange } from "../run/saved_state.ts";
import { pauseFor } from "../run/wait.ts";
import { nowUs } from "../streams/message.ts";
import type { ClockSkew } from "../wire/host_wire.ts";
import { goOn, takeOver } from "./come_back.ts";
import type { Outcome } from "./conclude.ts";
import type { JournalEntry } from "./conclusions.ts";
import { chaosDoubts, loadDoubts } from "./course_check.ts";
import { drain, type Drained, NOT_DRAINED } from "./drain.ts";
import { gather } from "./gather.ts";
import { heal } from "./heal.ts";
import { makeParts, type Parts } from "./parts.ts";
import { loadRun, workersOf } from "./run_checkpoint.ts";
import { RunCheckpoints } from "./run_checkpoints.ts";
import { RunFacts } from "./run_facts.ts";
import { RunMetrics } from "./run_metrics.ts";
import type { RunOptions } from "./run_options.ts";
import { RunPage } from "./run_page.ts";
import { serverSkew } from "./server_clock.ts";
import { isServed, openStage, type Stage } from "./stage.ts";
import {
  concludeRun,
  figuresNow,
  lostForCertain,
  type RunEnd,
  showRun,
  versionOf,
} from "./telling.ts";
import { ThresholdWatch } from "./threshold_watch.ts";
import { warmUp } from "./warm_up.ts";

const MAX_RESTARTS = 10;

/** A run. */
export class Coordinator {
  /** What will go wrong. */
  readonly plan: ChaosPlan;
  readonly #options: RunOptions;
  readonly #facts: RunFacts;
  /** Fires when a threshold, or the end of a server, ends the run; `signal` of the options fires then, too. */
  readonly #failedEarly = new AbortController();
  /** Fires when the group is whole again after all chaos, or is not and will not be waited for. */
  readonly #validated = new AbortController();
  #ground!: Ground;
  #stage!: Stage;
  #parts!: Parts;
  #thresholds!: ThresholdWatch;
  #checkpoints: RunCheckpoints | undefined;
  #loadFromUs = 0;
  #restarts = 0;
  /** Nobody will go on with the run: it came to its end. */
  #isOver = false;

  /** @param options what it is made from */
  constructor(options: RunOptions) {
    const { config, seed } = options;
    const signal = AbortSignal.any([options.signal, this.#failedEarly.signal]);
    this.#options = { ...options, signal };
    this.#facts = new RunFacts(options);
    this.plan = planChaos(config, seed);
  }

  /**
   * Runs.
   *
   * @returns the report, and how it went over time
   * @throws {PartiError} if the run cannot begin, or cannot go on
   */
  async run(): Promise<Outcome> {
    await using cleanUp = new AsyncDisposableStack();
    const { config, access, console, resumed } = this.#options;
    const metrics = cleanUp.use(RunMetrics.open(this.#options, console));
    const page = cleanUp.use(await RunPage.open(this.#options, console));
    const ground = this.#ground = this.#options.ground ?? cleanUp.use(
      await openGround({
        ...this.#options,
        networksFail: networksFail(this.plan),
        storeDir: this.#storeDir,
      }),
    );
    this.#stage = cleanUp.use(
      await openStage({
        ...this.#options,
        ...{ ground, access: access.coordinator, effectsRead: resumed?.effects.last },
        mayGoOn: () => this.#mayGoOn(),
      }),
    );
    if (config.simulation.mode === "coordinator") {
      cleanUp.use(await takeName(this.#stage.world.messaging, config.simulation.name));
    }
    this.#options.onBegin();
    console.log("INFO", `Using nats-server ${versionOf(this.#stage)} at ${ground.urls.join(", ")}`);
    const { nc, topology } = this.#stage;
    const skew = ground.server === undefined
      ? await serverSkew(nc, topology.effectStream)
      : undefined;
    // From here until all is known again nothing may be waited for: what is heard meanwhile would be forgotten.
    this.#prepare(cleanUp);
    this.#compareClocks(skew);
    void ground.serverEnded?.then((what) => this.#serverEnded(what));
    this.#resume();
    if (changesPartitions(config)) await this.#parts.partitions.publish(() => this.#aborted);
    showRun({ metrics, page }, this.#parts, this.#options);
    await this.#warmUp();
    if (!this.#aborted) await this.#load();
    if (!this.#aborted) await this.#heal();
    if (!this.#aborted) await this.#finishProducers();
    const drained = this.#aborted ? NOT_DRAINED : await this.#drain();
    await this.#thresholds.stop();
    this.#parts.watch.finishSeries();
    const end = await this.#end(drained);
    const report = concludeRun(this.#parts, {
      ...{ config, endedBy: this.#thresholds.failed },
      ...{ waiting: end.waiting, lost: end.lost },
    });
    page.end(report);
    this.#isOver = !end.canGoOn;
    return { report, series: this.#parts.watch.series, canGoOn: end.canGoOn };
  }

  /** Whatever comes from now on, the run is judged as it is at this moment: it was drained, or it was not. */
  async #end(
    { waiting, doubts }: Drained,
  ): Promise<Pick<Drained, "waiting"> & Pick<RunEnd, "lost"> & Pick<Outcome, "canGoOn">> {
    const isInterrupted = this.#aborted && !this.#failedEarly.signal.aborted;
    if (!this.#aborted && waiting !== undefined) {
      await this.#stopWorkers();
      return { waiting, lost: 0, canGoOn: false };
    }
    // Whoever goes on with the run does it all anew: what keeps this coordinator from its end is no doubt of theirs.
    await this.#checkpoints?.[Symbol.asyncDispose]();
    this.#parts.state.doubts.push(...doubts, ...(isInterrupted ? ["the run was interrupted"] : []));
    const canGoOn = isInterrupted || !this.#aborted && doubts.length > 0;
    const lost = await lostForCertain(this.#parts);
    return { waiting: undefined, lost, canGoOn: this.#checkpoints !== undefined && canGoOn };
  }

  /** Whether whoever comes after this coordinator finds what to go on from. */
  async #mayGoOn(): Promise<boolean> {
    const { checkpointFolder } = this.#options;
    if (this.#isOver || checkpointFolder === undefined) return false;
    return (await checkpointsIn(checkpointFolder)).length > 0;
  }

  get #storeDir(): string | undefined {
    const { checkpointFolder } = this.#options;
    return checkpointFolder === undefined ? undefined : storeIn(checkpointFolder);
  }

  /** Who was at work at once is read off the clocks of all machines, and of a server that is somebody else's. */
  #compareClocks(server: ClockSkew | undefined): void {
    const { state, state: { ledger } } = this.#parts;
    if (this.#parts.hosts !== undefined) ledger.clocksDiffer(2 * SKEW_BOUND_MS * 1_000);
    if (server === undefined) return;
    const { offsetMs, errorMs } = server;
    state.serverAheadUs = Math.round(offsetMs * 1_000);
    const byMs = Math.abs(offsetMs) + errorMs;
    if (byMs >= 1) ledger.clocksDiffer(byMs * 1_000);
    if (byMs < SKEW_BOUND_MS) return;
    const told = `The clock of the server is ${Math.round(Math.abs(offsetMs))}ms ${
      offsetMs > 0 ? "ahead of" : "behind"
    } ours (±${Math.ceil(errorMs)}ms): times are not compared closer`;
    this.#options.console.log("WARN", told);
  }

  /** Everything that was known is known again, before anybody is started. */
  #resume(): void {
    const { resumed, checkpointFolder } = this.#options;
    const { left } = this.#ground;
    if (resumed !== undefined && left !== undefined) {
      const journal = readJournal<JournalEntry>(checkpointFolder!, resumed.journal);
      takeOver(this.#parts, resumed, left, journal);
    } else if (resumed !== undefined) {
      loadRun(this.#parts, resumed);
      this.#parts.state.outage(resumed.savedUs, Number.POSITIVE_INFINITY);
    }
    this.#parts.reader.start();
  }

  get #aborted(): boolean {
    return this.#options.signal.aborted;
  }

  /** Whether the load was over before the run was resumed. */
  get #wasHealing(): boolean {
    const { resumed } = this.#options;
    return resumed?.watch.phases.some(({ phase }) => phase === "heal") ?? false;
  }

  get #patienceMs(): number {
    return this.#options.config.coordinator.validation_window;
  }

  #prepare(cleanUp: AsyncDisposableStack): void {
    const { config, console, checkpointFolder } = this.#options;
    const { plan } = this;
    this.#parts = makeParts({
      ...this.#options,
      ...{ plan, ground: this.#ground, stage: this.#stage, facts: this.#facts },
      onUnexpectedExit: (member, end) => this.#unexpectedExit(member, end),
      onRecord: () => this.#checkpoints?.soon(),
      keep: (entry) => this.#checkpoints?.keep(entry),
    }, cleanUp);
    if (checkpointFolder !== undefined) {
      this.#checkpoints = cleanUp.use(
        new RunCheckpoints({
          ...this.#options,
          folder: checkpointFolder,
          parts: this.#parts,
          serverPids: () => this.#ground.server?.pids ?? [],
          loadFromUs: () => this.#loadFromUs,
        }),
      );
    }
    this.#thresholds = new ThresholdWatch({
      thresholds: config.thresholds,
      figures: (signal) => figuresNow(this.#parts, signal),
      onFail: (failed) => {
        for (const result of failed) console.log("FAIL", describeFailed(result));
        this.#failedEarly.abort();
      },
    });
    cleanUp.defer(() => this.#thresholds.stop());
    cleanUp.defer(() => this.#validated.abort());
  }

  async #warmUp(): Promise<void> {
    if (this.#ground.left !== undefined) {
      return await goOn(this.#parts, this.#ground.left, this.#options);
    }
    this.#parts.watch.enter("warm-up");
    const { resumed, config } = this.#options;
    if (this.#parts.hosts !== undefined) {
      const counts = { worker: config.workers.count, producer: config.producers.count };
      await gather({ ...this.#options, hosts: this.#parts.hosts, counts });
    }
    if (this.#aborted) return;
    const startupMs = await warmUp({
      ...this.#options,
      fleet: this.#parts.fleet,
      state: this.#parts.state,
      workers: resumed && workersOf(resumed, config.workers.count),
      known: resumed?.state.said.incidents.length,
    });
    if (resumed === undefined) this.#facts.startupMs = startupMs;
    else this.#parts.state.outage(resumed.savedUs, nowUs());
  }

  async #load(): Promise<void> {
    const { config, console, signal } = this.#options;
    this.#parts.watch.enter("load");
    const { loadMs } = this.#facts;
    if (this.#ground.left === undefined) this.#parts.state.moves.begin(nowUs());
    this.#loadFromUs = this.#options.resumed?.loadFromUs ?? nowUs();
    this.#facts.loadBegins();
    this.#checkpoints?.start();
    this.#thresholds.start(loadMs);
    const over = new AbortController();
    const starting = this.#parts.loadControl.keepStarted(over.signal, this.#loadFromUs);
    const chaos = this.#parts.chaos.run(over.signal, loadMs);
    void this.#parts.chaos.watch(AbortSignal.any([signal, this.#validated.signal]));
    await pauseFor(config.simulation.duration - loadMs, signal);
    over.abort();
    const untilUs = nowUs();
    const { sent } = this.#parts.state;
    await Promise.all([starting, chaos]);
    await this.#parts.chaos.settle();
    if (this.#aborted) return;
    this.#checkpoints?.soon();
    // Where it was over before the run was resumed it has been looked at, and there has been no load since.
    if (!this.#wasHealing) this.#checkCourse({ fromUs: this.#loadFromUs, untilUs }, sent);
    console.log("INFO", "Chaos is over; healing");
  }

  #checkCourse(phase: TimeRange, sent: number): void {
    const { outages, doubts, partitions } = this.#parts.state;
    const producers = this.#parts.fleet.members.filter(({ role }) => role === "producer");
    doubts.push(
      ...loadDoubts({ ...this.#options, phase, sent, producers, outages, partitions }),
      ...chaosDoubts(this.plan.events, this.#parts.chaos.records),
    );
  }

  async #heal(): Promise<void> {
    this.#parts.watch.enter("heal");
    const patienceMs = this.#patienceMs;
    await heal({
      ...this.#options,
      fleet: this.#parts.fleet,
      state: this.#parts.state,
      isServed: () => isServed(this.#stage),
      patienceMs,
    });
    await this.#parts.chaos.validated(this.#options.signal);
    this.#validated.abort();
  }

  async #finishProducers(): Promise<void> {
    this.#parts.watch.enter("finish");
    await this.#parts.loadControl.finish();
    // They go on during the healing, so that it happens under load.
    this.#facts.loadEnds();
  }

  #drain(): Promise<Drained> {
    this.#parts.watch.enter("drain");
    const { checkpointFolder, signal } = this.#options;
    return drain({
      stage: this.#stage,
      reader: this.#parts.reader,
      incidents: this.#parts.state.incidents,
      patienceMs: this.#patienceMs,
      ...{ checkpointFolder, signal },
    });
  }

  async #stopWorkers(): Promise<void> {
    this.#parts.watch.enter("stop");
    this.#parts.state.ending(nowUs());
    this.#parts.observer.ending();
    const { incidents, doubts } = this.#parts.state;
    for (const { role, process, output } of await this.#parts.fleet.end("leave")) {
      const words = lastWords(output);
      // A producer is none of the library's: it has been asked before, and could not tell what it has sent.
      const told = role === "worker" ? incidents : doubts;
      told.push(`${process} did not leave when asked to: ${words}`);
    }
  }

  /** Nothing more can be learnt from a run without its server. */
  #serverEnded(what: string): void {
    if (this.#aborted) return;
    this.#parts.state.incidents.push(what);
    this.#options.console.log("FAIL", what);
    this.#failedEarly.abort();
  }

  #unexpectedExit(member: Member, end: ProcessEnd): void {
    if (this.#aborted) return;
    const how = describeEnd(end);
    const words = lastWords(member.output);
    this.#parts.state.incidents.push(`${member.process} ended by itself ${how}: ${words}`);
    this.#options.console.log("WARN", `${member.process} ended by itself ${how}: ${words}`);
    this.#parts.state.owners.letGo(member.process, member.status?.owned ?? [], nowUs());
    if (this.#parts.watch.phase === "warm-up") return;
    if (++this.#restarts <= MAX_RESTARTS) this.#parts.fleet.spawn(member.role, member.index);
  }
}
