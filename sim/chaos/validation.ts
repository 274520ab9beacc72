/**
 * The validation window: whether the group is whole again in time after each event of chaos, and which event a defect belongs to.
 *
 * @module
 */
import { formatDuration } from "../config/units.ts";
import type { Defect } from "../ledger/ledger.ts";
import type { ChaosRecord } from "../report/report.ts";

/** What validating needs. */
export interface ValidationOptions {
  /** How long the group may take to be whole again, in milliseconds. */
  readonly windowMs: number;
  /** The time, in microseconds since 1970. */
  readonly nowUs: () => number;
  /** Why the group is not whole, going by what was said since a time; undefined if it is. */
  readonly amiss: (sinceUs: number) => string | undefined;
  /** Takes the name of each event after which the group is whole again, and how long that took. */
  readonly onWhole: (what: string) => void;
  /** Takes the name of each event that failed, with the reason. */
  readonly onFail: (incident: string) => void;
}

/** One event that was done. */
interface Course {
  readonly record: ChaosRecord;
  readonly fromUs: number;
  /** What the event itself still has to bring about, apart from the group being whole. */
  readonly unfinished: () => string | undefined;
  /** When its own fault ended. */
  endedUs: number | undefined;
  /** When the group was whole again, or its time was up. */
  closedUs: number | undefined;
  /** How long nobody's fault was under way since its own ended, in all, in microseconds. */
  quietUs: number;
}

/** A group that is disturbed again and again has so many windows in all: else an event might be waited for until the run ends. */
const WINDOWS_MAX = 3;

/**
 * Watches all events of a run. One rule holds for however many of them overlap: the time runs only while nobody's fault is under way, and
 * from the beginning when the last one ends; what is amiss when it is up, and every defect, is told of the last event that had begun,
 * since nobody can tell what of it an earlier one has done.
 */
export class Validation {
  readonly #options: ValidationOptions;
  readonly #courses: Course[] = [];
  /** Since when no event's fault is under way. */
  #quietSinceUs = 0;
  #lookedUs = 0;

  /** @param options what it needs */
  constructor(options: ValidationOptions) {
    this.#options = options;
  }

  /** Whether the group was not seen whole since some event, and its time is not up. */
  get isOpen(): boolean {
    return this.#courses.some(({ closedUs }) => closedUs === undefined);
  }

  /** The numbers of the events after which the group was not seen whole yet. */
  get open(): number[] {
    return this.#courses.filter(({ closedUs }) => closedUs === undefined)
      .map(({ record }) => record.number);
  }

  /**
   * An event happens.
   *
   * @param record its place in the book
   * @param fromUs when, in microseconds since 1970
   * @param unfinished what the event itself still has to bring about; undefined once all is done
   */
  begin(
    record: ChaosRecord,
    fromUs: number,
    unfinished: () => string | undefined = () => undefined,
  ): void {
    this.#courses.push({
      record,
      fromUs,
      unfinished,
      endedUs: undefined,
      closedUs: undefined,
      quietUs: 0,
    });
  }

  /**
   * An event's own fault is over: whoever stood still goes on, whoever was killed is started again.
   *
   * @param record its place in the book
   */
  ended(record: ChaosRecord): void {
    const course = this.#courses.find((one) => one.record === record);
    if (course === undefined || course.endedUs !== undefined) return;
    course.endedUs = this.#quietSinceUs = this.#options.nowUs();
  }

  /** To be called again and again: notes what is whole, and fails what is not when its time is up. */
  look(): void {
    const nowUs = this.#options.nowUs();
    const open = this.#courses.filter(({ closedUs }) => closedUs === undefined);
    for (const course of open) {
      const { record, endedUs } = course;
      if (endedUs === undefined || this.#amissAfter(course) !== undefined) continue;
      course.closedUs = nowUs;
      record.wholeMs = Math.round((nowUs - endedUs) / 1_000);
      this.#options.onWhole(`${nameOf(record)}: whole again after ${record.wholeMs}ms`);
    }
    const left = open.filter(({ closedUs }) => closedUs === undefined);
    if (left.length === 0) return;
    const quietFromUs = Math.max(this.#lookedUs, this.#quietSinceUs);
    this.#lookedUs = nowUs;
    if (left.some(({ endedUs }) => endedUs === undefined)) return;
    for (const course of left) course.quietUs += nowUs - quietFromUs;
    const windowUs = this.#options.windowMs * 1_000;
    if (nowUs - this.#quietSinceUs > windowUs) return this.#fail(left, nowUs);
    for (const course of left.filter(({ quietUs }) => quietUs > WINDOWS_MAX * windowUs)) {
      const amiss = this.#amissAfter(course);
      course.closedUs = nowUs;
      const quiet = formatDuration(WINDOWS_MAX * this.#options.windowMs);
      this.#tell(course, `not whole again within ${quiet} without a fault, in all: ${amiss}`);
    }
  }

  /**
   * A defect has shown. The last event before it that was not over then fails for it, with the first of its defects.
   *
   * @param defect what is wrong, and when it showed
   */
  blame(defect: Defect): void {
    const { kind, partition, detail, atUs } = defect;
    if (atUs === undefined) return;
    const course = this.#courses.findLast(({ fromUs, closedUs = Number.POSITIVE_INFINITY }) =>
      fromUs <= atUs && atUs <= closedUs
    );
    if (course === undefined || course.record.failed !== undefined) return;
    const where = partition < 0 ? "" : ` in partition ${partition}`;
    this.#tell(course, `before the group was whole again: ${kind}${where}: ${detail}`);
  }

  #amissAfter({ endedUs, unfinished }: Course): string | undefined {
    return unfinished() ?? this.#options.amiss(endedUs!);
  }

  /** Whoever has not brought about what it should fails for itself; of the others the last one does. */
  #fail(left: readonly Course[], nowUs: number): void {
    const window = formatDuration(this.#options.windowMs);
    const others = left.filter(({ unfinished }) => unfinished() === undefined);
    for (const course of left) {
      const amiss = this.#amissAfter(course);
      course.closedUs = nowUs;
      if (others.includes(course) && course !== others.at(-1)) continue;
      const since = others.length > 1 && course === others.at(-1)
        ? `; nor since ${nameOf(others[0]!.record)}`
        : "";
      this.#tell(course, `not whole again within ${window}: ${amiss}${since}`);
    }
  }

  #tell({ record }: Course, why: string): void {
    record.failed ??= why;
    this.#options.onFail(`${nameOf(record)}: ${why}`);
  }
}

/** An event as people call it. */
function nameOf({ number, type, target }: ChaosRecord): string {
  return `#${number} ${type} (${target})`;
}
