/**
 * The reaper deletes the lanes of instances that are gone. Deleting is the fence: a zombie's pulls and acks then go nowhere, and
 * its unacknowledged messages are deliverable to the next owner at once.
 *
 * @module
 */
import { laneOwner } from "../../names.ts";
import type { FeedStore } from "../../ports/feed.ts";

/** What the reaper needs. */
export interface LaneReaperOptions {
  /** Where the lanes are. */
  readonly feed: FeedStore;
  /** The group whose lanes are looked at; all others are left alone. */
  readonly group: string;
  /** The feed's streams; without any there is nothing to do. */
  readonly streams: readonly string[];
  /**
   * Brings up to date what `isAlive` goes by; awaited before lanes are deleted of whom it is not known that they are over. Left out where
   * nobody else is taken for dead.
   */
  readonly lookAgain?: () => Promise<void>;
  /** Told when lanes could not be listed or one could not be deleted; it is tried at the next call. */
  readonly onError: (error: unknown) => void;
}

/** So many streams are looked at at the same time. */
const AT_ONCE = 16;

/** A lane of somebody who is not alive. */
interface DeadLane {
  readonly stream: string;
  readonly name: string;
  readonly instance: string;
}

/** What {@linkcode LaneReaper.reap} did. */
export interface Reaped {
  /** Whether every lane of the dead is gone; if not, call again. */
  readonly complete: boolean;
  /** How many lanes were deleted. */
  readonly deleted: number;
}

/** Deletes dead instances' lanes. */
export class LaneReaper {
  readonly #options: LaneReaperOptions;

  /** @param options what it needs */
  constructor(options: LaneReaperOptions) {
    this.#options = options;
  }

  /**
   * Deletes every lane of the group whose instance is not alive. Throws nothing.
   *
   * @param isAlive whether an instance is alive; asked after the lanes were listed, so whoever came meanwhile counts as alive
   * @param isOver whether an instance is known to be over for good. Of others, who may have come unseen, `lookAgain` has to show that their
   * lease is gone: a leader that stood still, or was cut off, knows nothing of those that came since, and its lease may not be over yet
   * @returns what was done
   */
  async reap(
    isAlive: (instance: string) => boolean,
    isOver: (instance: string) => boolean = () => true,
  ): Promise<Reaped> {
    const strangers: DeadLane[] = [];
    let complete = true;
    let deleted = 0;
    const count = (reaped: Reaped): void => {
      complete &&= reaped.complete;
      deleted += reaped.deleted;
    };
    const { streams } = this.#options;
    for (let from = 0; from < streams.length; from += AT_ONCE) {
      const some = streams.slice(from, from + AT_ONCE);
      await Promise.all(some.map(async (stream) => {
        const dead = await this.#deadIn(stream, isAlive);
        if (dead === undefined) return void (complete = false);
        const over = dead.filter(({ instance }) => isOver(instance));
        strangers.push(...dead.filter((lane) => !over.includes(lane)));
        count(await this.#delete(over));
      }));
    }
    if (strangers.length > 0) count(await this.#deleteStrangers(strangers, isAlive));
    return { complete, deleted };
  }

  /** Undefined if they could not be listed. */
  async #deadIn(
    stream: string,
    isAlive: (instance: string) => boolean,
  ): Promise<DeadLane[] | undefined> {
    const { feed, group, onError } = this.#options;
    try {
      const lanes = await feed.listConsumers(stream);
      return lanes.flatMap(({ name, metadata }) => {
        const owner = laneOwner(metadata);
        if (owner?.group !== group || isAlive(owner.instance)) return [];
        return [{ stream, name, instance: owner.instance }];
      });
    } catch (error) {
      onError(error);
      return undefined;
    }
  }

  /** Whoever has a lane had a lease before: it is looked for after the lanes were listed. */
  async #deleteStrangers(
    lanes: readonly DeadLane[],
    isAlive: (instance: string) => boolean,
  ): Promise<Reaped> {
    const { lookAgain, onError } = this.#options;
    try {
      await lookAgain?.();
    } catch (error) {
      onError(error);
      return { complete: false, deleted: 0 };
    }
    return await this.#delete(lanes.filter(({ instance }) => !isAlive(instance)));
  }

  async #delete(lanes: readonly DeadLane[]): Promise<Reaped> {
    const { feed, onError } = this.#options;
    const results = await Promise.allSettled(
      lanes.map(({ stream, name }) => feed.deleteConsumer(stream, name)),
    );
    const failures = results.filter((result) => result.status === "rejected");
    for (const failure of failures) onError(failure.reason);
    return { complete: failures.length === 0, deleted: results.length - failures.length };
  }
}
