/**
 * What becomes of what a run measures: it is saved after each process, and said and written in the end.
 *
 * @module
 */
import { describeError } from "../../lib/errors.ts";
import { MachineLoad } from "../../sim/measure/machine_load.ts";
import { note, say } from "../../tasks/console.ts";
import { exitCodes } from "../../tasks/exit_codes.ts";
import type { Catalog, Fault } from "../case.ts";
import { renderStressPage } from "../page/page.ts";
import { resultLines } from "../results/block.ts";
import { caseResults, conclude, studyResults } from "../results/conclude.ts";
import { writeResult, writeWhole } from "../results/files.ts";
import { commitOf, describeMachine } from "../results/machine.ts";
import {
  RESULT_FILE,
  RESULT_FORMAT,
  RESULT_VERSION,
  type StressResult,
} from "../results/result.ts";
import type { Measured } from "./runner.ts";
import type { StressOptions } from "./stress_command.ts";

/** The page's name in the output folder. */
export const PAGE_FILE = "stress.html";

/** What was asked for, checked. */
export interface RunFacts {
  /** The seed, given or not. */
  readonly seed: number;
  /** Whether it is only a sanity check. */
  readonly quick: boolean;
  /** The planted defect. */
  readonly fault: Fault | undefined;
  /** The output folder. */
  readonly out: string;
}

/** A run of the suite. */
export class Run {
  readonly #catalog: Catalog;
  readonly #options: StressOptions;
  readonly #facts: RunFacts;
  readonly #commit: string;
  readonly #startedAt = new Date();
  readonly #load = new MachineLoad();

  private constructor(
    catalog: Catalog,
    options: StressOptions,
    facts: RunFacts,
    commit: string,
  ) {
    this.#catalog = catalog;
    this.#options = options;
    this.#facts = facts;
    this.#commit = commit;
  }

  /**
   * Begins one: its time and the load of the machine count from now on.
   *
   * @param catalog all that can be measured
   * @param options the options as they were given
   * @param facts the same, checked
   * @returns the run
   */
  static async begin(catalog: Catalog, options: StressOptions, facts: RunFacts): Promise<Run> {
    return new Run(catalog, options, facts, await commitOf());
  }

  /** Looks at the load average. */
  readonly loadAverage = (): number => this.#load.sample();

  /**
   * Writes what there is so far: two hours are not lost by what happens after them. Where it cannot be written that is said, and the run goes
   * on.
   *
   * @param soFar what was measured
   */
  async save(soFar: Measured): Promise<void> {
    try {
      await this.#write(await this.#result(soFar, "it has not come to its end"));
    } catch (error) {
      note(`Not saved so far, and tried again: ${describeError(error)}`);
    }
  }

  /**
   * Says what came of it, and then writes it: what was measured is seen even where it cannot be written.
   *
   * @param measured what was measured
   * @param unfinished why that is not all; undefined if it is
   * @returns the exit code
   * @throws {PartiError} `PARTI_REFUSED` if it cannot be written
   */
  async end(measured: Measured, unfinished: string | undefined): Promise<number> {
    const result = await this.#result(measured, unfinished);
    for (const line of resultLines(result)) say(line);
    await this.#write(result);
    say(`Report: ${this.#facts.out}/${PAGE_FILE}, ${RESULT_FILE}`);
    return exitCodes[result.verdict];
  }

  /** Both, so that no page of the run before is beside the data of this one. */
  async #write(result: StressResult): Promise<void> {
    const { out } = this.#facts;
    await writeResult(`${out}/${RESULT_FILE}`, result);
    await writeWhole(`${out}/${PAGE_FILE}`, await renderStressPage(result));
  }

  async #result(
    { cases: measured, natsServerVersion }: Measured,
    unfinished: string | undefined,
  ): Promise<StressResult> {
    const { seed, quick, fault } = this.#facts;
    const cases = caseResults(measured, quick);
    const load = this.#load.machine;
    return {
      ...{ format: RESULT_FORMAT, version: RESULT_VERSION },
      startedAt: this.#startedAt.toISOString(),
      durationMs: Date.now() - this.#startedAt.getTime(),
      ...{ arguments: argumentsAgain(this.#options, seed), seed, quick, fault: fault ?? null },
      ...(unfinished === undefined ? {} : { unfinished }),
      commit: this.#commit,
      machine: await describeMachine(natsServerVersion),
      load,
      ...{ cases, studies: studyResults(this.#catalog.studies, cases) },
      ...conclude(cases, load.cpus, unfinished),
    };
  }
}

function argumentsAgain(options: StressOptions, seed: number): string[] {
  const { only = [], quick, repeat, duration, fault } = options;
  return [
    "stress",
    ...only.flatMap((name) => ["--only", name]),
    ...(quick === true ? ["--quick"] : []),
    ...(repeat === undefined ? [] : ["--repeat", repeat]),
    ...(duration === undefined ? [] : ["--duration", duration]),
    ...(fault === undefined ? [] : ["--fault", fault]),
    ...["--seed", String(seed)],
  ];
}
