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
export interface Window {
  /** When it began. */
  readonly fromUs: number;
  /** When it was over. */
  readonly endUs: number;
  /** When what came of it was over, too. */
  readonly untilUs: number;
  /** What it was. */
  readonly why: Impairment | "outage";
}

/** All impairments, as JSON holds them. */
export interface SavedImpairments {
  /** By process. */
  readonly byProcess: readonly [process: string, windows: Window[]][];
  /** When the server was away. */
  readonly outages: readonly Window[];
  /** When the networks of processes failed. */
  readonly unheard: readonly [process: string, times: { fromUs: number; untilUs: number }[]][];
}

/** All that is known of impairments. */
export class Impairments {
  readonly #byProcess = new Map<string, Window[]>();
  readonly #outages: Window[] = [];
  readonly #unheard = new Map<string, { readonly fromUs: number; readonly untilUs: number }[]>();

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
    windows.push({ fromUs, endUs: untilUs, untilUs: untilUs + NOTICE_US, why });
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
    const window = { fromUs, endUs: untilUs, untilUs: untilUs + OUTAGE_AFTERMATH_US };
    this.#outages.push({ ...window, why: "outage" });
  }

  /**
   * Whether a process could act all through a time.
   *
   * @param process its name and incarnation
   * @param fromUs since when, in microseconds since 1970
   * @param untilUs until when
   * @returns why not; undefined if it could
   */
  during(process: string, fromUs: number, untilUs: number): Impairment | "outage" | undefined {
    return this.#windows(process, fromUs, untilUs)[0]?.why;
  }

  /**
   * The network of a process failed. It need not have noticed, so this excuses nothing that it does; but its acknowledgements may be lost.
   *
   * @param process its name and incarnation
   * @param fromUs since when, in microseconds since 1970
   * @param untilUs until when
   */
  networkFailed(process: string, fromUs: number, untilUs: number): void {
    const times = this.#unheard.get(process) ?? [];
    times.push({ fromUs, untilUs });
    this.#unheard.set(process, times);
  }

  /**
   * Whether what a process sent in a time may have been lost on its network.
   *
   * @param process its name and incarnation
   * @param fromUs since when, in microseconds since 1970
   * @param untilUs until when
   */
  mayBeUnheard(process: string, fromUs: number, untilUs: number): boolean {
    return this.#unheard.get(process)?.some((time) => {
      return time.fromUs < untilUs && fromUs < time.untilUs;
    }) ?? false;
  }

  /**
   * Why a handler may be at work beside its successor's. Whoever stands still knows nothing. Whoever is cut off, or without a server,
   * knows at once: it begins nothing from then on until its lease has been confirmed, so this is an excuse only for what it had begun before.
   *
   * @param process the worker's process and incarnation
   * @param startUs when the handler began, in microseconds since 1970
   * @param endUs when it ended
   * @returns the reason; undefined if there is none
   */
  excuse(process: string, startUs: number, endUs: number): Impairment | "outage" | undefined {
    const windows = this.#windows(process, startUs, endUs);
    const begunWhileCut = windows.some((window) =>
      window.why === "disconnected" && window.fromUs <= startUs && startUs < window.endUs
    );
    return windows.find(({ why, fromUs, endUs }) => {
      if (why === "stoodStill") return true;
      return !begunWhileCut && startUs < (why === "outage" ? endUs : fromUs);
    })?.why;
  }

  /** All of them, as JSON holds them. */
  save(): SavedImpairments {
    return {
      byProcess: [...this.#byProcess],
      outages: this.#outages,
      unheard: [...this.#unheard],
    };
  }

  /**
   * Goes on from there.
   *
   * @param saved what was known
   */
  load({ byProcess, outages, unheard }: SavedImpairments): void {
    for (const [process, windows] of byProcess) this.#byProcess.set(process, windows);
    this.#outages.push(...outages);
    for (const [process, times] of unheard) this.#unheard.set(process, times);
  }

  #windows(process: string, fromUs: number, untilUs: number): Window[] {
    return [...this.#byProcess.get(process) ?? [], ...this.#outages].filter((window) => {
      return window.fromUs < untilUs && fromUs < window.untilUs;
    });
  }
}
