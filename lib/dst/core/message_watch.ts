/**
 * Watches messages: who handles which under what right, and what comes of it.
 *
 * @module
 */
import type { FeedMessage } from "../../ports/feed.ts";
import type { Assertions } from "../assertions/assertions.ts";
import type { CoreCatalog } from "./catalog.ts";
import type { Excuses } from "./excuses.ts";
import { describeStart, type HandlerStart, type Right, type WorkerView } from "./handler_start.ts";
import { LockWatch } from "./lock_watch.ts";
import { RepeatWatch } from "./repeat_watch.ts";
import { RightWatch } from "./right_watch.ts";

/** An effect in the output stream. */
export interface Effect {
  /** The partition. */
  readonly partition: string;
  /** The input's sequence in the feed. */
  readonly input: number;
  /** The writer's epoch. */
  readonly epoch: number;
  /** The writer's generation. */
  readonly generation: number;
}

/** What is known of one partition. */
interface PartitionFacts {
  /** Sequences in the feed, in order. */
  readonly stored: number[];
  /** How many of them have their effect, or are dead letters. */
  settled: number;
  epoch: number;
  generation: number;
  readonly open: Set<HandlerStart>;
  last: Right | undefined;
}

/** What the watch needs. */
export interface MessageWatchOptions {
  /** Where it tells what it finds. */
  readonly assertions: Assertions<CoreCatalog>;
  /** Whom the others may take for dead. */
  readonly excuses: Excuses;
  /** Who holds a stable ID, as the bucket of leases says. */
  readonly holderOf: (worker: string) => string | undefined;
  /** What of the group's a partition is in: itself, or its shard. */
  readonly unitOf: (partition: string) => string;
}

/** Sees all messages. */
export class MessageWatch {
  /** Which lane locks what. */
  readonly locks: LockWatch;
  readonly #options: MessageWatchOptions;
  readonly #rights: RightWatch;
  readonly #repeats: RepeatWatch;
  readonly #partitions = new Map<string, PartitionFacts>();
  /** How many handlers each instance runs. */
  readonly #running = new Map<string, number>();
  /** Messages on which every handler throws. */
  readonly #poison = new Set<string>();
  #disturbedUntilMs = 0;

  /** @param options what it needs */
  constructor(options: MessageWatchOptions) {
    this.#options = options;
    this.locks = new LockWatch(options);
    this.#rights = new RightWatch(options);
    this.#repeats = new RepeatWatch(options.assertions, options.excuses);
  }

  /**
   * How many messages wait for their effect.
   *
   * @param partitions in which partitions
   */
  waiting(partitions: Iterable<string>): number {
    let count = 0;
    for (const id of partitions) {
      const facts = this.#partitions.get(id);
      if (facts !== undefined) count += facts.stored.length - facts.settled;
    }
    return count;
  }

  /** A message was stored in the feed. */
  stored(partition: string, sequence: number): void {
    this.#facts(partition).stored.push(sequence);
  }

  /** A message turned out to be one on which every handler throws. */
  poisonous(partition: string, sequence: number): void {
    this.#poison.add(`${partition} ${sequence}`);
  }

  /**
   * The effect that somebody without a right could try to write, now that a newer owner has written: of the next message of its partition.
   *
   * @param right an older right
   * @returns the message's sequence in the feed; undefined if nobody newer has written
   */
  forbidden({ partitionId, epoch, generation }: Right): number | undefined {
    const facts = this.#facts(partitionId);
    const isOutranked = (facts.epoch - epoch || facts.generation - generation) > 0;
    // Where none waits it is one that the feed will have some time.
    return isOutranked ? facts.stored[facts.settled] ?? (facts.stored.at(-1) ?? 0) + 1 : undefined;
  }

