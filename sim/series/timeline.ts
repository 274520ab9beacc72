/**
 * Samples of a run, one a second as long as it is short, and half as many each time there would be too many.
 *
 * @module
 */
import type { SampleColumns } from "./series.ts";

/** What happened in a stretch of time. */
export interface Sample {
  /** Its end, in milliseconds since the run began. */
  readonly untilMs: number;
  /** Messages stored meanwhile. */
  readonly sent: number;
  /** Effects meanwhile. */
  readonly handled: number;
  /** The median latency of these effects; null if there was none. */
  readonly latencyP50Ms: number | null;
  /** Their 99th percentile. */
  readonly latencyP99Ms: number | null;
  /** Messages without an effect at its end. */
  readonly waiting: number;
  /** Workers that were Stable. */
  readonly stable: number;
  /** Workers that ran. */
  readonly workers: number;
  /** Partitions that came to another owner meanwhile. */
  readonly moves: number;
  /** Effects found wrong by then. */
  readonly defects: number;
  /** Messages passed over by then. */
  readonly gaps: number;
  /** Memory of the processes. */
  readonly rssBytes: number;
  /** Of one of them on average. */
  readonly meanRssBytes: number;
  /** Of the largest of them. */
  readonly largestRssBytes: number;
  /** Of the coordinator. */
  readonly coordinatorRssBytes: number;
  /** Of the servers. */
  readonly serverRssBytes: number;
}

/** The samples as JSON holds them. */
export interface SavedTimeline {
  /** Those that are kept. */
  readonly samples: readonly Sample[];
  /** The one that more are put together with. */
  readonly open?: Sample;
  /** How many make it up. */
  readonly openCount: number;
  /** So many samples as they come make one that is kept. */
  readonly every: number;
}

/** An hour in seconds: a day is told in steps of 32 s. */
const MAX_SAMPLES = 3_600;

/** The samples. */
export class Timeline {
  readonly #maxSamples: number;
  #samples: Sample[] = [];
  #open: Sample | undefined;
  #openCount = 0;
  /** So many samples as they come make one that is kept. */
  #every = 1;

  /** @param maxSamples never more than this */
  constructor(maxSamples: number = MAX_SAMPLES) {
    this.#maxSamples = maxSamples;
  }

  /** So many samples as they come make one that is kept. */
  get every(): number {
    return this.#every;
  }

  /**
   * The next stretch of time.
   *
   * @param sample what happened in it
   */
  add(sample: Sample): void {
    this.#open = this.#open === undefined ? sample : together(this.#open, sample);
    if (++this.#openCount < this.#every) return;
    this.#samples.push(this.#open);
    this.#open = undefined;
    this.#openCount = 0;
    if (this.#samples.length < this.#maxSamples) return;
    this.#halve();
  }

  /** All of it, as JSON holds it. */
  save(): SavedTimeline {
    const open = this.#open === undefined ? {} : { open: this.#open };
    return { samples: this.#samples, ...open, openCount: this.#openCount, every: this.#every };
  }

  /**
   * Goes on from there.
   *
   * @param saved the samples so far
   */
  load({ samples, open, openCount, every }: SavedTimeline): void {
    this.#samples = [...samples];
    this.#open = open;
    this.#openCount = openCount;
    this.#every = every;
  }

  /** All of it by now. */
  get columns(): SampleColumns {
    const all = this.#open === undefined ? this.#samples : [...this.#samples, this.#open];
    const column = <Key extends keyof Sample>(key: Key): Sample[Key][] =>
      all.map((sample) => sample[key]);
    return {
      untilMs: column("untilMs"),
      sent: column("sent"),
      handled: column("handled"),
      latencyP50Ms: column("latencyP50Ms"),
      latencyP99Ms: column("latencyP99Ms"),
      waiting: column("waiting"),
      stable: column("stable"),
      workers: column("workers"),
      moves: column("moves"),
      defects: column("defects"),
      gaps: column("gaps"),
      rssBytes: column("rssBytes"),
      meanRssBytes: column("meanRssBytes"),
      largestRssBytes: column("largestRssBytes"),
      coordinatorRssBytes: column("coordinatorRssBytes"),
      serverRssBytes: column("serverRssBytes"),
    };
  }

  /** Puts two and two together; the last of an odd number stays open. */
  #halve(): void {
    const halved: Sample[] = [];
    for (let index = 0; index < this.#samples.length; index += 2) {
      const first = this.#samples[index]!;
      const second = this.#samples[index + 1];
      if (second !== undefined) halved.push(together(first, second));
      else [this.#open, this.#openCount] = [first, this.#every];
    }
    this.#samples = halved;
    this.#every *= 2;
  }
}

/** Counts are added, levels are told at their worst, so that what was wrong for a second shows in a day's picture, too. */
function together(first: Sample, second: Sample): Sample {
  return {
    untilMs: second.untilMs,
    sent: first.sent + second.sent,
    handled: first.handled + second.handled,
    latencyP50Ms: weightedMean(first, second),
    latencyP99Ms: highest(first.latencyP99Ms, second.latencyP99Ms),
    waiting: Math.max(first.waiting, second.waiting),
    stable: Math.min(first.stable, second.stable),
    workers: Math.min(first.workers, second.workers),
    moves: first.moves + second.moves,
    defects: second.defects,
    gaps: Math.max(first.gaps, second.gaps),
    rssBytes: Math.max(first.rssBytes, second.rssBytes),
    meanRssBytes: Math.max(first.meanRssBytes, second.meanRssBytes),
    largestRssBytes: Math.max(first.largestRssBytes, second.largestRssBytes),
    coordinatorRssBytes: Math.max(first.coordinatorRssBytes, second.coordinatorRssBytes),
    serverRssBytes: Math.max(first.serverRssBytes, second.serverRssBytes),
  };
}

function weightedMean(first: Sample, second: Sample): number | null {
  if (first.latencyP50Ms === null) return second.latencyP50Ms;
  if (second.latencyP50Ms === null) return first.latencyP50Ms;
  const sum = first.latencyP50Ms * first.handled + second.latencyP50Ms * second.handled;
  return Math.round(sum / (first.handled + second.handled) * 10) / 10;
}

function highest(first: number | null, second: number | null): number | null {
  return first === null || second === null ? first ?? second : Math.max(first, second);
}
