/**
 * Makes the planned things go wrong, with real signals on real processes, and writes down what each did.
 *
 * @module
 */
import type { Messaging } from "../../lib/ports/messaging.ts";
import { pauseProcess } from "../../tasks/pause.ts";
import type { SimConsole } from "../live/status_line.ts";
import type { Departure } from "../measure/recovery.ts";
import type { ChaosRecord } from "../report/report.ts";
import type { Fleet, Member } from "../run/fleet.ts";
import type { RunState } from "../run/run_state.ts";
import { pauseFor } from "../run/wait.ts";
import { nowUs } from "../streams/message.ts";
import type { ChaosPlan, PlannedChaos } from "./chaos_plan.ts";
import { ChaosTargets, type Owned } from "./chaos_targets.ts";

/** The server, as far as chaos is concerned. */
export interface KillableServer {
  /** Kills it with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again with the same store and port. */
  restart(): Promise<void>;
}

/** What chaos works on. */
export interface ChaosOptions {
  /** What will go wrong. */
  readonly plan: ChaosPlan;
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
  /** The fleet is never smaller than this. */
  readonly minWorkers: number;
}

/** So much before its time an event may be done if the load ends. */
const LAST_MOMENT_MS = 100;
/** So late an event may still be done after the load has ended. */
const MAX_LATE_MS = 1_000;

/** Runs a plan. */
export class ChaosRunner {
  /** What was done, in order. */
  readonly records: ChaosRecord[] = [];
  readonly #options: ChaosOptions;
  readonly #targets: ChaosTargets;
  readonly #aftermath = new Set<Promise<void>>();
  readonly #untilStable = new Set<{ waiting: Set<string>; done: () => void }>();
  readonly #stopped = new AbortController();
  #startMs = 0;
  #serverAway = false;

  /** @param options what it works on */
  constructor(options: ChaosOptions) {
    this.#options = options;
    this.#targets = new ChaosTargets({ ...options, signal: this.#stopped.signal });
  }

  /**
   * Injects each event at its time, or a moment later if the one before took long.
   *
   * @param signal ends it early
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#startMs = performance.now();
    for (const event of this.#options.plan.events) {
      const dueMs = this.#startMs + event.atMs;
      await pauseFor(dueMs - performance.now(), signal);
      const lateMs = performance.now() - dueMs;
      // The load may end at the very moment of the last event.
      if (signal.aborted && (lateMs < -LAST_MOMENT_MS || lateMs > MAX_LATE_MS)) return;
      await this.#inject(event);
    }
  }

  /** Ends all pauses and absences at once and waits until every replacement has been started. */
  async settle(): Promise<void> {
    this.#stopped.abort();
    while (this.#aftermath.size > 0) await Promise.all(this.#aftermath);
  }

  /**
   * To be told of each worker's status.
   *
   * @param member the worker
   */
  onStatus(member: Member): void {
    if (member.status?.state !== "Stable") return;
    for (const watch of this.#untilStable) {
      if (!watch.waiting.delete(member.process) || watch.waiting.size > 0) continue;
      this.#untilStable.delete(watch);
      watch.done();
    }
  }

  async #inject(event: PlannedChaos): Promise<void> {
    switch (event.type) {
      case "worker_crash":
        return await this.#crash(event, this.#targets.workers(event, 1)[0]);
      case "leader_failure":
        return await this.#crash(event, await this.#targets.leader());
      case "worker_restart":
        return await this.#restart(event, this.#targets.workers(event, 1)[0]);
      case "worker_pause":
        return await this.#pause(event, this.#targets.workers(event, 1)[0]);
      case "scale_up":
        return this.#scaleUp(event);
      case "scale_down":
        return await this.#scaleDown(event);
      case "producer_crash":
        return this.#crashProducer(event);
      case "nats_crash":
        return await this.#crashServer(event);
    }
  }

