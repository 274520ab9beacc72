/**
 * What the coordinator knows of a run: the book, the figures and the fleet, fed by reports and effects.
 *
 * @module
 */
import { isPartiError } from "../../lib/errors.ts";
import { type Defect, Ledger } from "../ledger/ledger.ts";
import type { SimConsole } from "../console/status_line.ts";
import type { Share } from "../measure/balance.ts";
import { Measurements } from "../measure/measure.ts";
import { type MoveCount, Moves } from "../measure/moves.ts";
import type { Gone } from "../measure/recovery.ts";
import { OwnerLog } from "../series/owner_log.ts";
import { decodeEffect } from "../streams/effect.ts";
import { decodeMessage } from "../streams/message.ts";
import type { Report } from "../wire/wire.ts";
import type { Fleet, Member } from "./fleet.ts";
import { disorderOf, isStable, startupMsOf } from "./group_order.ts";
import { PartitionSet } from "./partition_set.ts";
import type { TimeRange } from "./saved_state.ts";

/** Log lines about defects; the rest is in the report. */
const MAX_DEFECT_LINES = 20;

/** What is known. */
export class RunState {
  /** The book. */
  readonly ledger: Ledger;
  /** The figures. */
  readonly measurements: Measurements = new Measurements();
  /** The group's partitions as they are now. */
  readonly partitions: PartitionSet;
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
  readonly outages: TimeRange[] = [];
  /** Called with each status of a worker. */
  onStatus: (member: Member) => void = () => {};
  /** By how much the clock of the server, which stamps messages and effects, is ahead of ours, in microseconds. */
  serverAheadUs = 0;
  /** Effects that were wrong so far. */
  defects = 0;
  /** Messages stored, for the status line. */
  sent = 0;
  /** Messages with their effect, or among the dead letters, for the status line. */
  effective = 0;
  readonly #fleet: () => Fleet;
  readonly #console: SimConsole;
  #endsUs = Number.POSITIVE_INFINITY;

  /**
   * @param weights weights by partition
   * @param fleet the processes
   * @param console where defects are said at once
   * @param leaseUs a worker's lease, in microseconds
   */
  constructor(
    weights: readonly number[],
    fleet: () => Fleet,
    console: SimConsole,
    leaseUs?: number,
  ) {
    this.partitions = new PartitionSet(weights);
    this.#fleet = fleet;
    this.#console = console;
    this.ledger = new Ledger(weights.length, leaseUs);
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
      case "delivered": {
        const { partition, sequence, startUs } = report.delivery;
        this.measurements.poisonings.began(partition, sequence, startUs);
        return this.ledger.delivered(report.delivery);
      }
      case "lanes":
        return this.#takeLanes(process, report);
      case "impaired":
        return this.ledger.impairments.told(process, report.why, report.fromUs, report.untilUs);
      case "metrics":
        return; // Only for whoever serves them.
      case "violation":
        this.violations.push(`${process}: ${report.message}`);
        this.#console.log("FAIL", `${process}: ${report.message}`);
        return;
      case "trouble":
        this.#console.log("WARN", `${process}: ${report.message}`);
        this.doubts.push(`${process}: ${report.message}`);
        return;
      case "hello":
        if (member === undefined) return;
        member.behindUs = Math.max(0, member.startedUs - report.atUs);
        member.readyUs = report.atUs + member.behindUs;
        return;
      case "memory":
        if (member !== undefined) member.rssBytes = report.rssBytes;
        return;
      case "status":
        if (member === undefined) return;
        member.status = report.status;
        member.statusUs = report.atUs + member.behindUs;
        member.stableUs = isStable(member) ? member.stableUs ?? member.statusUs : undefined;
        return this.onStatus(member);
    }
  }

  /**
   * Takes the word of a worker that a handler begins.
   *
   * @param process the worker's process and incarnation
   * @param instance the library's instance in it
   * @param partition the partition
   * @param sequence the message's place in it
   * @param startUs when, in microseconds since 1970
   */
  takeBegun(
    process: string,
    instance: string,
    partition: number,
    sequence: number,
    startUs: number,
  ): void {
    this.measurements.poisonings.began(partition, sequence, startUs);
    this.ledger.begun(process, instance, partition, sequence, startUs);
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
   * @param storedUs when it was stored, by the server's clock
   * @param outputSequence its place
   */
  takeEffect(data: Uint8Array, storedUs: number, outputSequence: number): void {
    this.#take(() => {
      const decoded = decodeEffect(data);
      const effect = {
        ...decoded,
        availableUs: decoded.availableUs - this.serverAheadUs,
        storedUs: storedUs - this.serverAheadUs,
        outputSequence,
      };
      const found = this.ledger.effective(effect);
      this.measurements.accept(effect);
      const member = this.#fleet().get(effect.process);
      if (member !== undefined) member.handled++;
      return found;
    });
  }

  /**
   * Takes a dead letter, in the order of the output stream.
   *
   * @param data its payload: the message that was given up
   * @param stampedUs when it was stored, by the server's clock
   */
  takeDeadLetter(data: Uint8Array, stampedUs: number): void {
    this.#take(() => {
      const { partitionId: partition, partitionSequence: sequence, poisoned } = decodeMessage(data);
      const storedUs = stampedUs - this.serverAheadUs;
      const letter = { partition, sequence, storedUs, poisoned: poisoned === true };
      const found = this.ledger.deadLettered(letter);
      if (poisoned) this.measurements.poisonings.deadLettered(partition, sequence);
      return found;
    });
  }

  /** What cannot be read is a defect, too. */
  #take(read: () => readonly Defect[]): void {
    this.effective++;
    try {
      this.#sayDefects(read());
    } catch (error) {
      if (!isPartiError(error, "PARTI_INVARIANT")) throw error;
      this.#sayDefects([this.ledger.strange(error.message)]);
    }
  }

  #sayDefects(found: readonly Defect[]): void {
    for (const { kind, partition, detail } of found) {
      this.defects++;
      if (this.defects > MAX_DEFECT_LINES) continue;
      this.#console.log("FAIL", `${kind} in partition ${partition}: ${detail}`);
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
    return disorderOf(this.#fleet().running("worker"), this.partitions.current, sinceUs);
  }

  /**
   * Whether a worker that runs says that it owns a partition.
   *
   * @param partition its number
   */
  isOwned(partition: number): boolean {
    const workers = this.#fleet().running("worker");
    return workers.some(({ status }) => status?.owned.includes(partition));
  }

  /**
   * Partitions come.
   *
   * @param weights their weights
   * @param atUs when, in microseconds since 1970
   * @returns their numbers
   */
  addPartitions(weights: readonly number[], atUs: number): number[] {
    const added = this.partitions.add(weights, atUs);
    this.ledger.grow(this.partitions.total);
    this.moves.grow(weights, atUs);
    return added;
  }

  /**
   * Partitions go for good: nobody is to own them any more.
   *
   * @param partitions their numbers
   * @param atUs when, in microseconds since 1970
   */
  removePartitions(partitions: readonly number[], atUs: number): void {
    this.partitions.remove(partitions);
    this.moves.shrink(partitions, atUs);
    this.measurements.recovery.removed(partitions);
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
    return startupMsOf(this.#fleet().running("worker"));
  }
}
