/**
 * What a page is told: all of the run when it comes, and from then on what is new.
 *
 * @module
 */
import type { LogEntry } from "../logs/log_line.ts";
import { chartSamples } from "../report_page/page_data.ts";
import type { ChaosRecord, SimReport } from "../report/report.ts";
import type { Fleet } from "../run/fleet.ts";
import type { RunState } from "../run/run_state.ts";
import { loadFromMs, type Series } from "../series/series.ts";
import { LiveEvents } from "./live_events.ts";
import type { LiveFacts, LiveMessage, LiveWords } from "./live_message.ts";
import { LiveOwners } from "./live_owners.ts";
import { liveWorkers, shortened, standing } from "./standing.ts";

/** A run that goes on. */
export interface LiveRun {
  /** What is known. */
  readonly state: RunState;
  /** The processes. */
  readonly fleet: Pick<Fleet, "members" | "running">;
  /** How it goes over time. */
  readonly watch: {
    readonly startUs: number;
    readonly phase: string;
    readonly soFar: Pick<Series, "stepMs" | "phases" | "samples">;
  };
  /** How long the load is to last, in milliseconds. */
  readonly durationMs: number;
  /** How long it has lasted, in milliseconds. */
  readonly loadMs: () => number;
  /** What chaos has done. */
  readonly chaos: () => readonly ChaosRecord[];
  /** Partitions that are on their way. */
  readonly moving: () => number;
  /** Messages that are lost; undefined if that cannot be told at the moment. */
  readonly lost: (signal: AbortSignal) => Promise<number | undefined>;
}

/** How much of it somebody knows. */
export interface Cursor {
  readonly generation: string;
  readonly rows: number;
  readonly owners: number;
  readonly names: number;
  readonly revision: number;
  readonly words: number;
}

/** What is told of a moment, but for what each page knows already. */
interface Moment extends Pick<LiveMessage, "status" | "range" | "workers"> {
  readonly generation: string;
  readonly samples: LiveMessage["samples"]["columns"];
  readonly fromMs: number;
}

const MAX_WORDS = 200;
/** Long lines have the last words of a process in them. */
const MAX_WORDS_LENGTH = 500;
/** What is lost is asked of the server: not more often than this, and not for longer. */
const LOST_EVERY_MS = 5_000;
const LOST_PATIENCE_MS = 2_000;

/** The feed. */
export class LiveFeed {
  /** What does not change. */
  readonly facts: LiveFacts;
  readonly #owners: LiveOwners;
  readonly #events = new LiveEvents();
  readonly #texts = new Map<string, string>();
  #words: LiveWords[] = [];
  #wordsBefore = 0;
  #run: LiveRun | undefined;
  #moment: Moment | undefined;
  #end: LiveMessage["end"];
  #lost = 0;
  #askedMs = Number.NEGATIVE_INFINITY;

  /** @param facts what does not change */
  constructor(facts: LiveFacts) {
    this.facts = facts;
    this.#owners = new LiveOwners(Array.from({ length: facts.workers }, (_, at) => `worker-${at}`));
  }

  /**
   * There is a run to tell of.
   *
   * @param run the run; nobody has reported anything yet since it was started, or resumed
   */
  begin(run: LiveRun): void {
    this.#run = run;
    const { state, watch } = run;
    this.#events.begin(run.chaos().length);
    this.#owners.begin(state.owners.changes(watch.startUs), watch.startUs);
    state.owners.onSaid = (words) => this.#owners.take(words);
  }

