/**
 * Follows a run from beside: twice a second says how it stands, once a second keeps it for the series.
 *
 * @module
 */
import type { SimConsole } from "../console/status_line.ts";
import { residentBytes } from "../measure/resident.ts";
import type { Fleet } from "../run/fleet.ts";
import { type Clocks, ClockWatch } from "../run/clock_watch.ts";
import type { RunState } from "../run/run_state.ts";
import { AWAY, type Series, SERIES_FORMAT, SERIES_VERSION } from "../series/series.ts";
import { type Sample, type SavedTimeline, Timeline } from "../series/timeline.ts";
import { nowUs } from "../streams/message.ts";
import type { RunFacts } from "./run_facts.ts";

/** What is followed. */
export interface RunWatchOptions {
  /** The run. */
  readonly runId: string;
  /** What is known of it. */
  readonly state: RunState;
  /** Its processes. */
  readonly fleet: Pick<Fleet, "members" | "running">;
  /** The process IDs of the run's own servers. */
  readonly serverPids: () => readonly number[];
  /** When it was. */
  readonly facts: Pick<RunFacts, "machineLoad" | "loadMs">;
  /** How long the load is to last, in milliseconds. */
  readonly durationMs: number;
  /** Called each time it is looked, with what the run is doing. */
  readonly onTick: (phase: string) => void;
  /** How many chaos events there were. */
  readonly chaos: () => number;
  /** Where it is said. */
  readonly console: Pick<SimConsole, "status" | "log">;
  /** The clocks of this machine. */
  readonly clocks?: Clocks;
}

/** How often it is looked, in milliseconds. */
export const STATUS_INTERVAL_MS = 500;
/** In how many of these intervals there is one sample. */
const SAMPLE_EVERY = 2;

/** What the watch has seen, as JSON holds it. */
export interface SavedWatch {
  /** When the run began, in microseconds since 1970. */
  readonly startUs: number;
  /** When each phase began. */
  readonly phases: Series["phases"];
  /** The samples. */
  readonly timeline: SavedTimeline;
}

/** What of a sample tells of memory. */
type Memory = Pick<
  Sample,
  "rssBytes" | "meanRssBytes" | "largestRssBytes" | "coordinatorRssBytes" | "serverRssBytes"
>;

/** The watch. */
export class RunWatch {
  readonly #options: RunWatchOptions;
  #startUs = nowUs();
  readonly #timeline = new Timeline();
  readonly #clock: ClockWatch;
  #phases: { phase: string; atMs: number }[] = [];
  #ticks = 0;
  #finished = false;
  #ticker: ReturnType<typeof setInterval> | undefined;
  #before = { sent: 0, handled: 0, moves: 0 };

  /** @param options what is followed */
  constructor(options: RunWatchOptions) {
    this.#options = options;
    this.#clock = new ClockWatch(options.clocks);
  }

  /** Begins. */
  start(): void {
    this.#ticker ??= setInterval(() => this.#tick(), STATUS_INTERVAL_MS);
  }

