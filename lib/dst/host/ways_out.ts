/**
 * The ways out of a simulation: every global by which time, chance or another machine comes in.
 *
 * @module
 */

/** A global, or a member of one. */
export interface Way {
  /** Its name, such as `performance.now`. */
  readonly name: string;
  /** The object on which it is. */
  readonly holder: object;
  /** Its name there. */
  readonly key: string;
  /** How it is there. */
  readonly original: PropertyDescriptor;
  /** What is stubbed: a function or class, the class of dates, or a value that must not even be read. */
  readonly kind: "function" | "date" | "value";
  /** Reads it. */
  readonly read: () => unknown;
}

/**
 * Left out on purpose: `queueMicrotask` and `process.nextTick`, which run within the event that calls them; `clearTimeout` and its like,
 * which do nothing by themselves; `console`, `Deno.stdout` and `Deno.stderr`, which only take.
 */
const GLOBALS = [
  ...["setTimeout", "setInterval", "setImmediate", "fetch", "alert", "confirm", "prompt"],
  ...["WebSocket", "EventSource", "BroadcastChannel", "MessageChannel", "Worker"],
  ...["WeakRef", "FinalizationRegistry", "FileReader", "createImageBitmap", "PerformanceMark"],
];

/** Values that are the world as soon as they are read. */
const VALUES = ["localStorage", "sessionStorage", "caches"];

/** Members, by the path to the object. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  "Math": ["random"],
  "performance": ["now", "mark", "measure", "toJSON"],
  "crypto": ["getRandomValues", "randomUUID"],
  "AbortSignal": ["timeout"],
  // Makes a name that there is not yet.
  "URL": ["createObjectURL"],
  "Atomics": ["wait", "waitAsync"],
  // Compiled on other threads: when it is done is chance.
  "WebAssembly": ["compile", "compileStreaming", "instantiate", "instantiateStreaming"],
  "process": ["hrtime", "uptime", "cpuUsage", "memoryUsage", "resourceUsage", "getBuiltinModule"],
  // Formats the time of the clock where it is given none, and in the zone of the machine.
  "Intl": ["DateTimeFormat"],
  // Read on other threads.
  "Blob.prototype": ["arrayBuffer", "bytes", "stream", "text"],
};

/** Objects all of whose functions are ways out. `crypto.subtle` finishes on other threads. */
const WHOLE = ["crypto.subtle", "Temporal.Now", "Deno.env"];

/** Values that differ from run to run, by the path to the object. */
const MEMBER_VALUES: Readonly<Record<string, readonly string[]>> = {
  "Deno": ["pid", "ppid"],
  "performance": ["timeOrigin"],
  "navigator": ["locks"],
  // The time of the clock, where it is given none.
  "File.prototype": ["lastModified"],
};

/** What of `Deno` touches nothing, or is read by its own test runner. Everything else is a way out, also what later versions add. */
const DENO_HARMLESS = new Set([
  ...["inspect", "test", "bench", "refTimer", "unrefTimer", "FsFile", "Permissions"],
  ...["PermissionStatus", "HttpClient", "UnsafeCallback", "UnsafePointer", "UnsafePointerView"],
  ...["UnsafeFnPointer", "Process", "ChildProcess", "exitCode", "exit", "args", "mainModule"],
  ...["noColor", "telemetry", "serveHttp", "run", "jupyter", "lint", "internal"],
]);

/**
 * Finds all ways out that this version of Deno has.
 *
 * @returns the ways, with what is there now
 */
export function findWays(): Way[] {
  const world: object = globalThis;
  const ways = [
    ...GLOBALS.map((key) => wayTo("", world, key, "function")),
    ...VALUES.map((key) => wayTo("", world, key, "value")),
    wayTo("", world, "Date", "date"),
    wayTo("Date.", Date, "now", "function"),
    // `new (new Date(0)).constructor()` is as much a look at the clock.
    wayTo("Date.prototype.", Date.prototype, "constructor", "date"),
    ...Object.entries(MEMBERS).flatMap(([path, keys]) => membersOf(path, () => keys)),
    ...WHOLE.flatMap((path) => membersOf(path, functionsOf)),
    ...membersOf("Deno", functionsOf),
    ...Object.entries(MEMBER_VALUES).flatMap(([path, keys]) =>
      keys.map((key) => wayTo(`${path}.`, follow(path), key, "value"))
    ),
  ];
  return ways.filter((way) => way !== undefined);
}

function membersOf(
  path: string,
  keysOf: (object: object) => readonly string[],
): (Way | undefined)[] {
  const object = follow(path);
  if (object === undefined) return [];
  return keysOf(object).map((key) => wayTo(`${path}.`, object, key, "function"));
}

function follow(path: string): object | undefined {
  let object: unknown = globalThis;
  for (const key of path.split(".")) object = Reflect.get(object as object, key);
  return typeof object === "object" || typeof object === "function"
    ? object ?? undefined
    : undefined;
}

/** The way to a member, on whichever prototype it is; undefined if it is not there, or cannot be replaced. */
function wayTo(
  prefix: string,
  from: object | undefined,
  key: string,
  kind: Way["kind"],
): Way | undefined {
  for (let holder = from; holder; holder = Object.getPrototypeOf(holder)) {
    const original = Object.getOwnPropertyDescriptor(holder, key);
    if (original === undefined) continue;
    if (original.configurable !== true) return undefined;
    return { name: prefix + key, holder, key, original, kind, read: () => Reflect.get(from!, key) };
  }
  return undefined;
}

function functionsOf(object: object): string[] {
  const own = Object.getOwnPropertyNames(object);
  const keys = [...own, ...Object.getOwnPropertyNames(Object.getPrototypeOf(object))];
  // Some members of `Deno` throw when they are read, so its harmless ones are not.
  const isHarmless = (key: string) => key in Object.prototype || DENO_HARMLESS.has(key);
  return keys.filter((key) => {
    return !isHarmless(key) && typeof Reflect.get(object, key) === "function";
  });
}
