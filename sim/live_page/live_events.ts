/**
 * Chaos events, and which of them have changed since somebody looked.
 *
 * @module
 */
import type { ChaosRecord } from "../report/report.ts";
import { runMsOf, type Series } from "../series/series.ts";
import type { LiveEvent } from "./live_message.ts";

/** What the times of events are told by. */
export interface EventTimes extends Pick<Series, "phases"> {
  /** What they are counted from, in milliseconds since the run began. */
  readonly fromMs: number;
  /** Whether the run has ended. */
  readonly isOver: boolean;
}

/** The events. */
export class LiveEvents {
  /** Counts up with each change. */
  revision = 0;
  #before = 0;
  readonly #known: { text: string; event: LiveEvent; revision: number }[] = [];

  /**
   * Begins.
   *
   * @param before so many events were before the run was resumed: what they have not brought about by now nobody waits for
   */
  begin(before: number): void {
    this.#before = before;
  }

  /**
   * Looks what has changed.
   *
   * @param records what was done, in order; it only grows
   * @param times when the load was, what times are counted from in milliseconds since the run began, and whether it is over
   */
  look(records: readonly ChaosRecord[], times: EventTimes): void {
    const { fromMs, isOver } = times;
    for (const [index, record] of records.entries()) {
      const event = liveEvent(record, {
        at: (runMsOf(times, record.atMs) - fromMs) / 1_000,
        isWaitedFor: !isOver && index >= this.#before,
      });
      const text = JSON.stringify(event);
      if (this.#known[index]?.text === text) continue;
      this.#known[index] = { text, event, revision: ++this.revision };
    }
  }

  /**
   * Those that are new, or have changed.
   *
   * @param revision since then
   */
  since(revision: number): LiveEvent[] {
    return this.#known.filter((known) => known.revision > revision).map(({ event }) => event);
  }
}

function liveEvent(
  record: ChaosRecord,
  { at, isWaitedFor }: { at: number; isWaitedFor: boolean },
): LiveEvent {
  const { number, type, target, recoveredMs, wholeMs, skipped, failed } = record;
  return {
    ...{ number, at, type, target },
    until: recoveredMs === null ? null : Math.round(at * 1_000 + recoveredMs) / 1_000,
    open: isWaitedFor && skipped === undefined && failed === undefined && wholeMs === null,
    skipped: skipped ?? null,
    failed: failed ?? null,
  };
}
