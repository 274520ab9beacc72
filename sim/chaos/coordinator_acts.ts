/**
 * What happens to the coordinator itself: it is killed, and another one goes on where it was, with the processes that live.
 *
 * @module
 */
import type { ChaosRecord } from "../report/report.ts";
import { pauseFor } from "../run/wait.ts";
import { nowUs } from "../streams/message.ts";
import type { PlannedChaos } from "./chaos_plan.ts";
import { finishChanges } from "./partition_acts.ts";
import type { Scene } from "./scene.ts";

/** So long after its last checkpoint it is killed at most: what comes in meanwhile must not be forgotten either. */
const MAX_AFTER_MS = 1_000;
/** No longer than this it waits for its end. */
const UNKILLED_MS = 60_000;

/**
 * Has this very process killed with SIGKILL. The event is in a checkpoint by then, so that the next coordinator does not do it again; and
 * no other event begins until then.
 */
export async function crashCoordinator(scene: Scene, event: PlannedChaos): Promise<void> {
  const { crash, signal, state } = scene.options;
  if (crash === undefined) return scene.skip(event, "nobody is there who would start it again");
  scene.dying = true;
  scene.record(event, `coordinator, process ${Deno.pid}`);
  await scene.saved;
  await crash({ afterMs: event.picks[0]! * MAX_AFTER_MS, downMs: event.downMs });
  await pauseFor(UNKILLED_MS, signal);
  if (signal?.aborted !== true) state.incidents.push("the coordinator was to be killed, and lives");
}

/**
 * Goes on with the event that has killed the coordinator before this one: its fault is over, and it is recovered once all is known that
 * happened meanwhile.
 *
 * @param scene the scene, with the records of before
 * @param killedUs when it was killed, in microseconds since 1970
 * @param caughtUp returns true once all that happened meanwhile is known, and false if that does not come
 * @returns when it has returned
 */
export async function comeBack(
  scene: Scene,
  killedUs: number,
  caughtUp: () => Promise<boolean>,
): Promise<void> {
  const record = scene.records.findLast(({ type, skipped }) => {
    return type === "coordinator_crash" && skipped === undefined;
  });
  if (record === undefined) return;
  reopenCutOff(scene, record, killedUs);
  scene.reopen(record, killedUs, () => {
    return record.recoveredMs === null ? "what happened meanwhile is not known yet" : undefined;
  });
  if (await caughtUp()) record.recoveredMs = Math.round((nowUs() - killedUs) / 1_000);
}

/** Whatever else was not over when the coordinator was killed has its window, too: the group has to be whole again after each event. */
function reopenCutOff(scene: Scene, crash: ChaosRecord, killedUs: number): void {
  const cutOff = scene.records.filter(({ number, wholeMs, failed }) => {
    return scene.cutOff.includes(number) && number !== crash.number && wholeMs === null &&
      failed === undefined;
  });
  const last = cutOff.findLast(({ type }) => type === "partition_changes");
  const unfinished = last === undefined ? undefined : finishChanges(scene, last);
  for (const record of cutOff) {
    scene.validation.begin(record, killedUs, () => record === last ? unfinished?.() : undefined);
    scene.validation.ended(record);
  }
}
