/**
 * What the source has dropped before it was copied: its limits do not wait for a copier.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { FeedStore, StreamInfo } from "../../ports/feed.ts";
import type { CopySource } from "./copy_source.ts";

/** A gap in what came: all between two sequences, without these. */
interface Gap {
  readonly after: number;
  readonly before: number;
}

/**
 * Whether all that a stream holds is read through a filter. Where it is not, a gap in what comes may well be what somebody else reads, and
 * an interest stream has dropped what nobody wants.
 *
 * @param info the stream
 * @param filterSubjects what of it is read, each ending in `>`; none for all of it
 * @returns true if nothing in it is left out
 */
export function readsAll(
  { subjects, mayHoldOthers }: Pick<StreamInfo, "subjects" | "mayHoldOthers">,
  filterSubjects: readonly string[],
): boolean {
  if (filterSubjects.length === 0) return true;
  const isRead = (subject: string) =>
    filterSubjects.some((filter) => subject.startsWith(filter.slice(0, -1)));
  return !mayHoldOthers && subjects.every(isRead);
}

/**
 * That messages were gone before they were copied.
 *
 * @param from the source
 * @param first the first of them
 * @param last the last of them
 * @param count how many, in words
 */
export function droppedError(
  { stream }: CopySource,
  first: number,
  last: number,
  count: string,
): PartiError {
  return new PartiError(
    "PARTI_NOT_FOUND",
    `${count} messages of stream ${stream}, of ${first} to ${last}, were gone before they were copied`,
    {
      value: { first, last },
      hint:
        "raise the stream's limits so that they hold what comes while nobody copies; nothing else is missing, and the copy goes on",
    },
  );
}

/** Looks at the gaps in what comes from a source that is read as a whole. */
export class SourceGaps {
  readonly #feed: Pick<FeedStore, "streamInfo">;
  readonly #from: CopySource;
  readonly #filterSubjects: readonly string[];
  readonly #onError: (error: unknown) => void;
  #gaps: Gap[] = [];

  /**
   * @param feed where the source is
   * @param from the source
   * @param filterSubjects what of it is read
   * @param onError told of what was dropped, once
   */
  constructor(
    feed: Pick<FeedStore, "streamInfo">,
    from: CopySource,
    filterSubjects: readonly string[],
    onError: (error: unknown) => void,
  ) {
    this.#feed = feed;
    this.#from = from;
    this.#filterSubjects = filterSubjects;
    this.#onError = onError;
  }

  /**
   * Notes a gap.
   *
   * @param after the sequence of the message before it
   * @param before the sequence of the message behind it
   */
  note(after: number, before: number): void {
    this.#gaps.push({ after, before });
  }

  /** Sees whether what lies in the gaps noted is gone because the source begins later now. Never rejects: what cannot be asked is asked again. */
  async look(): Promise<void> {
    if (this.#gaps.length === 0) return;
    let info: StreamInfo;
    try {
      info = await this.#feed.streamInfo(this.#from.stream);
    } catch (error) {
      return this.#onError(error);
    }
    const gaps = this.#gaps;
    this.#gaps = [];
    if (!readsAll(info, this.#filterSubjects)) return;
    // What was taken out of the middle, as by a limit for each subject, is not missed.
    const dropped = gaps.filter(({ after }) => info.firstSequence > after + 1);
    if (dropped.length === 0) return;
    const count = dropped.reduce((sum, { after, before }) => sum + before - after - 1, 0);
    const [first, last] = [dropped[0]!.after + 1, dropped.at(-1)!.before - 1];
    this.#onError(droppedError(this.#from, first, last, `${count}`));
  }
}
