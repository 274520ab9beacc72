/**
 * Makes the planned things go wrong, each at its time.
 *
 * @module
 */
import { describeError } from "../../lib/errors.ts";
import type { ChaosType } from "../config/config_schema.ts";
import type { Defect } from "../ledger/ledger.ts";
import type { ChaosRecord } from "../report/report.ts";
import type { SavedRecovery } from "../measure/recovery.ts";
import type { Member } from "../run/fleet.ts";
import { pauseFor, POLL_MS } from "../run/wait.ts";
import type { ChaosPlan, PlannedChaos } from "./chaos_plan.ts";
import { comeBack, crashCoordinator } from "./coordinator_acts.ts";
import { disconnect } from "./network_acts.ts";
import type { Hit } from "./hits.ts";
import { killNode } from "./node_acts.ts";
import { crashProducer, killServer } from "./other_acts.ts";
import { changePartitions, finishCutOff, poison } from "./partition_acts.ts";
import { Scene, type SceneOptions } from "./scene.ts";
import { crash, pause, restart, scaleDown, scaleUp, slowDown } from "./worker_acts.ts";

/** What chaos works on. */
export interface ChaosOptions extends SceneOptions {
  /** What will go wrong. */
  readonly plan: ChaosPlan;
}

/** What came of events and need not be over, as JSON holds it. */
export interface Aftermath {
  /** Workers that went and whose partitions others have not taken over yet. */
  readonly recoveries: readonly SavedRecovery[];
  /** Who fell silent. */
  readonly hits: readonly Hit[];
  /** The numbers of the events after which the group was not seen whole yet. */
  readonly open: readonly number[];
}

/** So much before its time an event may be done if the load ends. */
const LAST_MOMENT_MS = 100;
/** So late an event may still be done after the load has ended. */
const MAX_LATE_MS = 1_000;

type Act = (scene: Scene, event: PlannedChaos) => void | Promise<void>;

const anybody = (scene: Scene, event: PlannedChaos): Member | undefined =>
  scene.targets.workers(event, 1)[0];

/** Kinds that hit the leader. There may be none for a while: they wait for it, and no other event waits for them. */
type LeaderChaos = Extract<ChaosType, `leader_${string}`>;

const LEADER_ACTS: Readonly<Record<LeaderChaos, typeof crash>> = {
  leader_failure: crash,
  leader_pause: pause,
};

/** What is done for each of the other kinds. */
const ACTS: Readonly<Record<Exclude<ChaosType, LeaderChaos>, Act>> = {
  worker_crash: (scene, event) => crash(scene, event, anybody(scene, event)),
  worker_restart: (scene, event) => restart(scene, event, anybody(scene, event)),
  worker_pause: (scene, event) => pause(scene, event, anybody(scene, event)),
  slow_worker: slowDown,
  scale_up: scaleUp,
  scale_down: scaleDown,
  producer_crash: crashProducer,
  nats_disconnect: disconnect,
  nats_server_kill: killServer,
  partition_changes: changePartitions,
  poison_message: poison,
  nats_node_kill: killNode,
  coordinator_crash: crashCoordinator,
};

/** Runs a plan. */
export class ChaosRunner {
  readonly #plan: ChaosPlan;
  readonly #scene: Scene;
  /** One act at a time: whom the next may hit depends on what this one does. */
  #turn: Promise<unknown> = Promise.resolve();
  /** When this coordinator had caught up with what happened before it came; what was due by then could not happen in time. */
  #backMs = Number.NEGATIVE_INFINITY;
  /** Whether the run goes on with new processes: what was under way is over. */
  #isResumed = false;
  /** Whether nobody looks any more, because that failed. */
  #isBlind = false;

  /** @param options what it works on */
  constructor(options: ChaosOptions) {
    this.#plan = options.plan;
    this.#scene = new Scene(options);
  }

  /** What was done, in order. */
  get records(): readonly ChaosRecord[] {
    return this.#scene.records;
  }

  /** Whether this coordinator is about to be killed. */
  get isDying(): boolean {
    return this.#scene.dying;
  }

