/**
 * When processes could not act as they should through no fault of the library's: stopped, cut off, or without a server. What a
 * handler does then overlaps with its successor's work by nature, and the fence is what keeps its effect out.
 *
 * @module
 */
import type { Span } from "./spans.ts";

/** What a process tells of itself: it got no processor, was busy with one thing for long, or had no connection. */
export type Impairment = "starved" | "busy" | "disconnected";

/** Why a process could not act as it should. */
export type Reason = "stoodStill" | "starved" | "disconnected" | "outage";

/** Why an overlap of two handlers is no defect. */
export type Excuse = Reason | "rightEnded";

/** How long after an outage of the server its aftermath lasts: leases have lapsed, and everybody comes back at once. */
export const OUTAGE_AFTERMATH_US = 15_000_000;
/** So soon after an impairment a process may not have noticed yet that it has lost its right. */
const NOTICE_US = 1_000_000;
/** Impairments remembered per process: the last ones. */
const MAX_PER_PROCESS = 1_000;
/** So long after a fault a connection that it has cost may be noticed to be lost. */
const CUT_NOTICED_US = 15_000_000;

/** A time in which something was wrong, in microseconds since 1970. */
export interface Window {
  /** When it began. */
  readonly fromUs: number;
  /** When it was over. */
  readonly endUs: number;
  /** When what came of it was over, too. */
  readonly untilUs: number;
  /** What it was. */
  readonly why: Reason | Impairment;
}

/** All impairments, as JSON holds them. */
export interface SavedImpairments {
  /** What processes told of themselves. */
  readonly told: readonly [process: string, windows: Window[]][];
  /** Until when what a process told is not remembered any more. */
  readonly forgotten: readonly [process: string, untilUs: number][];
  /** When processes were stopped on purpose. */
  readonly stopped: readonly [process: string, windows: Window[]][];
  /** When the server was away. */
  readonly outages: readonly Window[];
  /** When the networks of processes failed. */
  readonly unheard: readonly [process: string, times: { fromUs: number; untilUs: number }[]][];
}

/**
 * All that is known of impairments. A worker's own word is not enough: it might be busy, or lose its connection, through the very
 * defect that its overlap would show. It counts where something bears it out: the worker was stopped, its network had failed, the server
 * was away, or by its system's count it had no processor.
 */
export class Impairments {
  readonly #told = new Map<string, Window[]>();
  /** Pairs of handlers are judged in the end, and may be older than what is remembered. */
  readonly #forgotten = new Map<string, number>();
  readonly #stopped = new Map<string, Window[]>();
  readonly #outages: Window[] = [];
  readonly #unheard = new Map<string, { readonly fromUs: number; readonly untilUs: number }[]>();
  readonly #leaseUs: number;

  /** @param leaseUs how long a worker may go on after the server has last confirmed its lease, in microseconds */
  constructor(leaseUs: number = 15_000_000) {
    this.#leaseUs = leaseUs;
  }

