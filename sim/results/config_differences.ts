/**
 * In what two configurations differ.
 *
 * @module
 */

/** One key that has two values. */
export interface ConfigDifference {
  /** Its path, such as `workers.count`. */
  readonly key: string;
  /** Its value in the one, as JSON; `—` if it is not there. */
  readonly a: string;
  /** Its value in the other. */
  readonly b: string;
}

/**
 * Compares two configurations, key by key. The seed and the name are left out: they are no part of what is asked of the group.
 *
 * @param a the one
 * @param b the other
 * @returns what differs, by path
 */
export function configDifferences(a: object, b: object): ConfigDifference[] {
  const [ofA, ofB] = [flat(a), flat(b)];
  const keys = [...new Set([...ofA.keys(), ...ofB.keys()])].sort();
  return keys.filter((key) => !LEFT_OUT.has(key) && ofA.get(key) !== ofB.get(key))
    .map((key) => ({ key, a: ofA.get(key) ?? "—", b: ofB.get(key) ?? "—" }));
}

const LEFT_OUT: ReadonlySet<string> = new Set(["simulation.seed", "simulation.name"]);

/** Lists are values: what stands where in them has no name. */
function flat(node: unknown, path = ""): Map<string, string> {
  const isSection = typeof node === "object" && node !== null && !Array.isArray(node);
  const entries = isSection ? Object.entries(node) : [];
  if (entries.length === 0) return new Map(path === "" ? [] : [[path, JSON.stringify(node)]]);
  return new Map(
    entries.flatMap(([key, value]) => [...flat(value, path === "" ? key : `${path}.${key}`)]),
  );
}
