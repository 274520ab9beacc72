/**
 * How a run stands, read from what is known of it at the moment somebody looks.
 *
 * @module
 */
import type { Verdict } from "../report/report.ts";
import { brokenInvariants } from "../report/invariants.ts";
import type { Fleet, Member } from "../run/fleet.ts";
import type { RunState } from "../run/run_state.ts";
import type { LiveStatus, LiveWorker } from "./live_message.ts";
import type { LiveOwners } from "./live_owners.ts";

/** What it is read from. */
export interface StandingOptions {
  /** What is known. */
  readonly state: RunState;
  /** The processes. */
  readonly fleet: Pick<Fleet, "members" | "running">;
  /** Who has what. */
  readonly owners: LiveOwners;
  /** What the run is doing. */
  readonly phase: string;
  /** How long there has been load, in milliseconds. */
  readonly loadMs: number;
  /** How long there is to be, in milliseconds. */
  readonly durationMs: number;
  /** Partitions that are on their way. */
  readonly moving: number;
  /** Messages that were passed over. */
  readonly gaps: number;
  /** Those of them that are lost. */
  readonly lost: number;
}

const MAX_REASONS = 10;
/** A reason may have the last words of a process in it. */
const MAX_REASON_LENGTH = 400;

/**
 * How it stands.
 *
 * @param options what it is read from
 */
export function standing(options: StandingOptions): LiveStatus {
  const { state, fleet, owners, phase, loadMs, durationMs, moving, gaps, lost } = options;
  const { duplicateEffects, outOfOrder, interleavings } = state.ledger.soFar;
  const running = fleet.running("worker");
  const leader = running.find(({ status }) => status?.leader === true);
  return {
    phase,
    elapsedMs: Math.round(Math.min(loadMs, durationMs)),
    durationMs,
    ...verdictSoFar(state, lost),
    ...{ sent: state.sent, effective: state.effective, gaps, lost },
    ...{ duplicates: duplicateEffects, outOfOrder, interleavings },
    ...{ workers: running.length, stable: state.stable.length, leader: leader?.name ?? "", moving },
    unowned: state.partitions.current.filter((partition) => !owners.isOwned(partition)).length,
  };
}

/**
 * What can be said of the verdict while the run goes on.
 *
 * @param state what is known
 * @param lost messages that are lost
 */
export function verdictSoFar(
  state: Pick<RunState, "ledger" | "violations" | "incidents" | "doubts" | "defects">,
  lost: number,
): { readonly verdict: Verdict; readonly reasons: string[] } {
  const broken = brokenInvariants({ ...state.ledger.soFar, lost, unexpected: 0, undelivered: 0 });
  // What the counts do not tell apart, such as effects of messages that nobody sent.
  if (broken.length === 0 && state.defects > 0) broken.push(`${state.defects} wrong effects`);
  const failed = [...broken, ...state.violations, ...state.incidents];
  if (failed.length > 0) return { verdict: "fail", reasons: shortened(failed) };
  if (state.doubts.length > 0) return { verdict: "unknown", reasons: shortened(state.doubts) };
  return { verdict: "pass", reasons: [] };
}

/**
 * Not too many reasons, and none too long.
 *
 * @param reasons all of them
 */
export function shortened(reasons: readonly string[]): string[] {
  const shown = reasons.slice(0, MAX_REASONS).map((reason) =>
    reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH)}…` : reason
  );
  const more = reasons.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more`] : shown;
}

/**
 * The workers by their names, each as its latest incarnation is.
 *
 * @param members their processes, in the order in which they were started
 * @param owners who has what
 */
export function liveWorkers(members: readonly Member[], owners: LiveOwners): LiveWorker[] {
  const workers = new Map<string, LiveWorker>();
  const { counts } = owners;
  for (const member of members) {
    const { name, phase, status, rssBytes } = member;
    const number = owners.numberOf(name);
    const runs = phase === "running";
    workers.set(name, {
      ...{ name, number, runs, leads: runs && status?.leader === true },
      state: runs ? status?.state ?? "starting" : phase,
      partitions: counts.get(number) ?? 0,
      handled: (workers.get(name)?.handled ?? 0) + member.handled,
      rssBytes: phase === "gone" ? 0 : rssBytes,
    });
  }
  return [...workers.values()].sort((a, b) => a.number - b.number);
}
