/**
 * A catalog of cases that are quick to measure, for the tests of the suite itself. Its address says what is planted: `?heap=1.15&slow=2`.
 * No test of its own.
 *
 * @module
 */
import { existsSync, mkdirSync } from "node:fs";
import type { CaseOutcome, Catalog, StressCase } from "../case.ts";
import { collectedMemory } from "../child/collected_memory.ts";

const planted = new URL(import.meta.url).searchParams;
const factor = (name: string) => Number(planted.get(name) ?? 1);

const HEAP_MB = 8;
const WORK_MS = 60;
const held: unknown[] = [];
/** For so long there is a process that a case has started which hangs. */
export const HANGS_SECONDS = 30;

async function measure(heapMb: number, workMs: number): Promise<CaseOutcome> {
  const beganMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, workMs));
  const durationMs = performance.now() - beganMs;
  // Numbers that are no whole ones take eight bytes each.
  held.push(new Array(Math.round(heapMb * 131_072)).fill(0.5));
  const { heapBytes } = await collectedMemory();
  return {
    samples: [
      { metric: "heap", value: heapBytes / 1_048_576 },
      { metric: "duration", value: durationMs },
    ],
  };
}

function toy(name: string, run: StressCase["run"], more: Partial<StressCase> = {}): StressCase {
  return {
    ...{ group: "toy", name, title: `a toy: ${name}`, metrics: [], repetitions: 1, quick: false },
    ...{ server: false, timeoutMs: 30_000, run },
    ...more,
  };
}

/** Whether this process was started with `--allow-natives-syntax`. */
function areIntrinsicsAllowed(): boolean {
  try {
    return new Function("return %IsSmi(1)")();
  } catch {
    return false;
  }
}

/** The catalog. */
export const catalog: Catalog = {
  cases: [
    toy("baseline", () => measure(0, 0), {
      repetitions: 3,
      metrics: [{
        ...{ name: "heap", unit: "MB", kind: "memory", better: "lower", what: "the heap" },
      }],
    }),
    toy("both", () => measure(HEAP_MB * factor("heap"), WORK_MS * factor("slow")), {
      ...{ repetitions: 3, baseline: "baseline", quick: true },
      metrics: [
        {
          ...{ name: "heap", unit: "MB", kind: "memory", better: "lower", what: "the heap" },
          ...{ overBaseline: true, target: { atMost: HEAP_MB * 1.5 } },
        },
        {
          ...{ name: "duration", unit: "ms", kind: "duration", better: "lower", what: "the work" },
        },
      ],
    }),
    toy(
      "flagged",
      () =>
        Promise.resolve({ samples: [{ metric: "flags", value: Number(areIntrinsicsAllowed()) }] }),
      { v8Flags: ["--allow-natives-syntax"] },
    ),
    toy("server", async ({ monitorUrl, serverPid }) => {
      const told = await (await fetch(`${monitorUrl}/varz`)).json();
      const isThere = existsSync(`/proc/${serverPid}`);
      return {
        samples: [{ metric: "pid", value: serverPid }],
        problems: isThere && told.jetstream !== undefined ? [] : ["it is not the server"],
      };
    }, {
      server: true,
      metrics: [{
        ...{
          name: "pid",
          unit: "",
          kind: "count",
          better: "neither",
          what: "the server's process",
        },
      }],
    }),
    toy("loses-server", ({ serverPid }) => {
      Deno.kill(serverPid, "SIGKILL");
      return new Promise(() => {});
    }, { server: true }),
    toy("spoils", () => {
      const folder = planted.get("spoils");
      if (folder !== null) mkdirSync(folder);
      return Promise.resolve({ samples: [{ metric: "one", value: 1 }] });
    }, {
      metrics: [{ ...{ name: "one", unit: "", kind: "count", better: "neither" }, what: "one" }],
    }),
    toy("waits", () => new Promise(() => {})),
    toy("infinite", () => Promise.resolve({ samples: [{ metric: "slope", value: Infinity }] })),
    toy("throws", () => Promise.reject(new Error("planted"))),
    toy("dies", () => Deno.exit(7)),
    toy("hangs", () => {
      // What it has started hangs, too, and would hold its standard error for so long.
      new Deno.Command("sleep", { args: [String(HANGS_SECONDS)] }).spawn();
      return new Promise(() => {});
    }, { timeoutMs: 2_000 }),
  ],
  studies: [],
};

/**
 * The address of this catalog.
 *
 * @param plant what is planted
 */
export function toyRegistry(plant: Readonly<Record<string, number | string>> = {}): string {
  const url = new URL(import.meta.url);
  for (const [name, value] of Object.entries(plant)) url.searchParams.set(name, String(value));
  return url.href;
}

/**
 * One of its cases.
 *
 * @param name its name
 */
export function toyCase(name: string): StressCase {
  return catalog.cases.find((one) => one.name === name)!;
}
