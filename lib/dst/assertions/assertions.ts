/**
 * The assertions of one run, as a workload sees them. One that is broken ends the run after the event that broke it; it does not throw,
 * because what it would throw into is the code under test, which may swallow it or leave a rejection that nobody handles.
 *
 * @module
 */
import {
  type Catalog,
  checkCatalog,
  type Declaration,
  type KeysOf,
  type NamesOf,
} from "./catalog.ts";
import { beyond, emptyTally, type Tallies, type Tally } from "./tally.ts";

/** Called when an assertion is broken, with its name and what was seen. */
export type OnBroken = (name: string, message: string) => void;

/** Asserts what several catalogs declare: code that serves several workloads needs no more of any. */
export interface Always<Name extends string> {
  /** See {@linkcode Assertions.always}. */
  always(name: Name, holds: boolean, detail?: Detail): void;
}

/** What was seen, for the message of a broken assertion: a text, or a function where making the text costs something. */
export type Detail = string | (() => string);

/** An assertion and what it has seen. */
interface Live {
  readonly declaration: Declaration;
  readonly tally: Tally;
  /** How often each declared key was seen. */
  readonly keys: Map<string, number>;
}

/** Evaluates the assertions of a catalog. */
export class Assertions<C extends Catalog = Catalog> {
  readonly #live = new Map<string, Live>();
  readonly #onBroken: OnBroken;

  /**
   * Makes them for one run.
   *
   * @param catalog what is declared
   * @param onBroken called when an assertion is broken or was not declared
   * @throws {PartiError} `PARTI_INVALID_CONFIG` if a declaration makes no sense
   */
  constructor(catalog: C, onBroken: OnBroken) {
    checkCatalog(catalog);
    this.#onBroken = onBroken;
    for (const [name, declaration] of Object.entries(catalog)) {
      const keys = declaration.kind === "sometimesEach" ? declaration.keys : [];
      const unseen = new Map(keys.map((key): [string, number] => [key, 0]));
      this.#live.set(name, { declaration, tally: emptyTally(), keys: unseen });
    }
  }

  /**
   * It has to hold now, whenever this is now.
   *
   * @param name of a declared `always`
   * @param holds whether it does
   * @param detail what was seen, if it does not
   */
  always(name: NamesOf<C, "always">, holds: boolean, detail: Detail = ""): void {
    this.#mustHold(name, "always", holds, detail);
  }

  /**
   * It has to hold now, should there ever be a now.
   *
   * @param name of a declared `alwaysOrUnreachable`
   * @param holds whether it does
   * @param detail what was seen, if it does not
   */
  alwaysOrUnreachable(
    name: NamesOf<C, "alwaysOrUnreachable">,
    holds: boolean,
    detail: Detail = "",
  ): void {
    this.#mustHold(name, "alwaysOrUnreachable", holds, detail);
  }

  /**
   * It has to hold at least once in some run.
   *
   * @param name of a declared `sometimes`
   * @param holds whether it does now
   */
  sometimes(name: NamesOf<C, "sometimes">, holds: boolean): void {
    this.#count(name, "sometimes", holds);
  }

  /**
   * This place is reached.
   *
   * @param name of a declared `reachable`
   */
  reachable(name: NamesOf<C, "reachable">): void {
    this.#count(name, "reachable", true);
  }

  /**
   * This place is reached, and should not be.
   *
   * @param name of a declared `unreachable`
   * @param detail what was seen
   */
  unreachable(name: NamesOf<C, "unreachable">, detail: Detail = ""): void {
    this.#mustHold(name, "unreachable", false, detail);
  }

