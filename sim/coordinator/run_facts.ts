/**
 * What the report says of the run itself: when it was, on what machine, how long it took.
 *
 * @module
 */
import { parse } from "yaml";
import { describeConfig } from "../config/config.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import type { Fault } from "../fault/fault.ts";
import { MachineLoad, type SavedLoad } from "../measure/machine_load.ts";
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
  readonly fault?: Fault | undefined;
}

/** What is known of a run's time, as JSON holds it. */
export interface SavedFacts {
  /** When the run began, in ISO 8601. */
  readonly startedAt: string;
  /** How long it has lasted, in milliseconds. */
  readonly durationMs: number;
  /** How long producers have been at work, in milliseconds. */
  readonly loadMs: number;
  /** How long the start took, in milliseconds. */
  readonly startupMs: number | null;
  /** How busy the machine was. */
  readonly machine: SavedLoad;
  /** How often the run has been resumed. */
  readonly resumed: number;
}

/** It begins when it is made. */
export class RunFacts {
  /** How busy the machine is. */
  readonly machineLoad: MachineLoad = new MachineLoad();
  /** How long the start took, in milliseconds; null until then. */
  startupMs: number | null = null;
  readonly #asked: Asked;
  /** How often the run has been resumed. */
  resumed = 0;
  #startedAt = new Date().toISOString();
  readonly #startMs = performance.now();
  /** How long it has lasted and producers have been at work before it was resumed. */
  #earlier = { durationMs: 0, loadMs: 0 };
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
    if (this.#loadMs !== undefined) return this.#loadMs;
    const sinceMs = this.#loadStartMs === undefined ? 0 : performance.now() - this.#loadStartMs;
    return this.#earlier.loadMs + sinceMs;
  }

  /** What is known, as JSON holds it. */
  save(): SavedFacts {
    return {
      startedAt: this.#startedAt,
      durationMs: this.#durationMs,
      loadMs: this.loadMs,
      startupMs: this.startupMs,
      machine: this.machineLoad.save(),
      resumed: this.resumed,
    };
  }

  /**
   * The run goes on from there.
   *
   * @param saved what was known
   * @param sinceMs how long ago, if it has gone on since then, in milliseconds
   */
  load(saved: SavedFacts, sinceMs = 0): void {
    const { startedAt, durationMs, loadMs, startupMs, machine, resumed } = saved;
    this.#startedAt = startedAt;
    this.#earlier = { durationMs: durationMs + sinceMs, loadMs: loadMs + sinceMs };
    this.startupMs = startupMs;
    this.machineLoad.load(machine);
    this.resumed = resumed + 1;
  }

  get #durationMs(): number {
    return Math.round(this.#earlier.durationMs + performance.now() - this.#startMs);
  }

  /**
   * Tells it all.
   *
   * @param natsServerVersion the server
   */
  tell(natsServerVersion: string): Findings["run"] {
    const { config, configFile, seed, runId, fault } = this.#asked;
    const plainConfig = parse(describeConfig(config)) as Record<string, unknown>;
    return {
      runId,
      seed,
      configFile,
      arguments: this.#asked.arguments,
      config: plainConfig,
      fault: fault?.kind ?? null,
      startedAt: this.#startedAt,
      durationMs: this.#durationMs,
      resumed: this.resumed,
      natsServerVersion,
      machine: this.machineLoad.machine,
      partitions: config.partitions.count,
      startup: { workers: config.workers.count, allStableMs: this.startupMs },
    };
  }
}
