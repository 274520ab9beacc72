/**
 * What a checkpoint holds of a run, and what is done with it when the run goes on.
 *
 * A run that is resumed has the same server's store, the same book and figures, and new processes. What lies between the last checkpoint and
 * the crash is not forgotten: effects are read again from the stream, and producers tell again what they have sent. Only what was
 * known of it from reports alone is: how long handlers took, and who handed what to whom.
 *
 * @module
 */
import type { Aftermath, ChaosRunner } from "../chaos/chaos_run.ts";
import type { Fleet, SavedFleet } from "../run/fleet.ts";
import type { RunState } from "../run/run_state.ts";
import { loadState, type SavedState, saveState } from "../run/saved_state.ts";
import type { ChaosRecord } from "../report/report.ts";
import type { EffectsReader } from "../streams/effects_reader.ts";
import { nowUs } from "../streams/message.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { RunWatch, SavedWatch } from "./run_watch.ts";
import type { Asked, RunFacts, SavedFacts } from "./run_facts.ts";

/** A run as JSON holds it. */
export interface RunCheckpoint {
  /** What it was asked to be. */
  readonly asked: Asked;
  /** Where its report goes; the whole path. */
  readonly out: string;
  /** When this was written, in microseconds since 1970. */
  readonly savedUs: number;
  /** When the load began, in microseconds since 1970. */
  readonly loadFromUs: number;
  /** The process of its server, if that is the run's own. */
  readonly serverPids: readonly number[];
  /** When it was and how long its phases took. */
  readonly facts: SavedFacts;
  /** What is known. */
  readonly state: SavedState;
  /** How it went over time. */
  readonly watch: SavedWatch;
  /** The processes. */
  readonly fleet: SavedFleet;
  /** What chaos has done. */
  readonly chaos: readonly ChaosRecord[];
  /** What came of that and need not be over. */
  readonly aftermath: Aftermath;
  /** How far the effects have been read. */
  readonly effects: { readonly last: number; readonly missed: number };
  /** The last batch of reports of each child. */
  readonly batches: readonly [process: string, number: number][];
  /** Where in the journal it goes on with what was heard later; 0 where there is none. */
  readonly journal: number;
}

/** The parts of a run that have something to remember. */
export interface RunParts {
  /** When it was and how long its phases took. */
  readonly facts: RunFacts;
  /** What is known. */
  readonly state: RunState;
  /** How it goes over time. */
  readonly watch: RunWatch;
  /** The processes. */
  readonly fleet: Fleet;
  /** What chaos has done. */
  readonly chaos: ChaosRunner;
  /** Who reads the effects. */
  readonly reader: EffectsReader;
  /** Who takes reports. */
  readonly inbox: Inbox;
}

/**
 * Takes a run as it is now, at one moment.
 *
 * @param parts what is remembered
 * @returns all that is in a checkpoint but for what the run was asked to be
 */
export function saveRun(
  { facts, state, watch, fleet, chaos, reader, inbox }: RunParts,
): Omit<RunCheckpoint, "asked" | "out" | "loadFromUs" | "serverPids" | "journal"> {
  return {
    savedUs: nowUs(),
    facts: facts.save(),
    state: saveState(state),
    watch: watch.save(),
    fleet: fleet.save(),
    chaos: chaos.records,
    aftermath: chaos.aftermath,
    effects: { last: reader.last, missed: reader.missed },
    batches: inbox.save(),
  };
}

/**
 * Has a run go on. Nothing may have been started yet.
 *
 * @param parts what remembers
 * @param saved the run as it was
 */
export function loadRun(parts: RunParts, saved: RunCheckpoint): void {
  const { facts, state, watch, fleet, chaos, reader, inbox } = parts;
  inbox.load(saved.batches);
  facts.load(saved.facts);
  loadState(state, saved.state, saved.savedUs);
  watch.load(saved.watch, saved.savedUs);
  fleet.load(saved.fleet, saved.savedUs);
  chaos.load(saved.chaos);
  reader.load(saved.effects.last, saved.effects.missed);
}

/**
 * The workers that were at work, or were to be.
 *
 * @param saved the run as it was
 * @param least how many there are at least: those that were away for a moment come back, too
 * @returns their numbers
 */
export function workersOf({ fleet }: RunCheckpoint, least: number): number[] {
  const running = fleet.members.filter(({ role, phase }) =>
    role === "worker" && phase === "running"
  );
  const indexes = new Set(running.map(({ index }) => index));
  for (let index = 0; indexes.size < least; index++) indexes.add(index);
  return [...indexes].sort((a, b) => a - b);
}
