/**
 * Makes the planned things go wrong, each at its time.
 *
 * @module
 */
import type { ChaosType } from "../config/config_schema.ts";
import type { ChaosRecord } from "../report/report.ts";
import type { Member } from "../run/fleet.ts";
import { pauseFor } from "../run/wait.ts";
import type { ChaosPlan, PlannedChaos } from "./chaos_plan.ts";
import { disconnect } from "./network_acts.ts";
import { crashProducer, killServer } from "./other_acts.ts";
import { Scene, type SceneOptions } from "./scene.ts";
import { crash, pause, restart, scaleDown, scaleUp, slowDown } from "./worker_acts.ts";

/** What chaos works on. */
export interface ChaosOptions extends SceneOptions {
  /** What will go wrong. */
  readonly plan: ChaosPlan;
}

/** So much before its time an event may be done if the load ends. */
const LAST_MOMENT_MS = 100;
/** So late an event may still be done after the load has ended. */
const MAX_LATE_MS = 1_000;

type Act = (scene: Scene, event: PlannedChaos) => void | Promise<void>;

const anybody = (scene: Scene, event: PlannedChaos): Member | undefined =>
  scene.targets.workers(event, 1)[0];

/** What is done for each kind. */
const ACTS: Readonly<Record<ChaosType, Act>> = {
  worker_crash: (scene, event) => crash(scene, event, anybody(scene, event)),
  worker_restart: (scene, event) => restart(scene, event, anybody(scene, event)),
  worker_pause: (scene, event) => pause(scene, event, anybody(scene, event)),
  leader_failure: async (scene, event) => crash(scene, event, await scene.targets.leader()),
  leader_pause: async (scene, event) => pause(scene, event, await scene.targets.leader()),
  slow_worker: slowDown,
  scale_up: scaleUp,
  scale_down: scaleDown,
  producer_crash: crashProducer,
  nats_disconnect: disconnect,
  nats_server_kill: killServer,
};

/** Runs a plan. */
export class ChaosRunner {
  readonly #plan: ChaosPlan;
  readonly #scene: Scene;

  /** @param options what it works on */
  constructor(options: ChaosOptions) {
    this.#plan = options.plan;
    this.#scene = new Scene(options);
  }

  /** What was done, in order. */
  get records(): readonly ChaosRecord[] {
    return this.#scene.records;
  }

  /**
   * Injects each event at its time, or a moment later if the one before took long.
   *
   * @param signal ends it early
   */
  async run(signal: AbortSignal): Promise<void> {
    const startMs = performance.now();
    this.#scene.begin();
    for (const event of this.#plan.events) {
      const dueMs = startMs + event.atMs;
      await pauseFor(dueMs - performance.now(), signal);
      const lateMs = performance.now() - dueMs;
      // The load may end at the very moment of the last event.
      if (signal.aborted && (lateMs < -LAST_MOMENT_MS || lateMs > MAX_LATE_MS)) return;
      await ACTS[event.type](this.#scene, event);
    }
  }

  /** Ends all pauses and absences at once and waits until every replacement has been started. */
  settle(): Promise<void> {
    return this.#scene.settle();
  }

  /** To be told of each worker's status. */
  onStatus(member: Member): void {
    this.#scene.onStatus(member);
  }
}
