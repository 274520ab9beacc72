/**
 * Hunts planted bugs: plants one in a copy of the project, and runs seeds there until one fails.
 *
 * @module
 */

import { type Mutant, plant } from "../lib/dst/mutants/mutant.ts";
import { isSmall } from "../lib/dst/plan/shrink.ts";
import type { RunFailure } from "../lib/dst/run_plan.ts";
import { runCommand } from "./run_command.ts";

/** What a copy of the project needs to run simulations. */
const NEEDED = ["deno.json", "deno.lock", "mod.ts", "lib", "tasks", "configs", "sim", "stress"];
/** Longer than any run of a seed that is well; a planted bug may make one endless. */
const SEED_LIMIT = "60s";
const HUNT_TIMEOUT_MS = 6 * 60 * 60_000;
/** So many further seeds that fail are tried where a plan stays large. */
const OTHER_SEEDS = 4;
/** The workload of mutants that name none. */
export const WORKLOAD_DEFAULT = "core";

/** How a bug is looked for. */
export interface HuntOptions {
  /** The most seeds. */
  readonly maxSeeds: number;
  /** How long to make the failing plan smaller, such as `60s`; undefined if not at all. */
  readonly shrinkTime: string | undefined;
}

/** Seeds to run. */
interface Run {
  readonly workload: string;
  readonly first: number;
  readonly count: number;
  readonly twice: boolean;
  readonly shrinkTime?: string | undefined;
}

/** What was found first. */
export interface Finding {
  /** The seed. */
  readonly seed: number;
  /** How it failed. */
  readonly failure: Pick<RunFailure, "kind" | "check" | "message">;
  /** What is left of its plan, or of that of a later seed which became smaller; undefined if none was made smaller. */
  readonly left: { readonly operations: number; readonly faults: number } | undefined;
}

/** What came of a hunt. */
export interface Hunt {
  /** Which bug. */
  readonly mutant: Mutant;
  /** What was found; undefined if nothing was, and a text if the bug could not be planted. */
  readonly found: Finding | string | undefined;
  /** How long it took, in milliseconds. */
  readonly elapsedMs: number;
}

/** Two copies of the project: one to plant bugs in, and one without. */
export class HuntingGround implements AsyncDisposable {
  readonly #folder: string;
  readonly #soundSeeds = new Map<string, Finding | undefined>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Copies the project.
   *
   * @param root its top
   * @returns the copies; they are removed when this is disposed of
   */
  static async open(root: string): Promise<HuntingGround> {
    const folder = await Deno.makeTempDir({ prefix: "parti-mutants-" });
    for (const copy of ["sound", "planted"]) {
      await Deno.mkdir(`${folder}/${copy}`);
      for (const name of NEEDED) await copyAll(`${root}/${name}`, `${folder}/${copy}/${name}`);
    }
    return new HuntingGround(folder);
  }

  /** Removes the copies. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }

  /**
   * Runs seeds without any bug.
   *
   * @param workload of which
   * @param count how many, from the first
   * @returns what fails all the same; undefined if nothing does
   */
  control(workload: string, count: number): Promise<Finding | undefined> {
    return this.#run("sound", { workload, first: 1, count, twice: false });
  }

  /**
   * Hunts one bug.
   *
   * @param mutant the bug
   * @param options how
   * @returns what came of it
   */
  async hunt(mutant: Mutant, { maxSeeds, shrinkTime }: HuntOptions): Promise<Hunt> {
    const startMs = performance.now();
    const file = `${this.#folder}/planted/${mutant.file}`;
    const source = await Deno.readTextFile(file);
    const planted = plant(mutant, source);
    let found: Finding | string | undefined = "what it replaces does not occur exactly once";
    if (planted !== undefined) {
      await Deno.writeTextFile(file, planted);
      try {
        const { twice = false, workload = WORKLOAD_DEFAULT } = mutant;
        found = await this.#search({ maxSeeds, shrinkTime, twice, workload });
      } finally {
        await Deno.writeTextFile(file, source);
      }
    }
    return { mutant, found, elapsedMs: performance.now() - startMs };
  }

