/**
 * What `deno task dst` writes and reads: its folder, plans, and the commands that use them again.
 *
 * @module
 */

import { describeError, PartiError } from "../lib/errors.ts";
import type { Plan } from "../lib/dst/plan/plan.ts";
import { formatPlan, parsePlan } from "../lib/dst/plan/plan_json.ts";
import type { DstOptions } from "./dst_options.ts";

/**
 * Reads a plan.
 *
 * @param file its path
 * @returns the plan
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if there is no such file, or it holds no plan
 */
export async function readPlan(file: string): Promise<Plan> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound
      ? "there is no such file"
      : describeError(cause);
    throw new PartiError("PARTI_INVALID_CONFIG", `cannot read the plan ${file}: ${why}`, {
      value: file,
      cause,
    });
  }
  return parsePlan(text, file);
}

/**
 * Makes the folder for what is written, before any work is done for it.
 *
 * @param folder its path
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it cannot be made
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (cause) {
    const why = describeError(cause);
    throw new PartiError("PARTI_INVALID_CONFIG", `cannot create the folder ${folder}: ${why}`, {
      value: folder,
      hint: "name another one with --out",
      cause,
    });
  }
}

/**
 * Writes a plan.
 *
 * @param folder where
 * @param name the file's name, without `.json`
 * @param plan the plan
 * @returns the file's path
 */
export async function writePlan(folder: string, name: string, plan: Plan): Promise<string> {
  const file = `${folder}/${name}.json`;
  await Deno.writeTextFile(file, formatPlan(plan));
  return file;
}

/**
 * Writes anything as JSON.
 *
 * @param file where
 * @param value what
 */
export async function writeJson(file: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** What to run again. */
export interface Again {
  /** The workload; left out where the plan says it. */
  readonly workload?: string;
  /** The seed. */
  readonly seed?: number;
  /** The file of the plan. */
  readonly plan?: string;
  /** Whether it needs two runs to be seen. */
  readonly twice: boolean;
}

/**
 * The command that shows a failure again, to be copied into a shell.
 *
 * @param again what to run
 * @param options how it was run
 * @param standalone whether this is the compiled binary
 * @returns the command
 */
export function replayCommand(
  again: Again,
  { registry, seedLimit }: Pick<DstOptions, "registry" | "seedLimit">,
  standalone: boolean = Deno.build.standalone,
): string {
  const { workload, seed, plan, twice } = again;
  const option = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`--${name}`, quote(String(value))];
  return [
    standalone ? "parti dst" : "deno task dst",
    ...option("registry", registry),
    ...option("workload", workload),
    ...option("seed", seed),
    ...option("plan", plan),
    // A run that was too slow for a short limit may be in time for the usual one.
    ...option("seed-limit", seedLimit),
    ...(twice ? ["--twice"] : []),
    "--trace",
  ].join(" ");
}

function quote(text: string): string {
  return /^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
