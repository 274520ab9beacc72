/**
 * What the coordinator knows of a run: the book, the figures and the fleet, fed by reports and effects.
 *
 * @module
 */
import { isPartiError } from "../../lib/errors.ts";
import type { Messaging } from "../../lib/ports/messaging.ts";
import { Ledger } from "../ledger/ledger.ts";
import type { SimConsole } from "../live/status_line.ts";
import type { Share } from "../measure/balance.ts";
import { Measurements } from "../measure/measure.ts";
import { type MoveCount, Moves } from "../measure/moves.ts";
import type { Gone } from "../measure/recovery.ts";
import { OwnerLog } from "../series/owner_log.ts";
import { decodeEffect } from "../streams/effect.ts";
import {
  type Command,
  controlSubject,
  fromBytes,
  type Report,
  toBytes,
  type WorkerStatus,
} from "../wire/wire.ts";
import type { Fleet, Member } from "./fleet.ts";

/** Log lines about defects; the rest is in the report. */
const MAX_DEFECT_LINES = 20;
const ASK_TIMEOUT_MS = 500;

/** A time, in microseconds since 1970. */
export interface Phase {
  /** Since when. */
  readonly fromUs: number;
  /** Until when. */
  readonly untilUs: number;
}

/** What is known. */
export class RunState {
  /** The book. */
  readonly ledger: Ledger;
  /** The figures. */
  readonly measurements: Measurements = new Measurements();
  /** Who gave what to whom. */
  readonly moves: Moves;
  /** Who had what since when. */
  readonly owners: OwnerLog;
  /** What went wrong apart from messages. */
  readonly incidents: string[] = [];
  /** What workers told that no worker may tell. */
  readonly violations: string[] = [];
  /** Why the verdict may not be sure. */
  readonly doubts: string[] = [];
  /** Who had what once everything had healed, and the highest load over the mean one; undefined before. */
  sharing: { readonly shares: readonly Share[]; readonly maxOverMean: number } | undefined;
  /** When the server was away. */
  readonly outages: Phase[] = [];
  /** Called with each status of a worker. */
  onStatus: (member: Member) => void = () => {};
  /** Effects that were wrong so far. */
  defects = 0;
  /** Messages stored, for the status line. */
  sent = 0;
  /** Messages with their effect, for the status line. */
  effective = 0;
  readonly #fleet: () => Fleet;
  readonly #partitions: number;
  readonly #console: SimConsole;
  #endsUs = Number.POSITIVE_INFINITY;

  /**
   * @param weights weights by partition
   * @param fleet the processes
   * @param console where defects are said at once
   */
  constructor(weights: readonly number[], fleet: () => Fleet, console: SimConsole) {
    this.#partitions = weights.length;
    this.#fleet = fleet;
    this.#console = console;
    this.ledger = new Ledger(weights.length);
    this.owners = new OwnerLog(weights.length);
    this.moves = new Moves(weights, this.ledger.impairments, this.measurements.cutOff);
  }

  /**
   * Takes a child's report.
   *
   * @param process who reports
   * @param report what
   */
  takeReport(process: string, report: Report): void {
    const member = this.#fleet().get(process);
    switch (report.kind) {
      case "sent":
        this.sent += this.ledger.sent(report.partition, report.first, report.last);
        return;
      case "uncertain":
        return this.ledger.uncertain(report.partition, report.sequence);
      case "delivered":
        return this.ledger.delivered(report.delivery);
      case "lanes":
        return this.#takeLanes(process, report);
      case "impaired":
        return this.ledger.impairments.add(process, report.why, report.fromUs, report.untilUs);
      case "violation":
        this.violations.push(`${process}: ${report.message}`);
        this.#console.log("FAIL", `${process}: ${report.message}`);
        return;
      case "trouble":
        this.#console.log("WARN", `${process}: ${report.message}`);
        return;
      case "hello":
        if (member !== undefined) member.readyUs = report.atUs;
        return;
      case "memory":
        if (member !== undefined) member.rssBytes = report.rssBytes;
        return;
      case "status":
        if (member === undefined) return;
        member.status = report.status;
        member.statusUs = report.atUs;
        member.stableUs = isStable(member) ? member.stableUs ?? report.atUs : undefined;
        return this.onStatus(member);
    }
  }

  #takeLanes(process: string, { change, partitions, atUs }: Report & { kind: "lanes" }): void {
    if (atUs > this.#endsUs) return;
    this.measurements.lanes(change, process, partitions, atUs);
    if (change === "acquired") {
      this.moves.acquired(process, partitions, atUs);
      this.owners.acquired(process, partitions, atUs);
    } else this.owners.letGo(process, partitions, atUs);
  }

