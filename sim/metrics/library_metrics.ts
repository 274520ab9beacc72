/**
 * The library's own metrics (`parti_…`), as each worker reports them. Gauges are shown for each worker. Counters and histograms are
 * shown for the group: the sum over all workers that ever were, so that nothing falls when a worker is killed and a hundred workers have
 * no more series than one.
 *
 * @module
 */
import { type MetricFamily, sumOf } from "./family.ts";

/** What a process has reported last. */
interface Snapshot {
  readonly name: string;
  readonly families: readonly MetricFamily[];
  /** When the process ended; undefined while it runs. */
  goneMs: number | undefined;
}

/** So long a killed worker's gauges are still shown, in milliseconds: for longer than Prometheus leaves between two looks in the stack here. */
export const GONE_SHOWN_MS = 15_000;

/** Keeps what the workers have reported. */
export class LibraryMetrics {
  readonly #snapshots = new Map<string, Snapshot>();
  /** The sums over processes that are gone. A promise, so that two who ask at once lose nothing to each other. */
  #past: Promise<readonly MetricFamily[]> = Promise.resolve([]);

  /**
   * A process reports all its metrics.
   *
   * @param process its name and incarnation, such as `worker-4#2`
   * @param families the metrics
   */
  report(process: string, families: readonly MetricFamily[]): void {
    const name = process.slice(0, process.lastIndexOf("#"));
    this.#snapshots.set(process, { name, families, goneMs: undefined });
  }

  /**
   * Everything as it is now.
   *
   * @param runs whether a process still runs
   * @param nowMs the time, in milliseconds
   * @returns lists of metrics that have to be added up
   */
  async families(
    runs: (process: string) => boolean,
    nowMs: number,
  ): Promise<readonly (readonly MetricFamily[])[]> {
    for (const [process, snapshot] of this.#snapshots) {
      if (runs(process)) continue;
      snapshot.goneMs ??= nowMs;
      if (nowMs - snapshot.goneMs < GONE_SHOWN_MS) continue;
      this.#snapshots.delete(process);
      const sums = snapshot.families.filter((family) => !isGauge(family));
      this.#past = this.#past.then((past) => sumOf([past, sums]));
    }
    // Where a worker is back under its name, the one before has nothing to say any more.
    const latest = new Map([...this.#snapshots].map(([process, { name }]) => [name, process]));
    const shown = [...this.#snapshots].map(([process, { name, families }]) =>
      families.filter((family) => !isGauge(family) || latest.get(name) === process)
        .map((family) => isGauge(family) ? labelled(family, name) : family)
    );
    return [await this.#past, ...shown];
  }
}

function isGauge({ type }: MetricFamily): boolean {
  return type === "gauge";
}

function labelled(family: MetricFamily, worker: string): MetricFamily {
  const values = family.values.map((sample) => ({
    ...sample,
    labels: { worker, ...sample.labels },
  }));
  return { ...family, values };
}
