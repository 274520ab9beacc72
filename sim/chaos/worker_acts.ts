/**
 * What happens to workers: they are killed, paused, asked to leave, and joined by others.
 *
 * @module
 */
import { formatDuration } from "../config/units.ts";
import { describeError, isPartiError, OUTAGE_CODES } from "../../lib/errors.ts";
import type { Member } from "../run/fleet.ts";
import { command } from "../run/ask.ts";
import { patiently, pauseFor } from "../run/wait.ts";
import { nowUs } from "../streams/message.ts";
import type { PlannedChaos } from "./chaos_plan.ts";
import type { Owned } from "./chaos_targets.ts";
import type { Scene } from "./scene.ts";

/** How long a worker may take to answer, in milliseconds. */
const TELL_MS = 5_000;
const TOO_FEW = "too few workers";
/** Why an event that needs a worker is skipped. */
export const NOBODY_WELL = "no worker runs that is well";
/** Reports of what happened before are there so long after it, in milliseconds. */
const REPORTED_MS = 1_000;

/** What a victim owns; where there is none that can be spared, or it has just gone, the event is skipped. */
async function ownedByFit(
  scene: Scene,
  event: PlannedChaos,
  victim: Member | undefined,
): Promise<Owned | undefined> {
  if (scene.targets.spare < 1) return void scene.skip(event, TOO_FEW);
  if (victim === undefined) return void scene.skip(event, NOBODY_WELL);
  const owned = await scene.targets.owned(victim);
  if (victim.phase !== "running") return void scene.skip(event, `${victim.name} has just gone`);
  return owned;
}

/** Kills a worker with SIGKILL; another incarnation comes a little later. */
export async function crash(
  scene: Scene,
  event: PlannedChaos,
  victim: Member | undefined,
): Promise<void> {
  const { fleet } = scene.options;
  const owned = await ownedByFit(scene, event, victim);
  if (victim === undefined || owned === undefined) return;
  fleet.expectBack(victim);
  const atUs = fleet.kill(victim);
  const record = scene.record(event, victim.name, atUs);
  scene.hits.silenced(victim, atUs);
  scene.recoveries.untilTakenOver(record, [{ member: victim, owned, atUs }], "killed");
  scene.later(async () => {
    await victim.exited;
    await pauseFor(event.downMs, scene.over);
    fleet.spawn("worker", victim.index);
  }, record);
}

/** Asks a worker to leave with SIGTERM; it comes back with the same name. */
export async function restart(
  scene: Scene,
  event: PlannedChaos,
  victim: Member | undefined,
): Promise<void> {
  const { fleet } = scene.options;
  if (scene.targets.spare < 1) return scene.skip(event, TOO_FEW);
  if (victim === undefined) return scene.skip(event, NOBODY_WELL);
  const owned = await scene.targets.owned(victim);
  const atUs = nowUs();
  const record = scene.record(event, victim.name, atUs);
  scene.recoveries.untilTakenOver(record, [{ member: victim, owned, atUs }], "leaving");
  fleet.expectBack(victim);
  scene.later(async () => {
    await leave(scene, victim);
    fleet.spawn("worker", victim.index);
  }, record);
}

/** Stops a worker where it is with SIGSTOP, for longer than a lease. */
export async function pause(
  scene: Scene,
  event: PlannedChaos,
  victim: Member | undefined,
): Promise<void> {
  const { state } = scene.options;
  const owned = await ownedByFit(scene, event, victim);
  if (victim === undefined || owned === undefined) return;
  const atUs = nowUs();
  const record = scene.record(event, victim.name, atUs);
  const leads = event.type === "leader_pause" || victim.status?.leader === true;
  scene.hits.silenced(victim, atUs, leads);
  scene.recoveries.untilTakenOver(record, [{ member: victim, owned, atUs }], "paused");
  const over = scene.hits.begin(victim);
  scene.later(async () => {
    let stoppedUs = atUs;
    try {
      await using _paused = await victim.hosted!.pause();
      // A host elsewhere may have been told of it late.
      stoppedUs = nowUs();
      await pauseFor(event.downMs, scene.over);
    } finally {
      over();
    }
    const untilUs = nowUs();
    state.ledger.impairments.stopped(victim.process, atUs, untilUs);
    scene.besides(() => checkTakenOver(scene, victim, stoppedUs, untilUs), record);
  }, record);
}