  /** An effect was stored in the output. */
  effect({ partition, input, epoch, generation }: Effect): void {
    const facts = this.#facts(partition);
    const expected = facts.stored[facts.settled];
    this.#options.assertions.always(
      "effects are those of the feed, once and in order",
      input === expected,
      () => `${partition}: the effect of ${input} is stored; the next in the feed is ${expected}`,
    );
    facts.settled++;
    // One that does not say whose it is would compare with nothing, and nothing with it.
    const isSaid = Number.isInteger(epoch) && Number.isInteger(generation);
    const isOlder = !isSaid || (epoch - facts.epoch || generation - facts.generation) < 0;
    this.#options.assertions.always(
      "effects are of the newest owner",
      !isOlder,
      () => `${partition}: ${epoch}.${generation} after ${facts.epoch}.${facts.generation}`,
    );
    facts.epoch = epoch;
    facts.generation = generation;
  }

  /**
   * A dead letter was stored.
   *
   * @param partition the partition
   * @param input the message's sequence in the feed
   */
  deadLetter(partition: string, input: number): void {
    const { assertions } = this.#options;
    const facts = this.#facts(partition);
    const expected = facts.stored[facts.settled];
    const isPoison = this.#poison.has(`${partition} ${input}`);
    assertions.always(
      "only poison becomes a dead letter, in its turn",
      isPoison && input === expected,
      () =>
        `${partition}: ${input}, which is ${isPoison ? "" : "no "}poison; ` +
        `the next in the feed is ${expected}`,
    );
    assertions.reachable("a message became a dead letter");
    facts.settled++;
  }

  /**
   * A handler starts.
   *
   * @param right under what right
   * @param sequence the message's place in the feed
   * @param view what its worker knows
   * @returns to be called when it ends, however it does, with whether it has ended well by right
   */
  begin(right: Right, sequence: number, view: WorkerView): (isWell: boolean) => void {
    const { assertions, excuses } = this.#options;
    const { instance } = right;
    const span: HandlerStart = { right, sequence };
    this.#rights.begin(span, view);
    this.#repeats.begin(span);
    const unlock = this.locks.begin(span, view);
    const facts = this.#facts(right.partitionId);
    // Nobody can tell, before the socket is read, that it was closed while the process stood still; and what was due comes before that.
    const isUnaware = view.isCutUnheard && excuses.has(instance);
    const other = isUnaware ? undefined : this.#rivalOf(facts, span);
    assertions.always(
      "one handler per partition",
      other === undefined,
      () => `${other && describeStart(other)} runs, and ${describeStart(span)} starts`,
    );
    const { last } = facts;
    const isOlder = last !== undefined &&
      (right.epoch - last.epoch || right.generation - last.generation) < 0;
    assertions.always(
      "no right goes back",
      !isOlder || excuses.has(instance),
      () => `${describeStart(span)} after ${last!.worker}, ${last!.epoch}.${last!.generation}`,
    );
    facts.last = right;
    facts.open.add(span);
    this.#running.set(instance, (this.#running.get(instance) ?? 0) + 1);
    return (isWell) => {
      facts.open.delete(span);
      unlock();
      assertions.always("what is worked on is not sent again", true);
      if (isWell) this.#repeats.endedWell(span);
      this.#running.set(instance, (this.#running.get(instance) ?? 0) - 1);
    };
  }

  /**
   * An instance's excuse has ended: it has kept its lease. What it has run since before must not overlap with anybody's, and when the
   * other one began nobody looked at it.
   *
   * @param instance the instance
   */
  unexcused(instance: string): void {
    this.#repeats.unexcused(instance);
    for (const facts of this.#partitions.values()) {
      for (const span of facts.open) {
        if (span.right.instance !== instance || span.right.signal.aborted) continue;
        const other = this.#rivalOf(facts, span);
        this.#options.assertions.always(
          "one handler per partition",
          other === undefined,
          () => `${other && describeStart(other)} runs, and ${describeStart(span)} was never lost`,
        );
      }
    }
  }

  /**
   * A message has come to a worker once more. One that it works on the server does not send again, since it is told that work goes on.
   *
   * @param instance the worker's instance
   * @param partition the partition
   * @param message what has come
   * @param nowMs when, in true virtual milliseconds
   */
  cameAgain(
    instance: string,
    partition: string,
    { streamSequence, deliveryCount }: Pick<FeedMessage, "streamSequence" | "deliveryCount">,
    nowMs: number,
  ): void {
    const { assertions, excuses } = this.#options;
    // On another lane it comes for the first time.
    if (deliveryCount <= 1 || excuses.has(instance) || nowMs < this.#disturbedUntilMs) return;
    for (const span of this.#facts(partition).open) {
      const { right, sequence } = span;
      if (sequence !== streamSequence || right.instance !== instance) continue;
      assertions.always(
        "what is worked on is not sent again",
        right.signal.aborted,
        () => `${describeStart(span)} runs, and it has come for the ${deliveryCount}. time`,
      );
    }
  }

  /** The server may send messages again as it likes until then. */
  disturbed(untilMs: number): void {
    this.#disturbedUntilMs = Math.max(this.#disturbedUntilMs, untilMs);
  }

  /**
   * The server has forgotten all lanes with its process.
   *
   * @param instances who had any
   */
  lanesForgotten(instances: readonly string[]): void {
    this.locks.forgotten();
    this.#repeats.lanesForgotten(instances);
  }

  /** Whether an instance runs a handler now. */
  handles(instance: string): boolean {
    return (this.#running.get(instance) ?? 0) > 0;
  }

  /** Somebody else who runs a handler by right. */
  #rivalOf({ open }: PartitionFacts, own: HandlerStart): HandlerStart | undefined {
    for (const span of open) {
      if (span === own) continue;
      if (!span.right.signal.aborted && !this.#options.excuses.has(span.right.instance)) {
        return span;
      }
    }
    return undefined;
  }

  #facts(partition: string): PartitionFacts {
    let facts = this.#partitions.get(partition);
    if (facts === undefined) {
      facts = {
        stored: [],
        settled: 0,
        epoch: 0,
        generation: 0,
        open: new Set(),
        last: undefined,
      };
      this.#partitions.set(partition, facts);
    }
    return facts;
  }
}
