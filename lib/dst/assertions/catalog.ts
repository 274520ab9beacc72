/**
 * What a workload asserts, declared before anything runs: an assertion that was declared and never evaluated in any run is a miss, and
 * one that was not declared cannot be evaluated.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";

/** An assertion without figures. */
export interface PlainDeclaration<K extends PlainKind = PlainKind> {
  /** What it demands. */
  readonly kind: K;
  /** What it means, one sentence for reports. */
  readonly about: string;
}

/** Kinds of assertion without figures. */
export type PlainKind =
  | "always"
  | "alwaysOrUnreachable"
  | "sometimes"
  | "reachable"
  | "unreachable";

/** An assertion on a number. */
export interface NumericDeclaration<K extends NumericKind = NumericKind> {
  /** What it demands. */
  readonly kind: K;
  /** What it means, one sentence for reports. */
  readonly about: string;
  /** The bound, in the number's own unit. */
  readonly bound: number;
}

/** Kinds of assertion on a number. */
export type NumericKind = "alwaysAtMost" | "alwaysAtLeast" | "sometimesAtLeast";

/** An assertion on a set of keys. */
export interface EachDeclaration<Key extends string = string> {
  /** What it demands. */
  readonly kind: "sometimesEach";
  /** What it means, one sentence for reports. */
  readonly about: string;
  /** The keys, each of which has to be seen in some run. No other may be seen in any. */
  readonly keys: readonly Key[];
}

/** One assertion of a workload. */
export type Declaration = PlainDeclaration | NumericDeclaration | EachDeclaration;

/** All assertions of a workload, by name. */
export type Catalog = Readonly<Record<string, Declaration>>;

/** The names of a catalog's assertions of one kind. */
export type NamesOf<C extends Catalog, K extends Declaration["kind"]> = {
  [N in keyof C & string]: C[N]["kind"] extends K ? N : never;
}[keyof C & string];

/** The keys of a `sometimesEach`. */
export type KeysOf<C extends Catalog, N extends keyof C> = C[N] extends EachDeclaration<infer Key>
  ? Key
  : never;

/**
 * Whenever it is evaluated it has to hold, and it has to be evaluated in some run.
 *
 * @param about what it means, one sentence
 * @returns the declaration
 */
export function always(about: string): PlainDeclaration<"always"> {
  return { kind: "always", about };
}

/**
 * Whenever it is evaluated it has to hold; that it never is, is fine.
 *
 * @param about what it means, one sentence
 * @returns the declaration
 */
export function alwaysOrUnreachable(about: string): PlainDeclaration<"alwaysOrUnreachable"> {
  return { kind: "alwaysOrUnreachable", about };
}

/**
 * It has to hold at least once in some run: the simulation gets into that situation at all.
 *
 * @param about what it means, one sentence
 * @returns the declaration
 */
export function sometimes(about: string): PlainDeclaration<"sometimes"> {
  return { kind: "sometimes", about };
}

/**
 * The place has to be reached in some run.
 *
 * @param about what it means, one sentence
 * @returns the declaration
 */
export function reachable(about: string): PlainDeclaration<"reachable"> {
  return { kind: "reachable", about };
}

/**
 * The place must not be reached in any run.
 *
 * @param about what it means, one sentence
 * @returns the declaration
 */
export function unreachable(about: string): PlainDeclaration<"unreachable"> {
  return { kind: "unreachable", about };
}

/**
 * A number that never exceeds a bound; reports show how far it went.
 *
 * @param bound the most that is allowed, in the number's own unit
 * @param about what it means, one sentence with the unit
 * @returns the declaration
 */
export function alwaysAtMost(bound: number, about: string): NumericDeclaration<"alwaysAtMost"> {
  return { kind: "alwaysAtMost", bound, about };
}

/**
 * A number that never falls below a bound; reports show how far it went.
 *
 * @param bound the least that is allowed, in the number's own unit
 * @param about what it means, one sentence with the unit
 * @returns the declaration
 */
export function alwaysAtLeast(bound: number, about: string): NumericDeclaration<"alwaysAtLeast"> {
  return { kind: "alwaysAtLeast", bound, about };
}

/**
 * A number that has to reach a bound in some run; reports show the best so far.
 *
 * @param bound what has to be reached, in the number's own unit
 * @param about what it means, one sentence with the unit
 * @returns the declaration
 */
export function sometimesAtLeast(
  bound: number,
  about: string,
): NumericDeclaration<"sometimesAtLeast"> {
  return { kind: "sometimesAtLeast", bound, about };
}

/**
 * Each of these has to be seen in some run, and nothing else in any: every state, every legal transition.
 *
 * @param keys what has to be seen
 * @param about what it means, one sentence
 * @returns the declaration
 */
export function sometimesEach<const Key extends string>(
  keys: readonly Key[],
  about: string,
): EachDeclaration<Key> {
  return { kind: "sometimesEach", keys, about };
}

/**
 * Puts catalogs together. Within one catalog the compiler sees to it that names are unique; here this function does.
 *
 * @param first a catalog
 * @param second another one
 * @returns both in one
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if both declare a name
 */
export function combineCatalogs<A extends Catalog, B extends Catalog>(
  first: A,
  second: B,
): A & B {
  const twice = Object.keys(second).filter((name) => Object.hasOwn(first, name));
  if (twice.length > 0) throw wrongCatalog(`declared twice: ${twice.join(", ")}`, twice);
  return { ...first, ...second };
}

/**
 * Checks what the compiler cannot: bounds that are numbers, sets of keys that are sets.
 *
 * @param catalog the catalog
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for the first declaration that makes no sense
 */
export function checkCatalog(catalog: Catalog): void {
  for (const [name, declaration] of Object.entries(catalog)) {
    if (name.trim() === "") throw wrongCatalog("an assertion has an empty name", name);
    if ("bound" in declaration && !Number.isFinite(declaration.bound)) {
      throw wrongCatalog(`the bound of "${name}" is not a number`, declaration.bound);
    }
    if (declaration.kind !== "sometimesEach") continue;
    if (declaration.keys.length === 0) throw wrongCatalog(`"${name}" has no keys`, name);
    if (new Set(declaration.keys).size < declaration.keys.length) {
      throw wrongCatalog(`"${name}" has a key twice`, declaration.keys);
    }
  }
}

function wrongCatalog(what: string, value: unknown): PartiError {
  return new PartiError("PARTI_INVALID_CONFIG", `catalog of assertions: ${what}`, { value });
}