  /**
   * A number that must not exceed its bound.
   *
   * @param name of a declared `alwaysAtMost`
   * @param value the number, in its own unit
   * @param detail what was seen, if it is too much
   */
  alwaysAtMost(name: NamesOf<C, "alwaysAtMost">, value: number, detail: Detail = ""): void {
    const bound = this.#watch(name, "alwaysAtMost", value);
    if (bound !== undefined) {
      this.#mustHold(
        name,
        "alwaysAtMost",
        value <= bound,
        () => figures(value, "≤", bound, detail),
      );
    }
  }

  /**
   * A number that must not fall below its bound.
   *
   * @param name of a declared `alwaysAtLeast`
   * @param value the number, in its own unit
   * @param detail what was seen, if it is too little
   */
  alwaysAtLeast(name: NamesOf<C, "alwaysAtLeast">, value: number, detail: Detail = ""): void {
    const bound = this.#watch(name, "alwaysAtLeast", value);
    if (bound !== undefined) {
      this.#mustHold(
        name,
        "alwaysAtLeast",
        value >= bound,
        () => figures(value, "≥", bound, detail),
      );
    }
  }

  /**
   * A number that has to reach its bound in some run.
   *
   * @param name of a declared `sometimesAtLeast`
   * @param value the number now, in its own unit
   */
  sometimesAtLeast(name: NamesOf<C, "sometimesAtLeast">, value: number): void {
    const bound = this.#watch(name, "sometimesAtLeast", value);
    if (bound !== undefined) this.#count(name, "sometimesAtLeast", value >= bound);
  }

  /**
   * One of a set of keys is seen. A key that is not declared breaks the assertion.
   *
   * @param name of a declared `sometimesEach`
   * @param key which one
   * @param detail what was seen, should the key not be declared
   */
  sometimesEach<N extends NamesOf<C, "sometimesEach">>(
    name: N,
    key: KeysOf<C, N>,
    detail: Detail = "",
  ): void {
    const live = this.#find(name, "sometimesEach");
    if (live === undefined) return;
    const text: string = key;
    const count = live.keys.get(text);
    this.#count(name, "sometimesEach", count !== undefined);
    if (count !== undefined) live.keys.set(text, count + 1);
    else this.#broken(name, () => join(`"${text}" is not among the declared keys`, detail));
  }

  /** What the assertions have seen so far: plain data, a copy. */
  tallies(): Tallies {
    const copies: [string, Tally][] = [];
    for (const [name, { tally, keys }] of this.#live) {
      const seen = [...keys].filter(([, count]) => count > 0);
      copies.push([name, { ...tally, keys: Object.fromEntries(seen) }]);
    }
    return Object.fromEntries(copies);
  }

  #mustHold(name: string, kind: Declaration["kind"], holds: boolean, detail: Detail): void {
    if (this.#count(name, kind, holds) && !holds) this.#broken(name, detail);
  }

  #count(name: string, kind: Declaration["kind"], holds: boolean): boolean {
    const live = this.#find(name, kind);
    if (live === undefined) return false;
    live.tally.evaluated++;
    if (holds) live.tally.held++;
    else live.tally.notHeld++;
    return true;
  }

  #watch(name: string, kind: Declaration["kind"], value: number): number | undefined {
    const live = this.#find(name, kind);
    if (live === undefined || !("bound" in live.declaration)) return undefined;
    // What is not a number has no place in a report, which is JSON; it breaks its bound all the same.
    if (Number.isFinite(value)) live.tally.watermark = beyond(kind, live.tally.watermark, value);
    return live.declaration.bound;
  }

  #find(name: string, kind: Declaration["kind"]): Live | undefined {
    const live = this.#live.get(name);
    if (live?.declaration.kind === kind) return live;
    const what = live === undefined ? "not declared" : `declared as ${live.declaration.kind}`;
    this.#onBroken(name, `used as ${kind}, but ${what}`);
    return undefined;
  }

  #broken(name: string, detail: Detail): void {
    const text = typeof detail === "string" ? detail : detail();
    this.#onBroken(name, text === "" ? this.#live.get(name)!.declaration.about : text);
  }
}

function figures(value: number, relation: string, bound: number, detail: Detail): string {
  return join(`${value} is not ${relation} ${bound}`, detail);
}

function join(text: string, detail: Detail): string {
  const more = typeof detail === "string" ? detail : detail();
  return more === "" ? text : `${text}: ${more}`;
}
