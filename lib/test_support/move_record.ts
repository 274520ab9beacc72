/**
 * What workers in processes of their own say they have done, what the streams say, and whether that is as it should be. Only tests
 * import this.
 *
 * @module
 */
import { compareEffects } from "./owner_oracle.ts";

/** One message that a handler was given, from beginning to end. */
export interface HandledLine {
  /** The worker's instance. */
  readonly instance: string;
  /** The partition. */
  readonly partition: string;
  /** The message: the nth of its partition, from 0. */
  readonly n: number;
  /** The generation under which it was handled. */
  readonly generation: number;
  /** When the handler began, in milliseconds since 1970. All processes run on one machine, so on one clock. */
  readonly startedMs: number;
  /** When it came back. */
  readonly endedMs: number;
  /** What became of the effect: `written`, `already`, or why it failed. */
  readonly outcome: string;
}

/** One effect in the output stream. */
export interface EffectLine {
  /** The partition. */
  readonly partition: string;
  /** Of which message. */
  readonly n: number;
  /** Who wrote it. */
  readonly instance: string;
  /** Under which generation. */
  readonly generation: number;
}

/** Everything that is known of a run. */
export interface MoveRecord {
  /** Partition → how many messages were published. */
  readonly published: ReadonlyMap<string, number>;
  /** Generation → partition → the instance it was given to. */
  readonly owners: ReadonlyMap<number, ReadonlyMap<string, string>>;
  /** What all workers handled, in no particular order. */
  readonly handled: readonly HandledLine[];
  /** The output stream, in its order. */
  readonly effects: readonly EffectLine[];
}

/**
 * Looks for everything that must not be in a run in which nobody died: each message is handled once, by the owner of its partition, in
 * order, while nobody else handles one of that partition, and has one effect, by the same owner.
 *
 * @param record the run
 * @returns what is wrong; empty if nothing is
 */
export function problemsOf(record: MoveRecord): string[] {
  return [...problemsOfEffects(record), ...problemsOfOwners(record), ...problemsOfHandling(record)];
}

function problemsOfEffects({ published, effects, handled }: MoveRecord): string[] {
  const byPartition = Map.groupBy(effects, ({ partition }) => partition);
  const numbers = new Map(
    [...byPartition].map(([partition, lines]) => [partition, lines.map(({ n }) => n)]),
  );
  const problems = compareEffects(published, numbers);
  for (const lines of byPartition.values()) {
    for (const [index, line] of lines.entries()) {
      const before = lines[index - 1]?.generation ?? 0;
      if (line.generation < before) {
        problems.push(`${describe(line)} has its effect after one of generation ${before}`);
      }
    }
  }
  const said = new Set(handled.map(describe));
  for (const line of effects) {
    if (!said.has(describe(line))) problems.push(`nobody says to have written ${describe(line)}`);
  }
  return problems;
}

function problemsOfOwners({ owners, handled, effects }: MoveRecord): string[] {
  const isOwner = ({ partition, instance, generation }: EffectLine) =>
    owners.get(generation)?.get(partition) === instance;
  return [
    ...handled.filter((line) => !isOwner(line)).map((line) => `not its owner: ${describe(line)}`),
    ...effects.filter((line) => !isOwner(line))
      .map((line) => `the effect is not by its owner: ${describe(line)}`),
  ];
}

function problemsOfHandling({ published, handled }: MoveRecord): string[] {
  const problems: string[] = [];
  const byPartition = Map.groupBy(handled, ({ partition }) => partition);
  for (const [partition, count] of published) {
    const lines = (byPartition.get(partition) ?? [])
      .toSorted((a, b) => a.startedMs - b.startedMs || a.n - b.n);
    const times = new Map<number, number>();
    let last: HandledLine | undefined;
    for (const line of lines) {
      times.set(line.n, (times.get(line.n) ?? 0) + 1);
      if (line.outcome !== "written") problems.push(`${describe(line)}: ${line.outcome}`);
      if (last !== undefined && line.n < last.n) {
        problems.push(`${describe(line)} began after ${describe(last)}`);
      }
      if (last !== undefined && line.startedMs < last.endedMs) {
        problems.push(`two handlers at once: ${describe(last)} and ${describe(line)}`);
      }
      // Of two that overlap the one that ends later may overlap with the next one, too.
      if (last === undefined || line.endedMs >= last.endedMs) last = line;
    }
    for (let n = 0; n < count; n++) {
      const handledTimes = times.get(n) ?? 0;
      if (handledTimes !== 1) {
        problems.push(`${n} of ${partition} was handled ${handledTimes} times`);
      }
    }
  }
  return problems;
}

function describe({ n, partition, instance, generation }: EffectLine): string {
  return `${n} of ${partition} by ${instance} in generation ${generation}`;
}