  /**
   * A process tells that it could not act.
   *
   * @param process its name and incarnation
   * @param why what happened to it
   * @param fromUs since when, in microseconds since 1970
   * @param untilUs until when
   */
  told(process: string, why: Impairment, fromUs: number, untilUs: number): void {
    const window = { fromUs, endUs: untilUs, untilUs: untilUs + NOTICE_US, why };
    const forgotten = note(this.#told, process, window);
    if (forgotten !== undefined) this.#forgotten.set(process, forgotten.untilUs);
  }

  /**
   * A process was stopped on purpose.
   *
   * @param process its name and incarnation
   * @param fromUs since when, in microseconds since 1970
   * @param untilUs until when
   */
  stopped(process: string, fromUs: number, untilUs: number): void {
    const window = { fromUs, endUs: untilUs, untilUs: untilUs + NOTICE_US };
    note(this.#stopped, process, { ...window, why: "stoodStill" });
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
   * Whether a process could act all through a time. Its own word alone does not count.
   *
   * @param process its name and incarnation
   * @param fromUs since when, in microseconds since 1970
   * @param untilUs until when
   * @returns why not; undefined if it could
   */
  during(process: string, fromUs: number, untilUs: number): Reason | undefined {
    const windows = this.#windows(process, fromUs, untilUs);
    return this.#firstBorneOut(process, windows);
  }

  /**
   * The network of a process failed. It need not have noticed, so this excuses nothing that it does; but its acknowledgements may be lost.
   *
   * @param process its name and incarnation
   * @param fromUs since when, in microseconds since 1970
   * @param untilUs until when
   */
  networkFailed(process: string, fromUs: number, untilUs: number): void {
    note(this.#unheard, process, { fromUs, untilUs });
  }

  /**
   * Whether what a process sent in a time may have been lost on its network.
   *
   * @param process its name and incarnation
   * @param fromUs since when, in microseconds since 1970
   * @param untilUs until when
   */
  mayBeUnheard(process: string, fromUs: number, untilUs: number): boolean {
    return meets(this.#unheard.get(process), fromUs, untilUs);
  }

  /**
   * Why a handler may be at work beside its successor's. Whoever stands still knows nothing, until it goes on. Whoever is cut off, or
   * without a server, knows at once: it begins nothing from then on until its lease has been confirmed, so this is an excuse only for
   * what it had begun before. Where it takes a moment to notice, it is cut off from then on, by its own word, which the outage bears out;
   * and whoever keeps its connection, to a node of a cluster that lives, has no excuse for what it begins. None goes on for longer than a
   * lease: by then it has been told, or told itself, to stop.
   *
   * @param handler the handler; what it does once it was told to stop needs no excuse
   * @returns the reason, `unproven` if only the worker itself knows of it; undefined if there is none
   */
  excuse(
    { process, startUs, endUs, rightEndedUs = Number.POSITIVE_INFINITY }: Handler,
  ): Reason | "unproven" | undefined {
    const windows = this.#windows(process, startUs, endUs);
    const byRightUs = Math.min(endUs, rightEndedUs);
    const begunWhileCut = windows.some((window) =>
      window.why === "disconnected" && window.fromUs <= startUs && startUs < window.endUs
    );
    const excuses = windows.filter(({ why, fromUs, endUs, untilUs }) => {
      const longestUs = this.#leaseUs + NOTICE_US;
      if (why !== "outage" && why !== "disconnected") return byRightUs <= endUs + longestUs;
      if (begunWhileCut) return false;
      return startUs < fromUs && byRightUs <= (why === "outage" ? untilUs : fromUs + longestUs);
    });
    const isUnproven = excuses.length > 0 || startUs < (this.#forgotten.get(process) ?? -Infinity);
    return this.#firstBorneOut(process, excuses) ?? (isUnproven ? "unproven" : undefined);
  }

  /** All of them, as JSON holds them. */
  save(): SavedImpairments {
    return {
      told: [...this.#told],
      forgotten: [...this.#forgotten],
      stopped: [...this.#stopped],
      outages: this.#outages,
      unheard: [...this.#unheard],
    };
  }

  /**
   * Goes on from there.
   *
   * @param saved what was known
   */
  load({ told, forgotten, stopped, outages, unheard }: SavedImpairments): void {
    for (const [process, untilUs] of forgotten) this.#forgotten.set(process, untilUs);
    for (const [process, windows] of told) this.#told.set(process, windows);
    for (const [process, windows] of stopped) this.#stopped.set(process, windows);
    this.#outages.push(...outages);
    for (const [process, times] of unheard) this.#unheard.set(process, times);
  }

  /** What was done comes first: it needs nobody's word. */
  #windows(process: string, fromUs: number, untilUs: number): Window[] {
    const done = [...this.#stopped.get(process) ?? [], ...this.#outages];
    return [...done, ...this.#told.get(process) ?? []].filter((window) => {
      return window.fromUs < untilUs && fromUs < window.untilUs;
    });
  }

  /** The first one for which more speaks than the process's own word. */
  #firstBorneOut(process: string, windows: readonly Window[]): Reason | undefined {
    for (const { why, fromUs, endUs } of windows) {
      if (why === "busy") continue;
      if (why !== "disconnected" || this.#wasCut(process, fromUs, endUs)) return why;
    }
    return undefined;
  }

  /** Whether something has cut its connection. */
  #wasCut(process: string, fromUs: number, untilUs: number): boolean {
    const starved = this.#told.get(process)?.filter(({ why }) => why === "starved");
    return [this.#unheard.get(process), this.#outages, this.#stopped.get(process), starved]
      .some((causes) => meets(causes, fromUs - CUT_NOTICED_US, untilUs));
  }
}

/** A handler, as far as an excuse goes. */
type Handler = Pick<Span, "process" | "startUs" | "endUs" | "rightEndedUs">;

/** Returns what is not remembered any more. */
function note<T>(all: Map<string, T[]>, process: string, one: T): T | undefined {
  const known = all.get(process) ?? [];
  known.push(one);
  all.set(process, known);
  return known.length > MAX_PER_PROCESS ? known.shift() : undefined;
}

function meets(
  times: readonly { readonly fromUs: number; readonly untilUs: number }[] | undefined,
  fromUs: number,
  untilUs: number,
): boolean {
  return times?.some((time) => time.fromUs < untilUs && fromUs < time.untilUs) ?? false;
}
