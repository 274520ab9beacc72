/**
 * What acts of chaos work on and with: the run, whom they may hit, the book of what was done, and what has to be put back.
 *
 * @module
 */
import { describeError } from "../../lib/errors.ts";
import type { Messaging } from "../../lib/ports/messaging.ts";
import type { FailingNetworks, Ground, KillableCluster, KillableServer } from "../ground/ground.ts";
import type { SimConsole } from "../console/status_line.ts";
import type { ChaosRecord } from "../report/report.ts";
import type { Fleet } from "../run/fleet.ts";
import type { PartitionControl } from "../run/partition_control.ts";
import type { RunState } from "../run/run_state.ts";
import { nowUs } from "../streams/message.ts";
import type { PlannedChaos } from "./chaos_plan.ts";
import { ChaosTargets } from "./chaos_targets.ts";
import { type GroupTiming, Hits } from "./hits.ts";
import { type Pending, PuttingBack } from "./putting_back.ts";
import { Recoveries } from "./recoveries.ts";
import { Validation } from "./validation.ts";

/** What a scene is made from. */
export interface SceneOptions {
  /** The run. */
  readonly runId: string;
  /** The processes. */
  readonly fleet: Fleet;
  /** What is known. */
  readonly state: RunState;
  /** The way to the children. */
  readonly messaging: Messaging;
  /** Where it is said. */
  readonly console: SimConsole;
  /** The server, if it is ours. */
  readonly server: KillableServer | undefined;
  /** The same, if it is a cluster. */
  readonly cluster?: KillableCluster | undefined;
  /** The stream whose leader is worth killing. */
  readonly feedStream?: string;
  /** The networks of the processes, if they have any that can fail. */
  readonly networks?: FailingNetworks | undefined;
  /** Has the coordinator killed, where somebody is there who starts another one. */
  readonly crash?: Ground["crash"];
  /** The fleet is never smaller than this. */
  readonly minWorkers: number;
  /** Called after each entry in the book; resolves when a run that is resumed would know of it. */
  readonly onRecord?: () => Promise<void> | undefined;
  /** Called each time it is looked how the events stand. */
  readonly onLook?: () => void;
  /** When the group notices that somebody is silent. */
  readonly timing: GroupTiming;
  /** How long the group may take to be whole again after an event, in milliseconds. */
  readonly windowMs: number;
  /** How long it may take, when chaos is to end, until all is put back; by default longer than whoever puts back gives up by himself. */
  readonly settleMs?: number;
  /** The same where the run is to end early, counted from then; by default 5 s. */
  readonly stopMs?: number;
  /** The way to change partitions. */
  readonly partitions?: PartitionControl;
  /** Ends the run early. */
  readonly signal?: AbortSignal;
}

/** So much longer than a validation window chaos may take to end: a cluster that is not whole says so itself after a minute. */
const SETTLE_MS = 120_000;
/** A run that is told to stop has done so after 30 s, and has more to do than this. */
const STOP_MS = 5_000;

/** A scene. */
export class Scene {
  /** What was done, in order. */
  readonly records: ChaosRecord[] = [];
  /** What it was made from. */
  readonly options: SceneOptions;
  /** Whom it may hit. */
  readonly targets: ChaosTargets;
  /** Whom chaos has hit, and who is under something that lasts. */
  readonly hits: Hits;
  /** When each event is over. */
  readonly recoveries: Recoveries;
  /** Whether the group is whole again after each event. */
  readonly validation: Validation;
  /** Resolves when a run that is resumed would know of the last entry in the book. */
  saved: Promise<void> = Promise.resolve();
  /** Whether this coordinator is to be killed: what it is told from now on, the next one has to know. */
  dying = false;
  /** Whether the server, or a node of the cluster, was killed and is not back yet. */
  serverAway = false;
  /** Whether the servers serve nobody at present, through an event's fault. */
  isOutage = false;
  /** The numbers of the events that were not over when the coordinator before this one was killed. */
  cutOff: readonly number[] = [];
  readonly #puttingBack = new PuttingBack();
  /** What is under way of each event: its act, and what has to be put back. */
  readonly #underWay = new Map<ChaosRecord, number>();
  readonly #over = new AbortController();
  #startMs = 0;

  /** @param options what it is made from */
  constructor(options: SceneOptions) {
    this.options = options;
    this.hits = new Hits(options.timing);
    const isUnder = (process: string) => this.hits.isUnder(process);
    this.targets = new ChaosTargets({ ...options, isUnder });
    const { console, state, windowMs } = options;
    this.recoveries = new Recoveries(state, this.records);
    this.validation = new Validation({
      windowMs,
      nowUs,
      amiss: (sinceUs) => state.disorder(sinceUs) ?? this.#missingProducer,
      onWhole: (what) => console.log("INFO", `Validation: ${what}`),
      onFail: (incident) => this.#fail(incident),
    });
  }

  /** Fires when all pauses and absences are to end. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /**
   * The load begins now.
   *
   * @param loadMs how long there was load before the run was resumed, in milliseconds
   */
  begin(loadMs: number): void {
    this.#startMs = performance.now() - loadMs;
  }

  /**
   * Ends all pauses and absences at once and waits until everything is put back. What is not by then fails the run by its event's name, and
   * is waited for no longer. A run that is to end early waits for a moment only, and fails for nothing that is not done by then.
   */
  async settle(): Promise<void> {
    this.#over.abort();
    const { windowMs, settleMs = windowMs + SETTLE_MS, stopMs = STOP_MS, signal } = this.options;
    const patience = { settleMs, stopMs, signal };
    await this.#puttingBack.settle(patience, (pending) => this.#giveUp(pending));
  }