  async #search(
    { maxSeeds, shrinkTime, twice, workload }: HuntOptions & { twice: boolean; workload: string },
  ): Promise<Finding | undefined> {
    for (let first = 1; first <= maxSeeds;) {
      const count = maxSeeds - first + 1;
      const found = await this.#run("planted", { workload, first, count, twice, shrinkTime });
      // A seed that fails the same way without the bug shows nothing of it.
      if (found === undefined) return undefined;
      if (!await this.#failsAnyway(workload, found, twice)) {
        return await this.#shrinkOthers(found, { workload, count: maxSeeds, twice, shrinkTime });
      }
      first = found.seed + 1;
    }
    return undefined;
  }

  /** Where the plan of the first seed stays large, those of the next few may become smaller: whoever looks for the bug reads the smallest. */
  async #shrinkOthers(found: Finding, run: Omit<Run, "first">): Promise<Finding> {
    let { left, seed } = found;
    for (let n = 0; n < OTHER_SEEDS && left !== undefined && !isSmall(left); n++) {
      const other = await this.#run("planted", { ...run, first: seed + 1 });
      if (other?.left === undefined) break;
      seed = other.seed;
      const isOfBug = !await this.#failsAnyway(run.workload, other, run.twice);
      if (isOfBug && sizeOf(other.left) < sizeOf(left)) left = other.left;
    }
    return { ...found, left };
  }

  async #failsAnyway(
    workload: string,
    { seed, failure }: Finding,
    twice: boolean,
  ): Promise<boolean> {
    const key = `${workload} ${seed} ${twice}`;
    if (!this.#soundSeeds.has(key)) {
      const run = { workload, first: seed, count: 1, twice };
      this.#soundSeeds.set(key, await this.#run("sound", run));
    }
    const known = this.#soundSeeds.get(key)?.failure;
    return known?.kind === failure.kind && known.check === failure.check;
  }

  /** Runs seeds until the first failure, by the command that everybody has. */
  async #run(
    copy: "sound" | "planted",
    { workload, first: firstSeed, count, twice, shrinkTime }: Run,
  ): Promise<Finding | undefined> {
    const out = `${this.#folder}/out`;
    await Deno.mkdir(out, { recursive: true });
    const { code, stdout, stderr } = await runCommand(Deno.execPath(), [
      ...["run", "--quiet", "--no-check", "--allow-all", "tasks/parti.ts", "dst"],
      ...["--workload", workload, "--first-seed", `${firstSeed}`, "--seeds", `${count}`],
      ...["--max-failures", "1", "--jobs", "1", "--allow-misses", "--seed-limit", SEED_LIMIT],
      ...["--out", out, ...(twice ? ["--twice"] : [])],
      ...(shrinkTime === undefined ? [] : ["--shrink", "--shrink-time", shrinkTime]),
    ], { cwd: `${this.#folder}/${copy}`, timeoutMs: HUNT_TIMEOUT_MS, env: { NO_COLOR: "1" } });
    try {
      if (code === 0) return undefined;
      const report = JSON.parse(await Deno.readTextFile(`${out}/report.json`));
      const [first] = report.reports[0].failures;
      // Few seeds may evaluate nothing of a promise, which is a failure of the whole and of no seed.
      if (first === undefined) return undefined;
      const { seed, failure } = first;
      return { seed, failure, left: await leftOf(`${out}/${workload}-${seed}-small.json`) };
    } catch (cause) {
      throw new Error(`dst ended with ${code}: ${stderr.slice(-2_000)}${stdout.slice(-2_000)}`, {
        cause,
      });
    } finally {
      await Deno.remove(out, { recursive: true });
    }
  }
}

/** A fault is as much to read as three operations. */
function sizeOf({ operations, faults }: NonNullable<Finding["left"]>): number {
  return operations + 3 * faults;
}

async function leftOf(file: string): Promise<Finding["left"]> {
  try {
    const { operations, faults } = JSON.parse(await Deno.readTextFile(file));
    return { operations: operations.length, faults: faults.length };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function copyAll(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) {
    await copyAll(`${from}/${name}`, `${to}/${name}`);
  }
}