  /**
   * Injects each event at its time, or a moment later if the one before took long or there is no leader to hit.
   *
   * @param signal ends it early
   * @param loadMs how long there was load before the run was resumed, in milliseconds
   */
  async run(signal: AbortSignal, loadMs = 0): Promise<void> {
    const startMs = performance.now() - loadMs;
    this.#scene.begin(loadMs);
    if (this.#isResumed) finishCutOff(this.#scene);
    const acts: Promise<void>[] = [];
    const over = new Set(this.records.map(({ number }) => number));
    for (const event of this.#plan.events) {
      if (over.has(event.number)) continue;
      const dueMs = startMs + event.atMs;
      await pauseFor(dueMs - performance.now(), signal);
      await this.#turn;
      const lateMs = performance.now() - dueMs;
      // The load may end at the very moment of the last event.
      if (signal.aborted && (lateMs < -LAST_MOMENT_MS || lateMs > MAX_LATE_MS)) {
        if (dueMs > this.#backMs) break;
        this.#scene.skip(event, "the coordinator was away until the load was over");
        continue;
      }
      acts.push(this.#act(event, signal));
    }
    await Promise.all(acts);
  }

  /**
   * Goes on after a run was resumed: what has happened does not happen again.
   *
   * @param records what was done before
   * @param aftermath what came of it that is not over, where processes are at work as they were
   */
  load(records: readonly ChaosRecord[], aftermath?: Aftermath): void {
    this.#scene.records.push(...records);
    this.#isResumed = aftermath === undefined;
    if (aftermath === undefined) return;
    this.#scene.recoveries.load(aftermath.recoveries);
    this.#scene.hits.load(aftermath.hits);
    this.#scene.cutOff = aftermath.open;
  }

  /** What came of the events and is not over, as JSON holds it. */
  get aftermath(): Aftermath {
    const { hits, validation, options: { state } } = this.#scene;
    const recoveries = state.measurements.recovery.save();
    return { recoveries, hits: hits.save(), open: validation.open };
  }

  /**
   * Goes on after the coordinator before this one was killed on purpose. Nothing else happens until all is known of the time between.
   *
   * @param killedUs when, in microseconds since 1970
   * @param caughtUp returns true once all that happened meanwhile is known, and false if that does not come
   */
  comeBack(killedUs: number, caughtUp: () => Promise<boolean>): void {
    void this.#inTurn(async () => {
      await this.#scene.carryOut("coming back", () => comeBack(this.#scene, killedUs, caughtUp));
      this.#backMs = performance.now();
    });
  }

  /** What cannot be carried out is told at once, and keeps no other event from its turn. */
  async #act(event: PlannedChaos, signal: AbortSignal): Promise<void> {
    const { number, type } = event;
    await this.#scene.carryOut(`#${number} ${type}`, async () => {
      if (type === "leader_failure" || type === "leader_pause") {
        return await this.#hitLeader(LEADER_ACTS[type], event, signal);
      }
      await this.#inTurn(() => this.#do(event, () => ACTS[type](this.#scene, event)));
    });
  }

  async #do(event: PlannedChaos, act: () => void | Promise<void>): Promise<void> {
    try {
      await act();
    } finally {
      this.#scene.acted(event);
    }
  }

  /** Whoever was found may be hit by another event before it is this one's turn; then it is waited for the next. */
  async #hitLeader(act: typeof crash, event: PlannedChaos, signal: AbortSignal): Promise<void> {
    const { targets } = this.#scene;
    const search = targets.leaders(signal);
    for (let done = false; !done;) {
      const leader = await search();
      done = await this.#inTurn(async () => {
        if (leader === undefined) this.#scene.skip(event, "nobody leads");
        else if (!targets.isWell(leader)) return false;
        else await this.#do(event, () => act(this.#scene, event, leader));
        return true;
      });
    }
  }

  #inTurn<T>(act: () => T | Promise<T>): Promise<T> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Ends all pauses and absences at once and waits until every replacement has been started. */
  settle(): Promise<void> {
    return this.#scene.settle();
  }

  /**
   * Looks after each event whether the group is whole again, until it is told to end. If that fails the run does, and nothing is waited for
   * that only a look would have shown.
   *
   * @param signal ends it
   */
  async watch(signal: AbortSignal): Promise<void> {
    const { validation, options: { onLook, state } } = this.#scene;
    try {
      while (!signal.aborted) {
        validation.look();
        onLook?.();
        await pauseFor(POLL_MS, signal);
      }
    } catch (error) {
      state.incidents.push(`chaos could not be validated: ${describeError(error)}`);
      this.#isBlind = true;
    }
  }

  /**
   * Waits, after {@linkcode settle}, until the group is whole again after each event or its time is up.
   *
   * @param signal ends the waiting early
   */
  async validated(signal: AbortSignal): Promise<void> {
    const { validation } = this.#scene;
    while (validation.isOpen && !this.#isBlind && !signal.aborted) await pauseFor(POLL_MS, signal);
  }

  /**
   * To be told in the end of everything that was wrong: the event that was not over then is named.
   *
   * @param defects the ledger's defects
   */
  blame(defects: readonly Defect[]): void {
    for (const defect of defects) this.#scene.validation.blame(defect);
  }

  /** To be told of each worker's status. */
  onStatus(member: Member): void {
    this.#scene.recoveries.onStatus(member);
  }
}
