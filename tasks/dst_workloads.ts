/**
 * Which workloads `deno task dst` runs.
 *
 * @module
 */

import { pathToFileURL } from "node:url";
import { describeError, PartiError } from "../lib/errors.ts";
import { BUS_WORKLOADS } from "../lib/dst/bus/workloads.ts";
import { coreWorkload } from "../lib/dst/core/workload.ts";
import type { AnyWorkload } from "../lib/dst/workload.ts";

/** The workloads of this project, in the order in which they run. */
export const WORKLOADS: readonly AnyWorkload[] = [coreWorkload, ...BUS_WORKLOADS];

/**
 * The workloads to choose from.
 *
 * @param registry the path of a module that exports `workloads`; without one, those of this project
 * @returns the workloads, with unique names
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if there is no such module, or what it exports is no list of workloads
 */
export async function loadWorkloads(registry?: string): Promise<readonly AnyWorkload[]> {
  const workloads = registry === undefined ? WORKLOADS : await importWorkloads(registry);
  const names = workloads.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw wrong(`two workloads are named "${twice}"`, twice);
  return workloads;
}

/**
 * Finds the workloads of a suite: those whose names begin with its own.
 *
 * @param workloads to choose from
 * @param suite its name, such as `bus`; without one, all
 * @returns the workloads
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if there is no such suite
 */
export function ofSuite(
  workloads: readonly AnyWorkload[],
  suite: string | undefined,
): readonly AnyWorkload[] {
  if (suite === undefined) return workloads;
  const suiteOf = (name: string): string => name.split("-")[0]!;
  const found = workloads.filter(({ name }) => suiteOf(name) === suite);
  if (found.length > 0) return found;
  const suites = [...new Set(workloads.map(({ name }) => suiteOf(name)))];
  throw new PartiError("PARTI_INVALID_CONFIG", `there is no suite "${suite}"`, {
    value: suite,
    hint: `there are: ${suites.join(", ")}`,
  });
}

/**
 * Finds workloads by name.
 *
 * @param workloads to choose from
 * @param names which; none means all
 * @returns the workloads
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if there is none of that name, or none at all
 */
export function chooseWorkloads(
  workloads: readonly AnyWorkload[],
  names: readonly string[],
): readonly AnyWorkload[] {
  if (workloads.length === 0) throw wrong("no workload is registered", "");
  const known = workloads.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new PartiError("PARTI_INVALID_CONFIG", `there is no workload "${unknown}"`, {
      value: unknown,
      hint: `there are: ${known.join(", ")}`,
    });
  }
  return workloads.filter(({ name }) => names.length === 0 || names.includes(name));
}

async function importWorkloads(path: string): Promise<readonly AnyWorkload[]> {
  // What a file that is there imports may be missing too: that is told by the import itself.
  const isThere = await Deno.stat(path).then(({ isFile }) => isFile, () => false);
  if (!isThere) {
    throw new PartiError("PARTI_INVALID_CONFIG", `cannot load ${path}: there is no such file`, {
      value: path,
      hint: `paths start from ${Deno.cwd()}`,
    });
  }
  let module: { readonly workloads?: unknown };
  try {
    module = await import(pathToFileURL(path).href);
  } catch (cause) {
    throw wrong(`cannot load ${path}: ${describeError(cause).split("\n")[0]}`, path, cause);
  }
  const { workloads } = module;
  if (Array.isArray(workloads) && workloads.every(isWorkload)) return workloads;
  throw wrong(`${path} exports no list of workloads called \`workloads\``, path);
}

function isWorkload(value: unknown): value is AnyWorkload {
  const { name, assertions, expand, run } = (value ?? {}) as Partial<AnyWorkload>;
  return typeof name === "string" && typeof assertions === "object" &&
    typeof expand === "function" && typeof run === "function";
}

function wrong(message: string, value: unknown, cause?: unknown): PartiError {
  return new PartiError("PARTI_INVALID_CONFIG", message, {
    value,
    hint: "a registry is a module such as `export const workloads = [defineWorkload({ … })]`",
    ...(cause === undefined ? {} : { cause }),
  });
}
