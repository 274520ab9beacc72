/**
 * The process of a coordinator that is killed on purpose: its servers, its processes and their networks belong to the one that started it.
 *
 * @module
 */
import { exitWhenParentDies } from "../../tasks/spawn.ts";
import { uncaughtIsUnknown } from "../../tasks/uncaught.ts";
import { readNewest } from "../checkpoint/checkpoint_file.ts";
import type { RunCheckpoint } from "../coordinator/run_checkpoint.ts";
import type { Asked } from "../coordinator/run_facts.ts";
import { connectGround } from "../ground/kept_ground.ts";
import { processConsole } from "../console/status_line.ts";
import { takeAccess } from "../wire/access.ts";
import { execute, type Input, sayGoOn } from "./execute.ts";

/** What the coordinator is told on its standard input when the run is to end in order. */
export const INTERRUPT = "interrupt";

/** Everything it needs to know: the first line on its standard input, since a long timeline is more than an argument may be. */
export interface CoordinatorSpec {
  /** What the run was asked to be. */
  readonly asked: Asked;
  /** The folder of the report. */
  readonly out: string;
  /** What is worth saying of the input. */
  readonly notes: readonly string[];
  /** The folder of what the run needs to go on. */
  readonly checkpointFolder: string;
  /** Whether it goes on from its newest checkpoint. */
  readonly goesOn: boolean;
  /** The socket of the keeper of its ground. */
  readonly socket: string;
}

/**
 * Coordinates a run until it ends, is interrupted, or this process is killed.
 *
 * @returns the exit code
 * @throws {PartiError} if the run could not begin, or not go on
 */
export async function runCoordinator(): Promise<number> {
  using _uncaught = uncaughtIsUnknown();
  const interrupt = new AbortController();
  const spec = Promise.withResolvers<CoordinatorSpec>();
  exitWhenParentDies({
    onLine: (line) => line === INTERRUPT ? interrupt.abort() : spec.resolve(JSON.parse(line)),
  });
  // They reach the whole process group; our parent decides what comes of it.
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => {});
  const { asked, out, notes, checkpointFolder, goesOn, socket } = await spec.promise;
  const console = processConsole(asked.config.logs.format);
  const access = { coordinator: takeAccess(), worker: {}, producer: {} };
  const connection = await Deno.connect({ transport: "unix", path: socket });
  await using ground = await connectGround(connection);
  let input: Input = { ...asked, access, out, notes, checkpointFolder };
  if (goesOn) {
    const { body: resumed, file } = await readNewest<RunCheckpoint>(checkpointFolder);
    input = { ...input, resumed };
    if (ground.left !== undefined) console.log("INFO", `Going on from checkpoint: ${file}`);
  }
  const { code, canGoOn } = await execute(console, input, interrupt.signal, ground);
  if (canGoOn) await sayGoOn(console, checkpointFolder, asked.config);
  else await ground.over();
  return code;
}
