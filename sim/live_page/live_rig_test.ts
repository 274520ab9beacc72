/**
 * Made-up runs that go on as fast as a test wants. No test of its own.
 *
 * @module
 */
import { SimConsole } from "../console/status_line.ts";
import type { ChaosRecord } from "../report/report.ts";
import { type Size, syntheticRun } from "../results/synthetic_rig_test.ts";
import type { Fleet } from "../run/fleet.ts";
import { status, TestFleet } from "../run/fleet_rig_test.ts";
import { RunState } from "../run/run_state.ts";
import type { SampleColumns, Series } from "../series/series.ts";
import { LiveFeed, type LiveRun } from "./live_feed.ts";

/** Ten seconds past the beginning of the load. */
const FIRST_SECONDS = 13;
/** What a run calls the time of its beginning. */
export const START_US = 1_000_000_000;

/** A run, and what tests do with it. */
export class LiveRig {
  readonly feed: LiveFeed;
  readonly state: RunState;
  readonly fleet = new TestFleet();
  readonly chaos: ChaosRecord[] = [];
  /** What the server says is lost. */
  lost: number | undefined = 0;
  /** Messages that are passed over. */
  gaps = 0;
  seconds = FIRST_SECONDS;
  /** How many samples lie in one. */
  stepMs = 1_000;
  readonly #series: Series;
  readonly #records: readonly ChaosRecord[];
  #changes = 0;

  /**
   * @param size how large it is
   * @param fault a planted defect
   */
  constructor(size: Size = { partitions: 12, workers: 3, seconds: 60 }, fault?: string) {
    const { series, report } = syntheticRun(size);
    this.#series = series;
    this.#records = report.chaos;
    const { partitions, workers } = size;
    this.feed = new LiveFeed({
      ...{ runId: "1a2b3c4d", seed: 42, configFile: fault ?? "configs/quick.yaml" },
      ...{ partitions, workers, strategy: "StickyBalanced", fault: fault ?? null },
    });
    const console = new SimConsole({
      ...{ write: () => {}, terminal: false, color: false, columns: () => 80 },
      now: () => new Date("2026-11-27T10:00:00Z"),
    });
    console.tell((entry) => this.feed.said(entry));
    const fleet = this.fleet as unknown as Fleet;
    this.state = new RunState(Array.from({ length: partitions }, () => 1), () => fleet, console);
    for (let index = 0; index < workers; index++) {
      const changes = { status: status({ leader: index === 0 }), rssBytes: 9e7, handled: 100 };
      this.fleet.add("worker", index, changes);
    }
    this.#speak();
  }

  /** From now on there is something to show. */
  begin(): void {
    this.feed.begin(this.run);
  }

  /** The run itself. */
  get run(): LiveRun {
    return {
      ...{ state: this.state, fleet: this.fleet, watch: this.#watch(), durationMs: 60_000 },
      loadMs: () => (this.seconds - 3) * 1_000,
      chaos: () => this.chaos,
      moving: () => 0,
      lost: () => Promise.resolve(this.lost),
    };
  }

  /** Time passes. */
  pass(seconds = 1): void {
    this.seconds += seconds;
    this.#speak();
  }

  /** A message has its effect; the second time that is wrong. */
  effect(partition: number, sequence: number): void {
    this.state.takeEffect(
      new TextEncoder().encode(JSON.stringify({
        ...{ partition, sequence, publishedUs: 1, availableUs: 2, acquiredUs: 0, startUs: 3 },
        ...{ process: "worker-0#1", instance: "i", epoch: 1, generation: 1 },
        ...{ streamSequence: sequence, deliveryCount: 1 },
      })),
      1_000,
      sequence,
    );
  }

  /** What workers have said, and chaos has done, by now. */
  #speak(): void {
    const { processes, atMs, partition, owner } = this.#series.owners;
    const { owners } = this.state;
    for (; (atMs[this.#changes] ?? Infinity) <= this.seconds * 1_000; this.#changes++) {
      const process = processes[owner[this.#changes]!];
      const what = [[partition[this.#changes]!], START_US + atMs[this.#changes]! * 1_000] as const;
      if (process !== undefined) owners.acquired(process, ...what);
      else owners.letGo(this.#holderOf(this.#changes), ...what);
    }
    const loadMs = (this.seconds - 3) * 1_000;
    this.chaos.push(...this.#records.slice(this.chaos.length).filter(({ atMs }) => atMs <= loadMs));
  }

  #holderOf(change: number): string {
    const { processes, partition, owner } = this.#series.owners;
    let at = change - 1;
    while (partition[at] !== partition[change]) at--;
    return processes[owner[at]!]!;
  }

  #watch() {
    const columns = (): SampleColumns => {
      const all = Object.entries(this.#series.samples);
      const shown = all.map(([name, values]) => [name, values.slice(0, this.seconds)] as const);
      const gaps = shown.find(([name]) => name === "gaps")![1] as number[];
      gaps[gaps.length - 1] = this.gaps;
      return Object.fromEntries(shown) as unknown as SampleColumns;
    };
    const stepMs = () => this.stepMs;
    const { phases } = this.#series;
    return {
      ...{ startUs: START_US, phase: "load" },
      get soFar() {
        return { stepMs: stepMs(), phases, samples: columns() };
      },
    };
  }
}
