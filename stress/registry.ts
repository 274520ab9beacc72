/**
 * All that can be measured, in the order in which it is shown.
 *
 * @module
 */
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
 * @param module the address of a module that exports `catalog`; the project's own if left out
 * @returns the catalog
 */
export async function loadCatalog(module?: string): Promise<Catalog> {
  if (module === undefined) return CATALOG;
  const { catalog }: { catalog: Catalog } = await import(module);
  return catalog;
}