  /** Ends it. */
  stop(): void {
    clearInterval(this.#ticker);
  }

  /** What it has seen, as JSON holds it. */
  save(): SavedWatch {
    const phases = [...this.#phases];
    return { startUs: this.#startUs, phases, timeline: this.#timeline.save() };
  }

  /**
   * Goes on from there.
   *
   * @param saved what it had seen
   * @param awayUs since when the run was away, in microseconds since 1970; undefined if it went on, though nobody saw it
   */
  load({ startUs, phases, timeline }: SavedWatch, awayUs?: number): void {
    this.#startUs = startUs;
    this.#phases = [...phases];
    if (awayUs !== undefined) {
      this.#phases.push({ phase: AWAY, atMs: Math.round((awayUs - startUs) / 1_000) });
    }
    this.#timeline.load(timeline);
    const { sent, effective: handled, owners } = this.#options.state;
    this.#before = { sent, handled, moves: owners.moves };
  }

  /** What the run is doing, such as `load`. */
  get phase(): string {
    return this.#phases.at(-1)?.phase ?? "start";
  }

  /**
   * A phase begins, or goes on.
   *
   * @param phase which
   */
  enter(phase: string): void {
    if (phase !== this.phase) this.#phases.push({ phase, atMs: this.#nowMs });
  }

  /** Takes the last sample: that all leave in the end is nobody's concern. */
  finishSeries(): void {
    this.sample();
    this.#finished = true;
  }

  /** Takes a sample of what happened since the last one. */
  sample(): void {
    if (this.#finished) return;
    const { state, fleet } = this.#options;
    const { sent, effective: handled } = state;
    const { moves } = state.owners;
    const latency = state.measurements.takeRecentLatency();
    this.#timeline.add({
      untilMs: this.#nowMs,
      sent: sent - this.#before.sent,
      handled: handled - this.#before.handled,
      latencyP50Ms: latency.p50,
      latencyP99Ms: latency.p99,
      waiting: Math.max(0, sent - handled),
      stable: state.stable.length,
      workers: fleet.running("worker").length,
      moves: moves - this.#before.moves,
      defects: state.defects,
      gaps: gapsOf(state),
      ...this.#memory(),
    });
    this.#before = { sent, handled, moves };
  }

  #lookAtClock(): void {
    const stepMs = this.#clock.look();
    if (stepMs === 0) return;
    const { state, console } = this.#options;
    state.ledger.clocksDiffer(Math.abs(stepMs) * 1_000);
    console.log(
      "WARN",
      `The clock of this machine was set by ${stepMs}ms: times are not compared closer`,
    );
  }

  #memory(): Memory {
    const { fleet, serverPids } = this.#options;
    const own = fleet.members.filter(({ phase, rssBytes }) => phase !== "gone" && rssBytes > 0)
      .map(({ rssBytes }) => rssBytes);
    const rssBytes = own.reduce((sum, one) => sum + one, 0);
    return {
      rssBytes,
      meanRssBytes: Math.round(rssBytes / Math.max(1, own.length)),
      largestRssBytes: Math.max(0, ...own),
      coordinatorRssBytes: Deno.memoryUsage().rss,
      serverRssBytes: serverPids().reduce((sum, pid) => sum + residentBytes(pid), 0),
    };
  }

  /** When the run began, in microseconds since 1970. */
  get startUs(): number {
    return this.#startUs;
  }

  /** How it went by now, but for who had what. */
  get soFar(): Pick<Series, "stepMs" | "phases" | "samples"> {
    return {
      stepMs: STATUS_INTERVAL_MS * SAMPLE_EVERY * this.#timeline.every,
      phases: this.#phases,
      samples: this.#timeline.columns,
    };
  }

  /** All of it. */
  get series(): Series {
    return {
      format: SERIES_FORMAT,
      version: SERIES_VERSION,
      runId: this.#options.runId,
      ...this.soFar,
      owners: this.#options.state.owners.changes(this.#startUs),
    };
  }

  get #nowMs(): number {
    return Math.round((nowUs() - this.#startUs) / 1_000);
  }

  #tick(): void {
    this.#options.facts.machineLoad.sample(this.phase === "load");
    this.#lookAtClock();
    this.#options.onTick(this.phase);
    this.#show();
    if (++this.#ticks % SAMPLE_EVERY === 0) this.sample();
  }

  #show(): void {
    const { state, fleet, facts, durationMs, chaos, console } = this.#options;
    console.status({
      phase: this.phase,
      elapsedMs: Math.min(facts.loadMs, durationMs),
      durationMs,
      sent: state.sent,
      effective: state.effective,
      stable: state.stable.length,
      workers: fleet.running("worker").length,
      chaos: chaos(),
      defects: state.defects,
    });
  }
}

/** Messages that were passed over: a later one of their partition has had its effect, and they have not. */
function gapsOf({ ledger }: RunState): number {
  let count = 0;
  for (const { ranges } of ledger.passedOver().values()) {
    for (const [first, last] of ranges) count += last - first + 1;
  }
  return count;
}
