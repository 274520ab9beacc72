/**
 * What a run is made from.
 *
 * @module
 */
import type { Ground } from "../ground/ground.ts";
import type { SimConsole } from "../console/status_line.ts";
import type { RunLogs } from "../logs/run_logs.ts";
import type { RunAccess } from "../wire/access.ts";
import type { RunCheckpoint } from "./run_checkpoint.ts";
import type { Asked } from "./run_facts.ts";

/** What a run is made from. */
export interface RunOptions extends Asked {
  /** Who it is to the servers. */
  readonly access: RunAccess;
  /** Where it is said. */
  readonly console: SimConsole;
  /** Where what the processes write goes. */
  readonly logs: RunLogs;
  /** The folder for the report. */
  readonly out: string;
  /** The folder for checkpoints and the server's store; the run writes none if left out. */
  readonly checkpointFolder?: string | undefined;
  /** The run as it was, if it is to go on from there. */
  readonly resumed?: RunCheckpoint | undefined;
  /** What the run stands on, where that is not to be its own. */
  readonly ground?: Ground | undefined;
  /** Called once there is a server with the run's streams: until then nothing is run. */
  readonly onBegin: () => void;
  /** Ends the run early. */
  readonly signal: AbortSignal;
}