  #giveUp(pending: Pending): void {
    const { record: { number, type, target }, lasts } = pending;
    const what = lasts ? "which was to be put back" : "what was to come after it";
    this.#fail(`chaos was not over in time: #${number} ${type} (${target}), ${what}`);
    this.#end(pending);
  }

  /**
   * An event happens.
   *
   * @param event the event
   * @param target to whom
   * @param atUs when, in microseconds since 1970
   * @param unfinished what the event itself still has to bring about, apart from the group being whole; undefined once all is done
   * @returns its place in the book
   */
  record(
    event: PlannedChaos,
    target: string,
    atUs: number = nowUs(),
    unfinished?: () => string | undefined,
  ): ChaosRecord {
    const { console, state } = this.options;
    console.log("CHAOS", `Injecting event: ${event.type} (${target})`);
    const moves = { total: 0, needed: 0 };
    const record = { ...this.#blank(event, target), moves };
    this.#note(record);
    this.#underWay.set(record, 1);
    this.validation.begin(record, atUs, unfinished);
    state.chaos(atUs, moves);
    return record;
  }

  /**
   * An event that happened before this coordinator came is to be validated. Its fault is over.
   *
   * @param record its place in the book
   * @param atUs when it happened, in microseconds since 1970
   * @param unfinished what it still has to bring about, apart from the group being whole
   */
  reopen(record: ChaosRecord, atUs: number, unfinished: () => string | undefined): void {
    this.validation.begin(record, atUs, unfinished);
    this.validation.ended(record);
    this.options.state.chaos(atUs, record.moves);
  }

  /**
   * The act of an event is done. Its fault is over unless something has to be put back.
   *
   * @param event the event
   */
  acted({ number }: PlannedChaos): void {
    const record = this.records.findLast((one) => one.number === number);
    if (record !== undefined) this.#isDone(record);
  }

  /**
   * An event cannot happen.
   *
   * @param event the event
   * @param why the reason
   */
  skip(event: PlannedChaos, why: string): void {
    this.options.console.log("CHAOS", `Skipping event: ${event.type} (${why})`);
    this.#note({ ...this.#blank(event, ""), skipped: why });
  }

  #note(record: ChaosRecord): void {
    this.records.push(record);
    this.saved = this.options.onRecord?.() ?? Promise.resolve();
  }

  /**
   * Does something; if that cannot be done the run fails.
   *
   * @param what its name
   * @param work what is to be done
   * @returns when it is done, or has failed
   */
  async carryOut(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#fail(`chaos could not be carried out: ${what}: ${describeError(error)}`);
    }
  }

  #fail(incident: string): void {
    // Servers and processes end by now, whatever somebody still does with them.
    if (this.#puttingBack.isLeft) return;
    this.options.state.incidents.push(incident);
    this.options.console.log("FAIL", incident);
  }

  /**
   * From now on the servers serve nobody, or not everybody.
   *
   * @param fromUs since when, in microseconds since 1970
   * @returns tells that they do again
   */
  outage(fromUs: number): () => void {
    const { state } = this.options;
    this.isOutage = true;
    state.outage(fromUs, Number.POSITIVE_INFINITY);
    return () => {
      this.isOutage = false;
      state.outage(fromUs, nowUs());
    };
  }

  /**
   * Puts back later what was taken; {@linkcode settle} waits for it.
   *
   * @param work what is to be done
   * @param record the event, whose fault lasts until then
   */
  later(work: () => Promise<void>, record: ChaosRecord): void {
    this.#underWay.set(record, (this.#underWay.get(record) ?? 0) + 1);
    this.#begin(work, record, true);
  }

  /**
   * Does what belongs to an event and is no fault; {@linkcode settle} waits for it.
   *
   * @param work what is to be done
   * @param record the event
   */
  besides(work: () => Promise<void>, record: ChaosRecord): void {
    this.#begin(work, record, false);
  }

  #begin(work: () => Promise<void>, record: ChaosRecord, lasts: boolean): void {
    const { number, type } = record;
    const done = this.carryOut(`#${number} ${type}`, work).then(() => this.#end(pending));
    const pending: Pending = { record, lasts, done };
    this.#puttingBack.begin(pending);
  }

  /** What was given up may be done later nevertheless. */
  #end(pending: Pending): void {
    if (this.#puttingBack.end(pending) && pending.lasts) this.#isDone(pending.record);
  }

  #blank({ number, type }: PlannedChaos, target: string): ChaosRecord {
    const moves = { total: 0, needed: 0 };
    return { number, atMs: this.#nowMs, type, target, recoveredMs: null, wholeMs: null, moves };
  }

  /** A part of what an event does is done. */
  #isDone(record: ChaosRecord): void {
    const left = (this.#underWay.get(record) ?? 0) - 1;
    if (left > 0) return void this.#underWay.set(record, left);
    this.#underWay.delete(record);
    this.validation.ended(record);
  }

  get #missingProducer(): string | undefined {
    const producers = this.options.fleet.running("producer");
    const missing = producers.find(({ readyUs }) => readyUs === undefined);
    return missing === undefined ? undefined : `${missing.name} is not ready`;
  }

  get #nowMs(): number {
    return Math.round(performance.now() - this.#startMs);
  }
}
