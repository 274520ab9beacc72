/**
 * What is known of a run, as a checkpoint holds it.
 *
 * @module
 */
import type { SavedLedger } from "../ledger/ledger.ts";
import type { SavedMeasurements } from "../measure/measure.ts";
import type { SavedMoves } from "../measure/moves.ts";
import { nowUs } from "../streams/message.ts";
import type { SavedOwners } from "../series/owner_log.ts";
import type { SavedPartitions } from "./partition_set.ts";
import type { RunState } from "./run_state.ts";

/** A time, in microseconds since 1970. */
export interface TimeRange {
  /** Since when. */
  readonly fromUs: number;
  /** Until when. */
  readonly untilUs: number;
}

/** What is known, as JSON holds it. */
export interface SavedState {
  /** The book. */
  readonly ledger: SavedLedger;
  /** The figures. */
  readonly measurements: SavedMeasurements;
  /** The group's partitions. */
  readonly partitions: SavedPartitions;
  /** Who had what since when. */
  readonly owners: SavedOwners;
  /** Who gave what to whom. */
  readonly moves: SavedMoves;
  /** What went wrong, and why the verdict may not be sure. */
  readonly said: Readonly<Record<"incidents" | "violations" | "doubts", readonly string[]>>;
  /** When the server was away. */
  readonly outages: readonly TimeRange[];
  /** Counts for the status line. */
  readonly counts: Readonly<Record<"defects" | "sent" | "effective", number>>;
}

/**
 * What is known, as JSON holds it.
 *
 * @param state what is known
 */
export function saveState(state: RunState): SavedState {
  const { incidents, violations, doubts, outages, defects, sent, effective } = state;
  return {
    ledger: state.ledger.save(),
    measurements: state.measurements.save(),
    partitions: state.partitions.save(),
    owners: state.owners.save(),
    moves: state.moves.save(nowUs()),
    said: { incidents, violations, doubts },
    outages,
    counts: { defects, sent, effective },
  };
}

/**
 * Goes on from there.
 *
 * @param state a state in which nothing is known yet
 * @param saved what was known
 * @param savedUs when, in microseconds since 1970
 * @param living processes that go on as they did
 */
export function loadState(
  state: RunState,
  saved: SavedState,
  savedUs: number,
  living?: ReadonlySet<string>,
): void {
  state.ledger.load(saved.ledger);
  state.measurements.load(saved.measurements);
  state.partitions.load(saved.partitions);
  state.owners.load(saved.owners, savedUs, living);
  state.moves.load(saved.moves, state.partitions.weights);
  for (const name of ["incidents", "violations", "doubts"] as const) {
    state[name].push(...saved.said[name]);
  }
  state.outages.push(...saved.outages);
  Object.assign(state, saved.counts);
}
