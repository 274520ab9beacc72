/**
 * What the report says of the run itself: when it was, on what machine, how long it took.
 *
 * @module
 */
import { parse } from "yaml";
import { describeConfig } from "../config/config.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import type { Fault } from "../fault/fault.ts";
import { MachineLoad } from "../measure/machine_load.ts";
import { withoutPasswords } from "../report/passwords.ts";
import type { Findings } from "./conclude.ts";

/** What a run was asked to be. */
export interface Asked {
  /** The checked configuration. */
  readonly config: SimulationConfig;
  /** Its file. */
  readonly configFile: string;
  /** What the program has to be called with for the same run again. */
  readonly arguments: readonly string[];
  /** The seed. */
  readonly seed: number;
  /** The run's ID. */
  readonly runId: string;
  /** A planted defect. */
  readonly fault: Fault | undefined;
}

/** It begins when it is made. */
export class RunFacts {
  /** How busy the machine is. */
  readonly machineLoad: MachineLoad = new MachineLoad();
  /** How long the start took, in milliseconds; null until then. */
  startupMs: number | null = null;
  readonly #asked: Asked;
  readonly #startedAt = new Date();
  readonly #startMs = performance.now();
  #loadStartMs: number | undefined;
  #loadMs: number | undefined;

  /** @param asked what it was asked to be */
  constructor(asked: Asked) {
    this.#asked = asked;
  }

  /** Producers are at work from now on. */
  loadBegins(): void {
    this.#loadStartMs = performance.now();
  }

  /** Producers have ended. */
  loadEnds(): void {
    this.#loadMs = this.loadMs;
  }

  /** How long producers have been at work, in milliseconds. */
  get loadMs(): number {
    if (this.#loadStartMs === undefined) return 0;
    return this.#loadMs ?? performance.now() - this.#loadStartMs;
  }

  /**
   * Tells it all.
   *
   * @param natsServerVersion the server
   */
  tell(natsServerVersion: string): Findings["run"] {
    const { config, configFile, seed, runId, fault } = this.#asked;
    const plainConfig = parse(withoutPasswords(describeConfig(config))) as Record<string, unknown>;
    return {
      runId,
      seed,
      configFile,
      arguments: this.#asked.arguments,
      config: plainConfig,
      fault: fault?.kind ?? null,
      startedAt: this.#startedAt.toISOString(),
      durationMs: Math.round(performance.now() - this.#startMs),
      natsServerVersion,
      machine: this.machineLoad.machine,
      partitions: config.partitions.count,
      startup: { workers: config.workers.count, allStableMs: this.startupMs },
    };
  }
}
