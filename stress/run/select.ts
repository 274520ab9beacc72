/**
 * Which cases are run.
 *
 * @module
 */
import { closest } from "../../lib/config/closest.ts";
import { PartiError } from "../../lib/errors.ts";
import { type Catalog, idOf, type StressCase, takenOff } from "../case.ts";

/**
 * Chooses cases by name: a group, a case, or a law, which stands for the cases it is read out of. Baselines come along.
 *
 * @param catalog all there are
 * @param only the names; none for all
 * @param quick whether only those of the sanity check are wanted; cases that are named by their own name are run all the same
 * @returns the cases, in the order of the catalog
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for a name that there is not
 */
export function selectCases(
  catalog: Catalog,
  only: readonly string[],
  quick: boolean,
): StressCase[] {
  const wanted = new Set<string>();
  if (only.length === 0) addGroups(catalog, quick, wanted);
  for (const name of only) addNamed(catalog, name, quick, wanted);
  for (const one of catalog.cases) {
    if (!wanted.has(idOf(one))) continue;
    const { group, baseline, metrics } = one;
    const along = [baseline, ...metrics.map((metric) => takenOff(one, metric))];
    for (const name of along) if (name !== undefined) wanted.add(idOf({ group, name }));
  }
  return catalog.cases.filter((one) => wanted.has(idOf(one)));
}

function addGroups(catalog: Catalog, quick: boolean, wanted: Set<string>, group?: string): void {
  for (const one of catalog.cases) {
    if ((group === undefined || one.group === group) && (!quick || one.quick)) {
      wanted.add(idOf(one));
    }
  }
}

function addNamed(catalog: Catalog, name: string, quick: boolean, wanted: Set<string>): void {
  if (catalog.cases.some(({ group }) => group === name)) {
    return addGroups(catalog, quick, wanted, name);
  }
  if (catalog.cases.some((one) => idOf(one) === name)) return void wanted.add(name);
  const study = catalog.studies.find((one) => idOf(one) === name);
  if (study === undefined) throw unknownName(catalog, name);
  for (const each of study.cases) wanted.add(idOf({ group: study.group, name: each }));
}

function unknownName(catalog: Catalog, name: string): PartiError {
  const groups = [...new Set(catalog.cases.map(({ group }) => group))];
  const all = [...groups, ...catalog.cases.map(idOf), ...catalog.studies.map(idOf)];
  const near = closest(name, all);
  return new PartiError("PARTI_INVALID_CONFIG", `there is no group or case "${name}"`, {
    value: name,
    hint: near === undefined
      ? `groups are ${groups.join(", ")}; --list shows all cases`
      : `did you mean ${near}? --list shows all`,
  });
}
