/**
 * Who holds what: judging the consumers that stand in the way.
 *
 * @module
 */
import { type LaneOwner, laneOwner } from "../../names.ts";
import type { ConsumerInfo } from "../../ports/feed.ts";

/** What a survey looks for. */
export interface SurveyOptions {
  /** The subjects that are wanted and were refused; without wildcards. */
  readonly subjects: readonly string[];
  /** Who asks. */
  readonly owner: LaneOwner;
  /** Whether a lane of the asker is one it knows of. */
  readonly isOwnLane: (name: string) => boolean;
  /** Whether an instance is part of the asker's generation. */
  readonly isKnown: (instance: string) => boolean;
  /** The asker's generation. */
  readonly present: { readonly epoch: number; readonly generation: number };
}

/** What a survey found. */
export interface Survey {
  /** Wanted subjects that somebody holds by right. */
  readonly held: ReadonlySet<string>;
  /** Lanes without any right, to be deleted. */
  readonly unlawful: readonly string[];
  /** Consumers that are not of this group at all. */
  readonly foreign: readonly string[];
  /** Whether one of these lanes was made in a later generation: the asker does not know the assignment in force. */
  readonly isBehind: boolean;
}

/**
 * Judges every consumer that reads a wanted subject.
 *
 * A lane is unlawful if its instance is not part of the asker's generation, unless it was made in a *later* one: then the asker is
 * behind, and waits. A lane of the asker's own instance that it does not know of comes from a create whose answer was lost.
 *
 * @param consumers all consumers of the stream
 * @param options what to look for
 * @returns the judgement
 */
export function surveyHolders(consumers: readonly ConsumerInfo[], options: SurveyOptions): Survey {
  const held = new Set<string>();
  const unlawful: string[] = [];
  const foreign: string[] = [];
  let isBehind = false;
  for (const consumer of consumers) {
    const read = readBy(consumer, options.subjects);
    if (read.length === 0) continue;
    const verdict = judge(consumer, options);
    if (verdict === "unlawful") {
      unlawful.push(consumer.name);
      continue;
    }
    if (verdict === "foreign") foreign.push(consumer.name);
    else isBehind ||= isLater(consumer, options.present);
    for (const subject of read) held.add(subject);
  }
  return { held, unlawful, foreign, isBehind };
}

/** Those subjects that a consumer reads. One without a filter reads them all. */
function readBy(consumer: ConsumerInfo, subjects: readonly string[]): readonly string[] {
  const { filterSubjects } = consumer;
  if (filterSubjects.length === 0) return subjects;
  const exact = new Set(filterSubjects);
  // Lanes have no wildcards. Others' consumers may.
  const patterns = filterSubjects.filter((filter) => /[*>]/.test(filter)).map(toTokens);
  return subjects.filter((subject) =>
    exact.has(subject) || patterns.some((pattern) => matches(pattern, toTokens(subject)))
  );
}

function toTokens(subject: string): string[] {
  return subject.split(".");
}

function matches(pattern: readonly string[], subject: readonly string[]): boolean {
  for (const [index, token] of pattern.entries()) {
    if (token === ">") return subject.length > index;
    if (token !== "*" && token !== subject[index]) return false;
    if (subject[index] === undefined) return false;
  }
  return pattern.length === subject.length;
}

function judge(consumer: ConsumerInfo, options: SurveyOptions): "lawful" | "unlawful" | "foreign" {
  const holder = laneOwner(consumer.metadata);
  if (holder === undefined || holder.group !== options.owner.group) return "foreign";
  if (holder.instance === options.owner.instance) {
    return options.isOwnLane(consumer.name) ? "lawful" : "unlawful";
  }
  const isLawful = options.isKnown(holder.instance) || isLater(consumer, options.present);
  return isLawful ? "lawful" : "unlawful";
}

function isLater({ metadata }: ConsumerInfo, present: SurveyOptions["present"]): boolean {
  const epoch = Number(metadata["parti_epoch"]);
  const generation = Number(metadata["parti_generation"]);
  return (epoch - present.epoch || generation - present.generation) > 0;
}
