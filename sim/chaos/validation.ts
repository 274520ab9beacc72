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

/**
 * Watches all events of a run. One rule holds for however many of them overlap: each has one window in all, and its time runs only while
 * nobody's fault is under way. A defect is told of the last event that had begun, since nobody can tell what of it an earlier one has done.
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
    this.#passTime(open, nowUs);
    for (const course of open) {
      if (course.endedUs === undefined) continue;
      const amiss = course.unfinished() ?? this.#options.amiss(course.endedUs);
      if (amiss === undefined) this.#isWhole(course, nowUs);
      else if (course.quietUs > this.#options.windowMs * 1_000) this.#isLate(course, nowUs, amiss);
    }
  }

  /** Counts the time since the last look, or since the last fault was over, if none is under way. */
  #passTime(open: readonly Course[], nowUs: number): void {
    const sinceUs = Math.max(this.#lookedUs, this.#quietSinceUs);
    this.#lookedUs = nowUs;
    if (open.some(({ endedUs }) => endedUs === undefined)) return;
    for (const course of open) course.quietUs += nowUs - sinceUs;
  }

  #isWhole(course: Course, nowUs: number): void {
    course.closedUs = nowUs;
    const { record, endedUs, quietUs } = course;
    record.wholeMs = Math.round(quietUs / 1_000);
    const allMs = Math.round((nowUs - endedUs!) / 1_000);
    const besides = allMs - record.wholeMs;
    const others = besides === 0 ? "" : `, and ${besides}ms with other faults`;
    this.#options.onWhole(`${nameOf(record)}: whole again after ${record.wholeMs}ms${others}`);
  }

  #isLate(course: Course, nowUs: number, amiss: string): void {
    course.closedUs = nowUs;
    const window = formatDuration(this.#options.windowMs);
    this.#tell(course, `not whole again within ${window}: ${amiss}`);
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

  #tell({ record }: Course, why: string): void {
    record.failed ??= why;
    this.#options.onFail(`${nameOf(record)}: ${why}`);
  }
}

/** An event as people call it. */
function nameOf({ number, type, target }: ChaosRecord): string {
  return `#${number} ${type} (${target})`;
}