  async #crash(event: PlannedChaos, victim: Member | undefined): Promise<void> {
    const { fleet, state } = this.#options;
    if (victim === undefined || this.#targets.spare < 1) {
      return this.#skip(event, "too few workers");
    }
    const owned = await this.#targets.owned(victim);
    if (victim.phase !== "running") return this.#skip(event, `${victim.name} has just gone`);
    const record = this.#record(event, victim.name);
    const atUs = fleet.kill(victim);
    state.chaos(atUs, record.moves);
    this.#watchGone(record, [{ member: victim, owned, atUs }], "killed");
    this.#later(async () => {
      await victim.exited;
      await pauseFor(event.downMs, this.#stopped.signal);
      fleet.spawn("worker", victim.index);
    });
  }

  async #restart(event: PlannedChaos, victim: Member | undefined): Promise<void> {
    const { fleet, state } = this.#options;
    if (victim === undefined || this.#targets.spare < 1) {
      return this.#skip(event, "too few workers");
    }
    const owned = await this.#targets.owned(victim);
    const record = this.#record(event, victim.name);
    const atUs = nowUs();
    state.chaos(atUs, record.moves);
    this.#watchGone(record, [{ member: victim, owned, atUs }], "leaving");
    this.#later(async () => {
      await this.#leave(victim);
      fleet.spawn("worker", victim.index);
    });
  }

  async #pause(event: PlannedChaos, victim: Member | undefined): Promise<void> {
    const { state } = this.#options;
    if (victim === undefined || this.#targets.spare < 1) {
      return this.#skip(event, "too few workers");
    }
    const owned = await this.#targets.owned(victim);
    const record = this.#record(event, victim.name);
    const atUs = nowUs();
    state.chaos(atUs, record.moves);
    this.#watchGone(record, [{ member: victim, owned, atUs }], "paused");
    this.#later(async () => {
      {
        await using _paused = await pauseProcess(victim.pid);
        await pauseFor(event.downMs, this.#stopped.signal);
      }
      state.ledger.impairments.add(victim.process, "stoodStill", atUs, nowUs());
    });
  }

  #scaleUp(event: PlannedChaos): void {
    const { fleet, state } = this.#options;
    const added: Member[] = [];
    for (let count = 0; count < event.count; count++) {
      const index = fleet.freeWorkerIndex();
      if (index !== undefined) added.push(fleet.spawn("worker", index));
    }
    if (added.length === 0) return this.#skip(event, "the fleet is as large as it may be");
    const record = this.#record(event, `adding ${added.map(({ name }) => name).join(", ")}`);
    const atUs = nowUs();
    state.chaos(atUs, record.moves);
    this.#untilStable.add({
      waiting: new Set(added.map(({ process }) => process)),
      done: () => record.recoveredMs = Math.round((nowUs() - atUs) / 1_000),
    });
  }

  async #scaleDown(event: PlannedChaos): Promise<void> {
    const { state } = this.#options;
    const victims = this.#targets.workers(event, Math.min(event.count, this.#targets.spare));
    if (victims.length === 0) return this.#skip(event, "too few workers");
    const owned = await Promise.all(victims.map((member) => this.#targets.owned(member)));
    const record = this.#record(event, `removing ${victims.map(({ name }) => name).join(", ")}`);
    const atUs = nowUs();
    state.chaos(atUs, record.moves);
    const gone = victims.map((member, index) => ({ member, owned: owned[index]!, atUs }));
    this.#watchGone(record, gone, "leaving");
    for (const victim of victims) this.#later(() => this.#leave(victim));
  }

  #crashProducer(event: PlannedChaos): void {
    const { fleet, state } = this.#options;
    const victim = this.#targets.producer(event);
    if (victim === undefined) return this.#skip(event, "no producer runs");
    const record = this.#record(event, victim.name);
    const atUs = fleet.kill(victim);
    state.chaos(atUs, record.moves);
    this.#later(async () => {
      await victim.exited;
      await pauseFor(event.downMs, this.#stopped.signal);
      fleet.spawn("producer", victim.index);
      record.recoveredMs = Math.round((nowUs() - atUs) / 1_000);
    });
  }

  async #crashServer(event: PlannedChaos): Promise<void> {
    const { server, state } = this.#options;
    if (server === undefined) return this.#skip(event, "the server is not ours");
    if (this.#serverAway) return this.#skip(event, "the server is away already");
    this.#serverAway = true;
    const record = this.#record(event, "nats-server");
    const atUs = nowUs();
    state.chaos(atUs, record.moves);
    state.outage(atUs, Number.POSITIVE_INFINITY);
    await server.kill();
    this.#later(async () => {
      await pauseFor(event.downMs, this.#stopped.signal);
      await server.restart();
      this.#serverAway = false;
      state.outage(atUs, nowUs());
      record.recoveredMs = Math.round((nowUs() - atUs) / 1_000);
    });
  }

  async #leave(member: Member): Promise<void> {
    const left = await this.#options.fleet.leave(member);
    if (!left) this.#options.state.incidents.push(`${member.process} did not leave when asked to`);
  }

  /** The event is over when all partitions of all who went are handled by others. */
  #watchGone(
    record: ChaosRecord,
    gone: readonly { member: Member; owned: Owned; atUs: number }[],
    how: Departure,
  ): void {
    let open = gone.length;
    let worstUs = 0;
    for (const { member: { process }, owned, atUs } of gone) {
      this.#options.state.gone({ ...owned, process, atUs, how }, (recoveredUs) => {
        worstUs = Math.max(worstUs, recoveredUs);
        if (--open === 0) record.recoveredMs = Math.round(worstUs / 1_000);
      });
    }
  }

  #record(event: PlannedChaos, target: string): ChaosRecord {
    this.#options.console.log("CHAOS", `Injecting event: ${event.type} (${target})`);
    const atMs = Math.round(performance.now() - this.#startMs);
    const moves = { total: 0, needed: 0 };
    const record = { atMs, type: event.type, target, recoveredMs: null, moves };
    this.records.push(record);
    return record;
  }

  #skip(event: PlannedChaos, why: string): void {
    this.#options.console.log("CHAOS", `Skipping event: ${event.type} (${why})`);
    const atMs = Math.round(performance.now() - this.#startMs);
    const moves = { total: 0, needed: 0 };
    const what = { type: event.type, target: "", recoveredMs: null, moves };
    this.records.push({ atMs, ...what, skipped: why });
  }

  #later(work: () => Promise<void>): void {
    const done: Promise<void> = work().catch((error) => {
      this.#options.state.incidents.push(`chaos could not be carried out: ${error}`);
    }).finally(() => this.#aftermath.delete(done));
    this.#aftermath.add(done);
  }
}
