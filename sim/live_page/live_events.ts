/**
 * Chaos events, and which of them have changed since somebody looked.
 *
 * @module
 */
import type { ChaosRecord } from "../report/report.ts";
import { runMsOf, type Series } from "../series/series.ts";
import type { LiveEvent } from "./live_message.ts";

/** The events. */
export class LiveEvents {
  /** Counts up with each change. */
  revision = 0;
  readonly #known: { text: string; event: LiveEvent; revision: number }[] = [];

  /**
   * Looks what has changed.
   *
   * @param records what was done, in order; it only grows
   * @param series when the load was
   * @param fromMs what times are counted from, in milliseconds since the run began
   */
  look(records: readonly ChaosRecord[], series: Pick<Series, "phases">, fromMs: number): void {
    for (const [index, record] of records.entries()) {
      const event = liveEvent(record, index + 1, (runMsOf(series, record.atMs) - fromMs) / 1_000);
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

function liveEvent(record: ChaosRecord, number: number, at: number): LiveEvent {
  const { type, target, recoveredMs, wholeMs, skipped, failed } = record;
  return {
    ...{ number, at, type, target },
    until: recoveredMs === null ? null : Math.round(at * 1_000 + recoveredMs) / 1_000,
    open: skipped === undefined && failed === undefined && wholeMs === null,
    skipped: skipped ?? null,
    failed: failed ?? null,
  };
}
