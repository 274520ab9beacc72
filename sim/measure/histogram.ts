/**
 * Durations in microseconds, with honest percentiles and bounded memory however long the run is.
 *
 * @module
 */
import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
  type JsHistogram,
} from "hdr-histogram-js";

/** What a report says of a histogram, in milliseconds; null where nothing was measured. */
export interface Percentiles {
  /** How many values there are. */
  readonly count: number;
  /** Half of them are at most this. */
  readonly p50: number | null;
  /** 99 in 100 are at most this. */
  readonly p99: number | null;
  /** The greatest. */
  readonly max: number | null;
}

const DAY_US = 86_400_000_000;

/** A histogram of durations. */
export class DurationHistogram {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: DAY_US,
    numberOfSignificantValueDigits: 3,
    autoResize: true,
  });

  /**
   * Records a duration. A negative one, which clocks of two processes can produce, counts as none.
   *
   * @param durationUs microseconds
   */
  record(durationUs: number): void {
    this.#histogram.recordValue(Math.min(DAY_US, Math.max(0, Math.round(durationUs))));
  }

  /** Forgets all of them. */
  reset(): void {
    this.#histogram.reset();
  }

  /** How many durations were recorded. */
  get count(): number {
    return this.#histogram.totalCount;
  }

  /** All durations, as text. */
  save(): string {
    return encodeIntoCompressedBase64(this.#histogram);
  }

  /**
   * Adds the durations that were saved.
   *
   * @param saved what {@linkcode save} gave
   */
  load(saved: string): void {
    this.#histogram.add(decodeFromCompressedBase64(saved));
  }

  /** Its percentiles. */
  percentiles(): Percentiles {
    const { count } = this;
    if (count === 0) return { count, p50: null, p99: null, max: null };
    const max = toMs(this.#histogram.maxValue);
    // A percentile is the upper end of its bucket, which may lie above the greatest value.
    const at = (percentile: number) =>
      Math.min(max, toMs(this.#histogram.getValueAtPercentile(percentile)));
    return { count, p50: at(50), p99: at(99), max };
  }

  /**
   * How many durations are at most so long, for each of some bounds, as Prometheus counts its buckets.
   *
   * @param boundsUs the bounds in microseconds, rising
   * @returns the counts, and the sum of all durations in microseconds to three digits
   */
  upTo(boundsUs: readonly number[]): { readonly counts: number[]; readonly sumUs: number } {
    const counts = new Array<number>(boundsUs.length).fill(0);
    // What the library makes is such a histogram; only its interface does not say that it can be walked through.
    const { recordedValuesIterator: recorded } = this.#histogram as JsHistogram;
    let [index, total] = [0, 0];
    recorded.reset();
    while (recorded.hasNext()) {
      const { valueIteratedTo, totalCountToThisValue } = recorded.next();
      while (index < boundsUs.length && boundsUs[index]! < valueIteratedTo) counts[index++] = total;
      total = totalCountToThisValue;
    }
    counts.fill(total, index);
    return { counts, sumUs: total === 0 ? 0 : this.#histogram.mean * total };
  }
}

function toMs(us: number): number {
  return Math.round(us / 100) / 10;
}
