/**
 * A scene without processes for tests of acts: three workers that are said to be Stable. No test of its own.
 *
 * @module
 */
import { SimConsole } from "../console/status_line.ts";
import type { Fleet } from "../run/fleet.ts";
import { RUN_ID, status, TestFleet } from "../run/fleet_rig_test.ts";
import { RunState } from "../run/run_state.ts";
import { Scene, type SceneOptions } from "./scene.ts";

/**
 * Makes a scene.
 *
 * @param owned what each worker says that it owns
 * @param changes what is special
 * @returns the scene, its fleet, and what is known of the run
 */
export function sceneRig(owned: readonly number[], changes: Partial<SceneOptions> = {}) {
  const members = new TestFleet();
  for (const index of [0, 1, 2]) members.add("worker", index, { status: status() });
  members.answer = () => status({ owned: [...owned] });
  const fleet = members as unknown as Fleet;
  const console = new SimConsole({
    write: () => {},
    terminal: false,
    color: false,
    columns: () => 80,
    now: () => new Date(0),
  });
  const state = new RunState(new Array(10).fill(1), () => fleet, console);
  const scene = new Scene({
    runId: RUN_ID,
    fleet,
    state,
    messaging: members.messaging,
    console,
    server: undefined,
    minWorkers: 2,
    timing: { heartbeatTtlMs: 6_000, electionTimeoutMs: 5_000 },
    windowMs: 1_000,
    ...changes,
  });
  return { scene, members, state };
}
