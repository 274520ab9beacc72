/**
 * What a coordinator does that comes after one that was killed, and finds its processes at work: it knows what that one knew, hears what
 * that one had heard since its last checkpoint, and lets the processes be.
 *
 * @module
 */
import type { Messaging } from "../../lib/ports/messaging.ts";
import type { World } from "../../lib/ports/world.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import type { Left, PastFault } from "../ground/ground.ts";
import { command } from "../run/ask.ts";
import type { Fleet, Member } from "../run/fleet.ts";
import type { RunState } from "../run/run_state.ts";
import { loadState } from "../run/saved_state.ts";
import { pauseFor, POLL_MS } from "../run/wait.ts";
import type { EffectsReader } from "../streams/effects_reader.ts";
import { nowUs } from "../streams/message.ts";
import { isOutage } from "../streams/outage.ts";
import type { Topology } from "../streams/topology.ts";
import type { Command, PartitionChanges } from "../wire/wire.ts";
import { type JournalEntry, withConclusions } from "./conclusions.ts";
import type { Parts } from "./parts.ts";
import type { RunOptions } from "./run_options.ts";
import type { RunObserver } from "./run_observer.ts";
import type { RunCheckpoint, RunParts } from "./run_checkpoint.ts";

/** So long after its end an act may not have told of a fault yet when a checkpoint is made. */
const TOLD_US = 1_000_000;
/** A process may take so long to have its reports answered for; then it is asked again. */
const REPORT_MS = 5_000;

/**
 * Knows again what the coordinator before knew. Nothing may have been heard yet.
 *
 * @param parts what remembers
 * @param checkpoint its last checkpoint
 * @param left what it has left
 * @param journal what it had heard and concluded since then
 */
export function takeOver(
  parts: RunParts & { readonly observer: Pick<RunObserver, "keeps"> },
  checkpoint: RunCheckpoint,
  left: Left,
  journal: readonly JournalEntry[],
): void {
  const { facts, state, watch, fleet, chaos, reader, inbox, observer } = parts;
  const saved = withConclusions(checkpoint, journal);
  inbox.load(saved.batches);
  const { savedUs } = saved;
  facts.load(saved.facts, (nowUs() - savedUs) / 1_000);
  loadState(state, saved.state, savedUs, left.living);
  watch.load(saved.watch);
  fleet.adopt(saved.fleet, left.processes);
  chaos.load(saved.chaos, saved.aftermath);
  reader.load(saved.effects.last, saved.effects.missed);
  state.moves.begin(savedUs);
  for (const member of fleet.members) {
    if (member.phase === "gone") continue;
    keepsWhatItHas(state, member);
    observer.keeps(member);
  }
  for (const fault of left.faults) {
    if (fault.untilUs > savedUs - TOLD_US) tell(parts, fault);
  }
  for (const entry of journal) if (!("concluded" in entry)) inbox.again(entry);
}

/** What a worker has is no news for whoever counts moves. */
function keepsWhatItHas(
  { moves, measurements }: RunState,
  { process, status, statusUs, phase }: Member,
): void {
  if (status === undefined || statusUs === undefined) return;
  moves.acquired(process, status.owned, statusUs);
  measurements.lanes("acquired", process, status.owned, statusUs);
  if (phase === "leaving") moves.gone(process, "leaving", statusUs);
}

/** The act of which this was a part has not come to its end: what its victim could not do is no defect all the same. */
function tell({ state, fleet }: RunParts, { kind, process, fromUs, untilUs }: PastFault): void {
  const { ledger: { impairments }, measurements, moves, outages } = state;
  const owned = fleet.get(process)?.status?.owned ?? [];
  switch (kind) {
    case "stoodStill":
      impairments.stopped(process, fromUs, untilUs);
      return moves.gone(process, "paused", fromUs);
    case "network":
      impairments.networkFailed(process, fromUs, untilUs);
      return measurements.cut(process, owned, fromUs)(untilUs);
    case "outage": {
      const isKnown = outages.some((one) => one.fromUs < untilUs && fromUs < one.untilUs);
      if (!isKnown) state.outage(fromUs, untilUs);
    }
  }
}