  /**
   * Takes the next message of the output stream.
   *
   * @param data its payload
   * @param storedUs when it was stored
   * @param outputSequence its place
   */
  takeEffect(data: Uint8Array, storedUs: number, outputSequence: number): void {
    this.effective++;
    let found;
    try {
      const effect = { ...decodeEffect(data), storedUs, outputSequence };
      found = this.ledger.effective(effect);
      this.measurements.accept(effect);
      const member = this.#fleet().get(effect.process);
      if (member !== undefined) member.handled++;
    } catch (error) {
      if (!isPartiError(error, "PARTI_INVARIANT")) throw error;
      found = [this.ledger.strange(error.message)];
    }
    for (const { kind, partition, detail } of found) {
      this.defects++;
      if (this.defects <= MAX_DEFECT_LINES) {
        this.#console.log("FAIL", `${kind} in partition ${partition}: ${detail}`);
      }
    }
  }

  /** Workers that run and are Stable. */
  get stable(): Member[] {
    return this.#fleet().running("worker").filter(isStable);
  }

  /**
   * Why the group is not in order yet.
   *
   * @param sinceUs what workers said before is not believed any more, in microseconds since 1970: they may be cut off
   * @returns undefined if all workers are Stable and every partition has exactly one owner
   */
  disorder(sinceUs = 0): string | undefined {
    const workers = this.#fleet().running("worker");
    if (workers.length === 0) return "no worker runs";
    const states = workers.flatMap((member) => {
      const { name, status, statusUs } = member;
      const silent = status === undefined || statusUs === undefined || statusUs < sinceUs;
      if (isStable(member) && !silent) return [];
      return [`${name} is ${silent ? "silent" : status.state}`];
    });
    if (states.length > 0) return states.join(", ");
    const owners = new Array<number>(this.#partitions).fill(0);
    for (const { status } of workers) {
      for (const partition of status!.owned) owners[partition]!++;
    }
    const orphans = owners.filter((count) => count === 0).length;
    const shared = owners.filter((count) => count > 1).length;
    if (orphans === 0 && shared === 0) return undefined;
    return `${orphans} partitions without an owner, ${shared} with more than one`;
  }

  /**
   * A chaos event happens.
   *
   * @param atUs when, in microseconds since 1970
   * @param moves takes the moves that follow
   */
  chaos(atUs: number, moves: MoveCount): void {
    this.measurements.chaos(atUs);
    this.moves.event(atUs, moves);
  }

  /**
   * From now on all workers leave: what they hand to each other is nobody's recovery, and no move.
   *
   * @param atUs when, in microseconds since 1970
   */
  ending(atUs: number): void {
    this.#endsUs = atUs;
  }

  /**
   * A worker was killed, paused, or asked to leave.
   *
   * @param gone the worker
   * @param onRecovered called with the time in microseconds once all its partitions are handled elsewhere
   */
  gone(gone: Gone, onRecovered: (recoveredUs: number) => void): void {
    this.measurements.gone(gone, onRecovered);
    this.moves.gone(gone.process, gone.how, gone.atUs);
    if (gone.how !== "killed") return;
    this.ledger.handlers.killed(gone.process, gone.atUs);
    this.owners.letGo(gone.process, gone.partitions, gone.atUs);
  }

  /**
   * The server is away.
   *
   * @param fromUs since when, in microseconds since 1970
   * @param untilUs when it was back; infinite while it is away
   */
  outage(fromUs: number, untilUs: number): void {
    this.measurements.outage(fromUs, untilUs);
    if (!Number.isFinite(untilUs)) return;
    this.outages.push({ fromUs, untilUs });
    this.ledger.impairments.outage(fromUs, untilUs);
  }

  /**
   * From the first worker's readiness until all workers were Stable at once, in milliseconds; null while they are not.
   */
  get startupMs(): number | null {
    const workers = this.#fleet().running("worker");
    const ready = workers.map(({ readyUs }) => readyUs);
    const stable = workers.map(({ stableUs }) => stableUs);
    if (ready.includes(undefined) || stable.includes(undefined)) return null;
    return Math.round((Math.max(...stable as number[]) - Math.min(...ready as number[])) / 1_000);
  }
}

function isStable({ status }: Member): boolean {
  return status?.state === "Stable";
}

/**
 * Asks a worker what it is doing.
 *
 * @param messaging where
 * @param runId the run
 * @param member the worker
 * @returns its answer, or what it last reported if there is none
 */
export async function askStatus(
  messaging: Messaging,
  runId: string,
  member: Member,
): Promise<WorkerStatus | undefined> {
  try {
    return fromBytes<WorkerStatus>(
      await command(messaging, runId, member, "status", ASK_TIMEOUT_MS),
    );
  } catch {
    return member.status;
  }
}

/**
 * Gives a child a command.
 *
 * @param messaging where
 * @param runId the run
 * @param member the child
 * @param name the command
 * @param timeoutMs how long its answer may take
 * @returns the answer
 */
export function command(
  messaging: Messaging,
  runId: string,
  member: Member,
  name: Command["command"],
  timeoutMs: number,
): Promise<Uint8Array> {
  const subject = controlSubject(runId, member.process);
  return messaging.request(subject, toBytes({ command: name }), timeoutMs);
}
