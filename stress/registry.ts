/**
 * All that can be measured, in the order in which it is shown.
 *
 * @module
 */
import { pathToFileURL } from "node:url";
import { describeError, PartiError } from "../lib/errors.ts";
import type { Catalog } from "./case.ts";
import { LEAK_CASES } from "./leak/cases.ts";
import { MEMORY_CASES, MEMORY_STUDIES } from "./memory/cases.ts";
import { SCALE_CASES, SCALE_STUDIES } from "./scale/cases.ts";
import { SPEED_CASES } from "./speed/cases.ts";

/** The project's own. */
export const CATALOG: Catalog = {
  cases: [...MEMORY_CASES, ...SCALE_CASES, ...SPEED_CASES, ...LEAK_CASES],
  studies: [...MEMORY_STUDIES, ...SCALE_STUDIES],
};

/**
 * Loads a catalog.
 *
 * @param module the address of a module that exports `catalog`, or its file, from where the program was started; the project's own if left
 * out
 * @returns the catalog
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if there is none
 */
export async function loadCatalog(module?: string): Promise<Catalog> {
  if (module === undefined) return CATALOG;
  const here = pathToFileURL(`${Deno.cwd()}/`).href;
  let found: { readonly catalog?: Catalog };
  try {
    found = await import(new URL(module, here).href);
  } catch (cause) {
    throw noCatalog(module, `cannot be loaded: ${describeError(cause)}`, cause);
  }
  if (found.catalog === undefined) throw noCatalog(module, "exports no `catalog`");
  return found.catalog;
}

function noCatalog(module: string, why: string, cause?: unknown): PartiError {
  return new PartiError("PARTI_INVALID_CONFIG", `--registry: ${module} ${why}`, {
    ...{ value: module, cause },
    hint: "name a module that exports a `catalog`, of the type that stress/case.ts describes",
  });
}
