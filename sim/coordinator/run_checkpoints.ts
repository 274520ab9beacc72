/**
 * Writes what a run has to know to go on, and, once its coordinator is about to be killed, what comes in after that.
 *
 * @module
 */
import { Checkpoints } from "../checkpoint/checkpoints.ts";
import { Journal } from "../checkpoint/journal.ts";
import type { SimConsole } from "../console/status_line.ts";
import type { JournalEntry } from "./conclusions.ts";
import { type RunCheckpoint, type RunParts, saveRun } from "./run_checkpoint.ts";
import type { Asked } from "./run_facts.ts";

/** What it needs. */
export interface RunCheckpointsOptions extends Asked {
  /** Where they go; must exist. */
  readonly folder: string;
  /** Where the report goes. */
  readonly out: string;
  /** What is remembered. */
  readonly parts: RunParts;
  /** The processes of the run's own servers. */
  readonly serverPids: () => readonly number[];
  /** When the load began, in microseconds since 1970. */
  readonly loadFromUs: () => number;
  /** Where trouble is said. */
  readonly console: SimConsole;
}

/** Writes them. */
export class RunCheckpoints implements AsyncDisposable {
  readonly #options: RunCheckpointsOptions;
  readonly #checkpoints: Checkpoints;
  #journal: Journal | undefined;

  /** @param options what it needs */
  constructor(options: RunCheckpointsOptions) {
    this.#options = options;
    const { folder, console, config: { checkpointing } } = options;
    this.#checkpoints = new Checkpoints({
      ...{ folder, intervalMs: checkpointing.interval, keep: checkpointing.keep },
      take: () => this.#take(),
      onTrouble: (message) => console.log("WARN", message),
    });
  }

  /** From now on one is written at each interval; the first one at once. */
  start(): void {
    this.#checkpoints.start();
  }

  /**
   * Writes one.
   *
   * @returns when it is written, or could not be
   */
  soon(): Promise<void> | undefined {
    return this.#checkpoints.soon();
  }

  /**
   * Puts an entry into the journal, if there is one by now.
   *
   * @param entry what came in, or was concluded
   */
  keep(entry: JournalEntry): void {
    this.#journal?.append(entry);
  }

  /** Writes what is under way and nothing more. Safe to call twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#checkpoints[Symbol.asyncDispose]();
    this.#journal?.[Symbol.dispose]();
    this.#journal = undefined;
  }

  #take(): RunCheckpoint {
    const { config, configFile, arguments: again, seed, runId, fault, out } = this.#options;
    const { parts, serverPids, loadFromUs } = this.#options;
    return {
      asked: { config, configFile, arguments: again, seed, runId, ...(fault && { fault }) },
      out,
      loadFromUs: loadFromUs(),
      serverPids: serverPids(),
      journal: this.#nextJournal(),
      ...saveRun(parts),
    };
  }

  /** Only a coordinator that is killed on purpose is followed by one that goes on with its processes. */
  #nextJournal(): number {
    const { parts: { chaos, state }, folder, config: { checkpointing: { keep } } } = this.#options;
    if (!chaos.isDying) return 0;
    const onTrouble = (message: string) => void state.doubts.push(message);
    this.#journal ??= new Journal({ folder, keep, onTrouble });
    return this.#journal.next();
  }
}