  /**
   * Takes what was said.
   *
   * @param entry what
   */
  said({ time, tag, message }: LogEntry): void {
    this.#words.push({ atMs: time.getTime(), tag, text: message.slice(0, MAX_WORDS_LENGTH) });
    if (this.#words.length <= MAX_WORDS) return;
    this.#words.shift();
    this.#wordsBefore++;
  }

  /**
   * The run has ended.
   *
   * @param report what came of it
   */
  end({ verdict, reasons }: Pick<SimReport, "verdict" | "reasons">): void {
    this.#end = { verdict, reasons: shortened(reasons) };
  }

  /** Looks at the run as it is now. */
  look(): void {
    const run = this.#run;
    if (run === undefined) return;
    const { state, fleet, watch, durationMs } = run;
    const { soFar } = watch;
    const fromMs = loadFromMs(soFar);
    const workers = fleet.members.filter(({ role }) => role === "worker");
    this.#owners.expect(workers.map(({ process }) => process));
    this.#owners.settle();
    const isOver = this.#end !== undefined;
    this.#events.look(run.chaos(), { ...soFar, fromMs, isOver });
    const { untilMs, gaps } = soFar.samples;
    const passedOver = gaps.at(-1) ?? 0;
    if (passedOver > 0 && this.#end === undefined) this.#askForLost(run);
    this.#texts.clear();
    this.#moment = {
      ...{ fromMs, samples: chartSamples(soFar), workers: liveWorkers(workers, this.#owners) },
      // Where samples are put together, or times are counted from elsewhere, all of it is told again.
      generation: `${soFar.stepMs} ${fromMs} ${this.#owners.generation}`,
      range: [-fromMs / 1_000, ((untilMs.at(-1) ?? 0) - fromMs) / 1_000],
      status: standing({
        ...{ state, fleet, durationMs, owners: this.#owners, phase: watch.phase },
        ...{ loadMs: run.loadMs(), moving: run.moving(), gaps: passedOver, lost: this.#lost },
      }),
    };
  }

  /**
   * What is new.
   *
   * @param cursor what is known; undefined for nothing
   * @returns a message as JSON, and what is known after it; undefined if there is no run yet
   */
  news(cursor: Cursor | undefined): { readonly text: string; readonly cursor: Cursor } | undefined {
    const moment = this.#moment;
    if (moment === undefined) return undefined;
    const known = cursor?.generation === moment.generation ? cursor : undefined;
    const key = JSON.stringify(known ?? null);
    const text = this.#texts.get(key) ?? JSON.stringify(this.#message(moment, known));
    // Most pages know the same.
    this.#texts.set(key, text);
    return {
      text,
      cursor: {
        generation: moment.generation,
        rows: moment.samples["at"]!.length,
        owners: this.#owners.atMs.length,
        names: this.#owners.names.length,
        revision: this.#events.revision,
        words: this.#wordsBefore + this.#words.length,
      },
    };
  }

  #message(moment: Moment, known: Cursor | undefined): LiveMessage {
    const { status, range, workers, fromMs } = moment;
    // The last sample may have grown.
    const from = Math.max(0, (known?.rows ?? 0) - 1);
    const { atMs, partition, owner, names } = this.#owners;
    const changes = known?.owners ?? 0;
    const { total, current } = this.#run!.state.partitions;
    const shared = new Set(current);
    return {
      ...(known === undefined ? { facts: this.facts } : {}),
      ...{ status, range, workers },
      samples: {
        from,
        columns: Object.fromEntries(
          Object.entries(moment.samples).map(([name, column]) => [name, column.slice(from)]),
        ),
      },
      owners: {
        partitions: total,
        removed: Array.from({ length: total }, (_, at) => at).filter((at) => !shared.has(at)),
        names: names.slice(known?.names ?? 0),
        at: atMs.slice(changes).map((ms) => Math.round(ms - fromMs) / 1_000),
        partition: partition.slice(changes),
        owner: owner.slice(changes),
      },
      events: this.#events.since(known?.revision ?? 0),
      log: this.#words.slice(Math.max(0, (known?.words ?? 0) - this.#wordsBefore)),
      ...(this.#end === undefined ? {} : { end: this.#end }),
    };
  }

  #askForLost(run: LiveRun): void {
    const nowMs = performance.now();
    if (nowMs - this.#askedMs < LOST_EVERY_MS) return;
    this.#askedMs = nowMs;
    const asking = run.lost(AbortSignal.timeout(LOST_PATIENCE_MS));
    // What is lost stays lost. If it cannot be told, that is no reason to end a run, which asks for itself in the end.
    asking.then((lost) => this.#lost = Math.max(this.#lost, lost ?? 0), () => {});
  }
}
