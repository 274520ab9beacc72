/**
 * When events of chaos are over: once others have what their victims had, or the victims are well again.
 *
 * @module
 */
import type { Departure, SavedRecovery } from "../measure/recovery.ts";
import type { ChaosRecord } from "../report/report.ts";
import type { Member } from "../run/fleet.ts";
import type { RunState } from "../run/run_state.ts";
import { nowUs } from "../streams/message.ts";
import type { Owned } from "./chaos_targets.ts";

/** A worker that goes, with what it had. */
export interface Going {
  /** The worker. */
  readonly member: Member;
  /** What it owned. */
  readonly owned: Owned;
  /** When it went, in microseconds since 1970. */
  readonly atUs: number;
}

/** What workers are waited for. */
interface Waiting {
  readonly processes: Set<string>;
  readonly sinceUs: number;
  readonly done: () => void;
}

/** Waits for it, and writes into the book how long it took. */
export class Recoveries {
  readonly #state: Pick<RunState, "gone" | "measurements">;
  readonly #records: readonly ChaosRecord[];
  readonly #untilStable = new Set<Waiting>();

  /**
   * @param state what is known
   * @param records the book of what was done
   */
  constructor(state: Pick<RunState, "gone" | "measurements">, records: readonly ChaosRecord[]) {
    this.#state = state;
    this.#records = records;
  }

  /**
   * An event is over when all partitions of all who went are handled by others.
   *
   * @param record its place in the book
   * @param gone who went
   * @param how all of them went
   */
  untilTakenOver(record: ChaosRecord, gone: readonly Going[], how: Departure): void {
    const { number: event } = record;
    const onRecovered = untilAll(record, gone.length);
    for (const { member: { process }, owned, atUs } of gone) {
      this.#state.gone({ ...owned, process, atUs, how, event }, onRecovered);
    }
  }

  /**
   * Goes on waiting for what a coordinator before this one has waited for: all but pauses, which have ended with it.
   *
   * @param recoveries what was not taken over yet
   */
  load(recoveries: readonly SavedRecovery[]): void {
    const { recovery } = this.#state.measurements;
    const lasting = recoveries.filter(({ gone }) => gone.how !== "paused");
    for (const [event, left] of Map.groupBy(lasting, ({ gone }) => gone.event)) {
      const record = this.#records.find(({ number }) => number === event);
      const onRecovered = untilAll(record, left.length);
      for (const each of left) recovery.load(each, onRecovered);
    }
  }

  /**
   * An event is over when each of these workers has said that it is Stable.
   *
   * @param record its place in the book
   * @param members the workers
   * @param fromUs when it began, in microseconds since 1970
   * @param sinceUs what they said before does not count
   */
  untilStable(
    record: ChaosRecord,
    members: readonly Member[],
    fromUs: number,
    sinceUs: number = fromUs,
  ): void {
    this.#untilStable.add({
      processes: new Set(members.map(({ process }) => process)),
      sinceUs,
      done: () => record.recoveredMs = Math.round((nowUs() - fromUs) / 1_000),
    });
  }

  /**
   * To be told of each worker's status.
   *
   * @param member the worker
   */
  onStatus(member: Member): void {
    if (member.status?.state !== "Stable") return;
    for (const watch of this.#untilStable) {
      if ((member.statusUs ?? 0) < watch.sinceUs) continue;
      if (!watch.processes.delete(member.process) || watch.processes.size > 0) continue;
      this.#untilStable.delete(watch);
      watch.done();
    }
  }
}

/** An event is over when so many are; the slowest counts. */
function untilAll(record: ChaosRecord | undefined, count: number): (recoveredUs: number) => void {
  let open = count;
  let worstUs = 0;
  return (recoveredUs) => {
    worstUs = Math.max(worstUs, recoveredUs);
    if (--open === 0 && record !== undefined) record.recoveredMs = Math.round(worstUs / 1_000);
  };
}
