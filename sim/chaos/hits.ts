/**
 * Which workers chaos has hit and when, and who is under something that lasts.
 *
 * @module
 */

/** A worker, as far as this is concerned. */
interface Victim {
  /** Its process and incarnation. */
  readonly process: string;
  /** What it last said of itself. */
  readonly status: { readonly leader: boolean } | undefined;
}

/** The group's times after which silence is noticed, in milliseconds. */
export interface GroupTiming {
  /** A worker's lease. */
  readonly heartbeatTtlMs: number;
  /** The leader's lease. */
  readonly electionTimeoutMs: number;
}

/** What the others may take beyond the leases. */
const SLACK_MS = 2_000;

/**
 * By when others have what a silent worker had. That a leader is silent is noticed only after the election's timeout and a lease, and only
 * then are its partitions given to others.
 *
 * @param timing the group's times
 * @param leads whether it leads
 * @returns so many milliseconds after it fell silent
 */
export function takeoverDueMs(
  { heartbeatTtlMs, electionTimeoutMs }: GroupTiming,
  leads: boolean,
): number {
  return heartbeatTtlMs + SLACK_MS + (leads ? electionTimeoutMs : 0);
}

/** That a worker fell silent, as JSON holds it. */
export interface Hit {
  /** When, in microseconds since 1970. */
  readonly atUs: number;
  /** Whether it led. */
  readonly leader: boolean;
}

/** So many are remembered: what was long ago is over. */
const MAX_SAVED = 100;

/** The book of hits. */
export class Hits {
  readonly #timing: GroupTiming;
  readonly #hits: Hit[] = [];
  readonly #lasting = new Map<string, number>();

  /** @param timing the group's times */
  constructor(timing: GroupTiming) {
    this.#timing = timing;
  }

  /**
   * A worker falls silent, whether or not it will speak again.
   *
   * @param victim the worker
   * @param atUs when, in microseconds since 1970
   * @param leader whether it leads
   */
  silenced(victim: Victim, atUs: number, leader: boolean = victim.status?.leader === true): void {
    this.#hits.push({ atUs, leader });
  }

  /** Who fell silent, as JSON holds it: the last ones. */
  save(): Hit[] {
    return this.#hits.slice(-MAX_SAVED);
  }

  /**
   * Goes on from there.
   *
   * @param hits who fell silent before
   */
  load(hits: readonly Hit[]): void {
    this.#hits.push(...hits);
  }

  /**
   * Something begins that lasts.
   *
   * @param victim the worker that it happens to
   * @returns ends it
   */
  begin({ process }: Victim): () => void {
    this.#lasting.set(process, (this.#lasting.get(process) ?? 0) + 1);
    return () => {
      const left = this.#lasting.get(process)! - 1;
      if (left > 0) this.#lasting.set(process, left);
      else this.#lasting.delete(process);
    };
  }

  /**
   * Whether something that lasts is happening to a worker.
   *
   * @param process its process and incarnation
   */
  isUnder(process: string): boolean {
    return this.#lasting.has(process);
  }

  /**
   * Whether the group had the time to give away what a silent worker had. Whoever falls silent meanwhile may be the one that should have
   * taken it, or the leader that should have given it: then the clock begins again. After that time it should have been done, whatever
   * happens.
   *
   * @param fromUs since when the worker is silent, in microseconds since 1970
   * @param untilUs until when
   */
  hadTime(fromUs: number, untilUs: number): boolean {
    let dueUs = fromUs;
    for (const { atUs, leader } of this.#hits.toSorted((a, b) => a.atUs - b.atUs)) {
      if (atUs > dueUs) break;
      dueUs = Math.max(dueUs, atUs + takeoverDueMs(this.#timing, leader) * 1_000);
    }
    return untilUs >= dueUs;
  }
}
