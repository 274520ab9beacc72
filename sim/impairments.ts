/**
 * When processes could not act as they should through no fault of the library's: stopped, cut off, or without a server. What a
 * handler does then overlaps with its successor's work by nature, and the fence is what keeps its effect out.
 *
 * @module
 */

/** Why an overlap of two handlers is no defect. */
export type Excuse = "stoodStill" | "disconnected" | "outage" | "rightEnded";

/** What happens to one process. */
export type Impairment = "stoodStill" | "disconnected";

/** How long after an outage of the server its aftermath lasts: leases have lapsed, and everybody comes back at once. */
export const OUTAGE_AFTERMATH_US = 15_000_000;
/** So soon after an impairment a process may not have noticed yet that it has lost its right. */
const NOTICE_US = 1_000_000;
/** Impairments remembered per process: the last ones, because a handler of long ago has been compared by then. */
const MAX_PER_PROCESS = 1_000;

/** A time in which something was wrong, in microseconds since 1970. */
interface Window {
  readonly fromUs: number;
  readonly untilUs: number;
  readonly why: Excuse;
}

/** All that is known of impairments. */
export class Impairments {
  readonly #byProcess = new Map<string, Window[]>();
  readonly #outages: Window[] = [];

  /**
   * A process could not act.
   *
   * @param process its name and incarnation
   * @param why what happened to it
   * @param fromUs since when, in microseconds since 1970
   * @param untilUs until when
   */
  add(process: string, why: Impairment, fromUs: number, untilUs: number): void {
    const windows = this.#byProcess.get(process) ?? [];
    windows.push({ fromUs, untilUs: untilUs + NOTICE_US, why });
    if (windows.length > MAX_PER_PROCESS) windows.shift();
    this.#byProcess.set(process, windows);
  }

  /**
   * The server was away.
   *
   * @param fromUs since when, in microseconds since 1970
   * @param untilUs when it was back
   */
  outage(fromUs: number, untilUs: number): void {
    this.#outages.push({ fromUs, untilUs: untilUs + OUTAGE_AFTERMATH_US, why: "outage" });
  }

  /**
   * Whether a process could act all through a time.
   *
   * @param process its name and incarnation
   * @param fromUs since when, in microseconds since 1970
   * @param untilUs until when
   * @returns why not; undefined if it could
   */
  during(process: string, fromUs: number, untilUs: number): Excuse | undefined {
    const windows = [...this.#byProcess.get(process) ?? [], ...this.#outages];
    return windows.find((window) => window.fromUs < untilUs && fromUs < window.untilUs)?.why;
  }
}
