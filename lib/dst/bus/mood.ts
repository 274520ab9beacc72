/**
 * What kind of day a run is: on most of them anything goes wrong.
 *
 * @module
 */
import type { Plan } from "../plan/plan.ts";
import type { DrawsFor } from "../workload.ts";

/** How many runs have no faults at all: by their families alone they would be one in hundreds. */
const CALM = 0.06;
/** How many have crashes and nothing else. */
const CRASHES = 0.12;

/**
 * Draws which families of faults a run has.
 *
 * @param drawn the families of another run
 * @param draws where the numbers come from
 * @returns them, all but crashes, or none
 */
export function drawMood(
  drawn: Readonly<Record<string, boolean>>,
  draws: DrawsFor,
): Record<string, boolean> {
  const mood = draws("calm").float();
  if (mood >= CALM + CRASHES) return { ...drawn };
  const isOn = (family: string) => mood >= CALM && family === "crash";
  return Object.fromEntries(Object.keys(drawn).map((family) => [family, isOn(family)]));
}

/** Whether nothing goes wrong in a run. */
export function isCalm({ faults, swarm, buggify }: Plan): boolean {
  const isSound = swarm["buggify"] !== true && Object.values(buggify).every((isOn) => !isOn);
  return faults.length === 0 && isSound;
}

/** Whether nothing goes wrong in a run but that processes crash, or leave. */
export function isCrashesOnly({ faults, swarm }: Plan): boolean {
  return swarm["buggify"] !== true &&
    faults.every(({ kind }) => kind === "crash" || kind === "leave");
}
