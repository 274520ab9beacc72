/**
 * Guards a simulation against the world: while one runs, every global by which time, chance or another machine comes in is replaced by a
 * stub that throws, so that code which went past the ports is found where it does so.
 *
 * Not reached from here: references taken before (`const { random } = Math`), and `node:timers`, `node:crypto` and their like when imported by
 * name. The first are found by comparing two runs of a seed, the second by the lint rule. Nor `process.pid`, which nobody can replace: it is
 * found by comparing two processes.
 *
 * Nothing else may be at work in the process meanwhile, as these globals are everybody's.
 *
 * @module
 */
import { SimulationFailure } from "../kernel/failure.ts";
import { findWays, type Way } from "./ways_out.ts";

/** Who is told. */
export interface StubHost {
  /** True time, in virtual milliseconds. */
  readonly nowMs: () => number;
  /** Called with each escape before it is thrown: the code that went past the ports may well catch what it gets. */
  readonly onEscape: (failure: SimulationFailure) => void;
}

/** What a workload may do all the same. */
export interface StubOptions {
  /** Globals that stay, such as `Date` or `crypto.subtle`, each with its members. For third-party code that cannot do without. */
  readonly allow?: readonly string[];
  /** What is there instead of single globals, such as virtual ones: `{ "Math.random": ... }`. */
  readonly replace?: Readonly<Record<string, unknown>>;
}

interface Guard {
  readonly host: StubHost;
  readonly options: StubOptions;
}

interface Saved {
  readonly way: Way;
  readonly original: PropertyDescriptor;
  readonly stub: PropertyDescriptor;
  current: PropertyDescriptor;
}

/** Innermost last. The innermost decides what is allowed, and is told. */
const guards: Guard[] = [];
/** Everything replaced, while any guard stands. */
let saved: Saved[] = [];

/**
 * Replaces the globals. Guards may stand within each other, and may go in any order; the last to go leaves the globals as the first found
 * them.
 *
 * @param host who is told of escapes
 * @param options what is allowed all the same
 * @returns puts back what was there before; harmless when called again
 */
export function installStubs(host: StubHost, options: StubOptions = {}): () => void {
  const guard: Guard = { host, options };
  if (guards.length === 0) saved = findWays().map(save);
  checkNames(options);
  guards.push(guard);
  apply();
  return () => {
    const index = guards.indexOf(guard);
    if (index < 0) return;
    guards.splice(index, 1);
    apply();
    if (guards.length === 0) saved = [];
  };
}

function save(way: Way): Saved {
  const { original } = way;
  const stub: PropertyDescriptor = way.kind === "value"
    ? { configurable: true, get: () => escape(way.name) }
    : { configurable: true, writable: true, value: stubFor(way) };
  return {
    way,
    original,
    stub: { enumerable: original.enumerable ?? false, ...stub },
    current: original,
  };
}

function stubFor(way: Way): unknown {
  const real = way.read();
  if (way.kind === "date") return stubDate(way.name, real as DateConstructor);
  const stub = stubFunction(way.name);
  // What looks at the class only, such as `instanceof`, goes on as before; members such as `hrtime.bigint` are no way out either.
  for (const key of Object.getOwnPropertyNames(real)) {
    const value = (real as Record<string, unknown>)[key];
    if (key === "prototype" && typeof value === "object") Object.assign(stub, { prototype: value });
    else if (typeof value === "function") define(stub, key, stubFunction(`${way.name}.${key}`));
  }
  return stub;
}

function stubFunction(name: string): object {
  // Not an arrow, so that it can be called with `new` too.
  const stub = function (): never {
    return escape(name);
  };
  define(stub, "name", name.slice(name.lastIndexOf(".") + 1));
  return stub;
}

/** A date that is given its time is only a number; the others look at the clock. */
function stubDate(name: string, real: DateConstructor): unknown {
  const stub = function (...parts: unknown[]): object {
    if (new.target === undefined || parts.length === 0) return escape(name);
    return Reflect.construct(real, parts, new.target === stub ? real : new.target);
  };
  stub.prototype = real.prototype;
  define(stub, "name", "Date");
  // `now` is a way out of its own, and stubbed on the real one; the others are found there.
  return Object.setPrototypeOf(stub, real);
}

function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { configurable: true, value });
}

function apply(): void {
  const guard = guards.at(-1);
  for (const one of saved) {
    const wanted = guard === undefined ? one.original : choose(one, guard.options);
    if (wanted === one.current) continue;
    Object.defineProperty(one.way.holder, one.way.key, wanted);
    one.current = wanted;
  }
}

function choose({ way, original, stub }: Saved, options: StubOptions): PropertyDescriptor {
  const { allow = [], replace = {} } = options;
  if (Object.hasOwn(replace, way.name)) {
    return { configurable: true, writable: true, enumerable: false, value: replace[way.name] };
  }
  return allow.some((name) => isAt(way, name)) ? original : stub;
}

function isAt({ name }: Way, path: string): boolean {
  return name === path || name.startsWith(`${path}.`);
}

/** A name that is misspelt would be a permission that does nothing. */
function checkNames({ allow = [], replace = {} }: StubOptions): void {
  for (const path of allow) {
    if (!saved.some(({ way }) => isAt(way, path))) throw new RangeError(`no way out: ${path}`);
  }
  for (const name of Object.keys(replace)) {
    if (!saved.some(({ way }) => way.name === name)) throw new RangeError(`no way out: ${name}`);
  }
}

function escape(name: string): never {
  const guard = guards.at(-1);
  const message = `the world outside was used ${callSite()}`;
  const failure = new SimulationFailure("escape", name, message, guard?.host.nowMs() ?? 0);
  guard?.host.onEscape(failure);
  throw failure;
}

/** The first place on the stack that is in a file, and not in this one. */
function callSite(): string {
  const frames = (new Error().stack ?? "").split("\n").slice(1).map((line) => line.trim());
  const isPlace = (frame: string) => frame.includes("://") && !frame.includes(import.meta.url);
  return frames.find(isPlace) ?? "at an unknown place";
}