/** Whoever stands still for longer than a lease loses what it has to others, unless they could not act either. */
async function checkTakenOver(
  scene: Scene,
  { process, name }: Member,
  atUs: number,
  untilUs: number,
): Promise<void> {
  const { state } = scene.options;
  const hadTime = scene.hits.hadTime(atUs, untilUs) && !scene.isOutage &&
    state.ledger.impairments.during("", atUs, untilUs) === undefined;
  await pauseFor(REPORTED_MS, new AbortController().signal);
  const untaken = state.measurements.recovery.resumed(process, untilUs);
  if (untaken.length === 0 || !hadTime) return;
  const shown = untaken.slice(0, 10).join(", ") + (untaken.length > 10 ? ", …" : "");
  const stood = formatDuration((untilUs - atUs) / 1_000);
  state.incidents.push(
    `${name} stood still for ${stood}, and nobody took over partitions ${shown}`,
  );
}

/** A worker's handlers take many times as long for a while: its partitions wait, and nobody else's. */
export async function slowDown(scene: Scene, event: PlannedChaos): Promise<void> {
  const { messaging, runId, state, windowMs, signal } = scene.options;
  const [victim] = scene.targets.workers(event, 1);
  if (victim === undefined) return scene.skip(event, NOBODY_WELL);
  const tell = (what: "slow" | "quick") =>
    command(messaging, runId, victim, { command: what }, TELL_MS);
  const atUs = nowUs();
  try {
    await tell("slow");
  } catch (error) {
    if (!isPartiError(error, ...OUTAGE_CODES)) throw error;
    return scene.skip(event, `${victim.name} does not answer: ${describeError(error)}`);
  }
  const record = scene.record(event, victim.name, atUs);
  const over = scene.hits.begin(victim);
  const quickAgain = state.measurements.struck(victim.process, atUs);
  scene.later(async () => {
    await pauseFor(event.downMs, scene.over);
    over();
    // Its server may be away, or the coordinator's connection to it.
    const deadlineMs = performance.now() + windowMs;
    const isGone = () => victim.phase !== "running" || signal?.aborted === true;
    const isOver = () => isGone() || performance.now() > deadlineMs;
    const isQuick = await patiently(isOver, () => tell("quick"));
    if (!isQuick && !isGone()) {
      throw new Error(`${victim.name} could not be told to be quick again`);
    }
    const untilUs = nowUs();
    quickAgain(untilUs);
    scene.recoveries.untilStable(record, [victim], atUs, untilUs);
  }, record);
}

/** More workers come. */
export function scaleUp(scene: Scene, event: PlannedChaos): void {
  const { fleet } = scene.options;
  const added: Member[] = [];
  for (let count = 0; count < event.count; count++) {
    const index = fleet.freeWorkerIndex();
    if (index !== undefined) added.push(fleet.spawn("worker", index));
  }
  if (added.length === 0) return scene.skip(event, "the fleet is as large as it may be");
  const atUs = nowUs();
  const record = scene.record(event, `adding ${namesOf(added)}`, atUs);
  scene.recoveries.untilStable(record, added, atUs, 0);
}

/** Some workers leave for good. */
export async function scaleDown(scene: Scene, event: PlannedChaos): Promise<void> {
  const victims = scene.targets.workers(event, Math.min(event.count, scene.targets.spare));
  if (victims.length === 0) return scene.skip(event, TOO_FEW);
  const owned = await Promise.all(victims.map((member) => scene.targets.owned(member)));
  const atUs = nowUs();
  const record = scene.record(event, `removing ${namesOf(victims)}`, atUs);
  const gone = victims.map((member, index) => ({ member, owned: owned[index]!, atUs }));
  scene.recoveries.untilTakenOver(record, gone, "leaving");
  for (const victim of victims) scene.later(() => leave(scene, victim), record);
}

async function leave(scene: Scene, member: Member): Promise<void> {
  const { fleet, state } = scene.options;
  if (await fleet.leave(member)) return;
  state.incidents.push(`${member.process} did not leave when asked to`);
}

function namesOf(members: readonly Member[]): string {
  return members.map(({ name }) => name).join(", ");
}
