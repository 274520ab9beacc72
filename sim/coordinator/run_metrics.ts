/**
 * The metrics of a run, served while it goes on.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../lib/errors.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import type { SimConsole } from "../console/status_line.ts";
import { exposition } from "../metrics/family.ts";
import { type MetricsServer, serveMetrics } from "../metrics/metrics_server.ts";
import { type RunView, simulationMetrics } from "../metrics/simulation_metrics.ts";
import type { Asked } from "./run_facts.ts";

/** What is shown. */
export interface RunMetricsSource {
  /** The run as it is now, but for what has to be asked. */
  readonly view: () => Omit<RunView, "lost" | "nowMs">;
  /** Messages that are lost; undefined if that cannot be told at the moment. */
  readonly lost: (signal: AbortSignal) => Promise<number | undefined>;
}

/** So long a look at the metrics waits for the server, in milliseconds; then it has the last figure. */
const PATIENCE_MS = 1_000;

/** Serves them. Until there is something to show there are none. */
export class RunMetrics implements AsyncDisposable {
  /** Where they are; undefined if they are not wanted. */
  readonly url: string | undefined;
  readonly #server: MetricsServer | undefined;
  #source: RunMetricsSource | undefined;
  #lost = 0;

  /**
   * @param config whether they are wanted, and where
   * @throws {PartiError} `PARTI_INVALID_CONFIG` if the port is taken, or this is the compiled program
   */
  constructor({ metrics: { prometheus } }: Pick<SimulationConfig, "metrics">) {
    if (prometheus.enabled && Deno.build.standalone) {
      throw new PartiError(
        "PARTI_INVALID_CONFIG",
        "metrics.prometheus.enabled: the compiled program serves no metrics",
        { value: true, hint: "run it from source, or with --set metrics.prometheus.enabled=false" },
      );
    }
    if (prometheus.enabled) this.#server = serveMetrics(prometheus.port, () => this.#text());
    this.url = this.#server?.url;
  }

  /**
   * Begins to serve them, if they are wanted. A run that goes on has the configuration of its beginning: there is no other port that could be
   * asked for, so that it goes on without them where that is taken.
   *
   * @param asked what the run was asked to be, and whether it goes on from a checkpoint
   * @param console where that is said
   * @throws {PartiError} as the constructor does, for a run that begins
   */
  static open(
    { config, resumed }: Pick<Asked, "config"> & { readonly resumed?: unknown },
    console: Pick<SimConsole, "log">,
  ): RunMetrics {
    try {
      return new RunMetrics(config);
    } catch (error) {
      if (resumed === undefined || !isPartiError(error, "PARTI_INVALID_CONFIG")) throw error;
      console.log("WARN", `${error.message}; the run goes on without them`);
      const prometheus = { ...config.metrics.prometheus, enabled: false };
      return new RunMetrics({ metrics: { prometheus } });
    }
  }

  /**
   * From now on there is something to show.
   *
   * @param source what
   */
  show(source: RunMetricsSource): void {
    this.#source = source;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }

  async #text(): Promise<string> {
    const source = this.#source;
    if (source === undefined) return "";
    const lost = await source.lost(AbortSignal.timeout(PATIENCE_MS));
    // A counter never falls.
    this.#lost = Math.max(this.#lost, lost ?? 0);
    const nowMs = Date.now();
    const view = { ...source.view(), lost: this.#lost, nowMs };
    const { fleet, observer: { observations } } = view;
    const phases = new Map(fleet.members.map(({ process, phase }) => [process, phase]));
    const library = await observations.library.families(
      (process) => phases.get(process) !== "gone",
      nowMs,
    );
    return await exposition([simulationMetrics(view), ...library]);
  }
}
