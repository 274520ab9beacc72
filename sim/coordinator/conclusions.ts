/**
 * What a coordinator has concluded, for the journal: how events of chaos stand, what went wrong, what makes the verdict unsure. Whoever comes
 * after it could not conclude the same from what was heard.
 *
 * @module
 */
import type { ChaosRecord } from "../report/report.ts";
import type { RunState } from "../run/run_state.ts";
import type { Heard } from "../wire/inbox.ts";
import type { RunCheckpoint } from "./run_checkpoint.ts";

/** Conclusions as a journal holds them; the last ones hold. */
export interface Concluded {
  /** All events. */
  readonly chaos: readonly ChaosRecord[];
  /** What went wrong. */
  readonly incidents: readonly string[];
  /** Why the verdict may not be sure. */
  readonly doubts: readonly string[];
  /** What workers told that no worker may tell. It is in their reports, which a journal has; a checkpoint is written for it. */
  readonly violations: readonly string[];
}

/** An entry of a run's journal. */
export type JournalEntry = Heard | { readonly concluded: Concluded };

/** Puts conclusions into the journal when there are new ones, and has a checkpoint written when more is wrong. */
export class Conclusions {
  readonly #look: () => Concluded;
  readonly #keep: (entry: JournalEntry) => void;
  readonly #soon: () => unknown;
  #known = "";
  #wrong = 0;

  /**
   * @param look what is concluded by now
   * @param keep puts an entry into the journal, which only a coordinator has that is killed on purpose
   * @param soon has a checkpoint written: whoever resumes a run that was killed knows only what is in one
   */
  constructor(
    look: () => Concluded,
    keep: (entry: JournalEntry) => void,
    soon: () => unknown,
  ) {
    this.#look = look;
    this.#keep = keep;
    this.#soon = soon;
  }

  /** To be called again and again. */
  note(): void {
    const concluded = this.#look();
    const { chaos, incidents, doubts, violations } = concluded;
    const wrong = incidents.length + doubts.length + violations.length;
    if (wrong > this.#wrong) this.#soon();
    this.#wrong = wrong;
    let settled = 0;
    for (const { recoveredMs, wholeMs, failed } of chaos) {
      settled += Number(recoveredMs !== null) + Number(wholeMs !== null) +
        Number(failed !== undefined);
    }
    const known = [chaos.length, settled, incidents.length, doubts.length].join(" ");
    if (known === this.#known) return;
    this.#known = known;
    this.#keep({ concluded });
  }
}

/**
 * What is known of a state, as conclusions.
 *
 * @param state what is known
 * @param chaos the events
 */
export function conclusionsOf(
  { incidents, doubts, violations }: Pick<RunState, "incidents" | "doubts" | "violations">,
  chaos: readonly ChaosRecord[],
): Concluded {
  return { chaos, incidents, doubts, violations };
}

/**
 * A checkpoint with what was concluded after it.
 *
 * @param saved the checkpoint
 * @param journal what came after it
 */
export function withConclusions(
  saved: RunCheckpoint,
  journal: readonly JournalEntry[],
): RunCheckpoint {
  const last = journal.findLast((entry) => "concluded" in entry);
  if (last === undefined) return saved;
  const { chaos, incidents, doubts } = last.concluded;
  const said = { ...saved.state.said, incidents, doubts };
  return { ...saved, chaos, state: { ...saved.state, said } };
}