/**
 * Starts those that were killed or asked to leave before, and have not come back.
 *
 * @param fleet the processes
 * @param config how many there are at least
 */
export async function startMissing(
  fleet: Pick<Fleet, "untilLeft" | "running" | "spawn">,
  config: Pick<SimulationConfig, "workers" | "producers">,
): Promise<void> {
  await fleet.untilLeft();
  for (
    const [role, count] of [["worker", config.workers.count], [
      "producer",
      config.producers.count,
    ]] as const
  ) {
    const there = new Set(fleet.running(role).map(({ index }) => index));
    for (let index = 0; there.size < count; index++) {
      if (there.has(index)) continue;
      there.add(index);
      fleet.spawn(role, index);
    }
  }
}

/**
 * Goes on in the middle of the load: everybody is at work already.
 *
 * @param parts the run
 * @param left what the coordinator before has left
 * @param options what the run is made from
 */
export async function goOn(parts: Parts, left: Left, options: RunOptions): Promise<void> {
  const { fleet, stage, reader, chaos, state: { partitions } } = parts;
  const { config, runId, signal } = options;
  await startMissing(fleet, config);
  chaos.comeBack(left.killedUs, () =>
    catchUp({
      ...{ fleet, stage, reader, runId, signal },
      messaging: stage.world.messaging,
      changes: () => partitions.changes,
      patienceMs: config.coordinator.validation_window,
    }));
}

/** What catching up needs. */
export interface CatchUpOptions {
  /** The processes. */
  readonly fleet: Pick<Fleet, "running">;
  /** The way to them. */
  readonly messaging: Messaging;
  /** The run. */
  readonly runId: string;
  /** What partitions came and went until now. */
  readonly changes: () => PartitionChanges;
  /** Where the effects are. */
  readonly stage: { readonly world: Pick<World, "feed">; readonly topology: Topology };
  /** Who reads them. */
  readonly reader: Pick<EffectsReader, "last">;
  /** How long it may take, in milliseconds. */
  readonly patienceMs: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/**
 * Waits until each process that runs now has been heard of, with all that it had to report, and the effects are read that are there by then.
 *
 * @param options what it needs
 * @returns true once that is so; false if it did not come to that
 * @throws what keeps the effects from being read and is no outage
 */
export async function catchUp(options: CatchUpOptions): Promise<boolean> {
  const { fleet, stage, reader, patienceMs, signal } = options;
  const deadlineMs = performance.now() + patienceMs;
  const isOver = () => signal.aborted || performance.now() > deadlineMs;
  const everybody = [...fleet.running("worker"), ...fleet.running("producer")];
  await Promise.all(everybody.map((member) => hear(options, member, isOver)));
  let last: number | undefined;
  while (!isOver()) {
    last ??= await stage.world.feed.streamInfo(stage.topology.effectStream)
      .then(({ lastSequence }) => lastSequence, (error) => {
        if (!isOutage(error)) throw error;
        return undefined;
      });
    if (last !== undefined && reader.last >= last) return true;
    await pauseFor(POLL_MS);
  }
  return false;
}

/** Asks a process until it answers. Whoever is slow on purpose is so no longer. */
async function hear(
  { messaging, runId, changes }: CatchUpOptions,
  member: Member,
  isOver: () => boolean,
): Promise<void> {
  // Whoever is killed meanwhile does not answer any more.
  const tell = (what: Command) =>
    Promise.race([command(messaging, runId, member, what, REPORT_MS), member.exited]);
  while (!isOver() && member.phase === "running") {
    try {
      if (member.role === "producer") await tell({ command: "change", changes: changes() });
      else {
        await tell({ command: "quick" });
        await tell({ command: "report" });
      }
      return;
    } catch {
      // It is not connected at the moment, or not ready yet.
      await pauseFor(POLL_MS);
    }
  }
}
