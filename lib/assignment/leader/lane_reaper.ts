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
  /** Told when lanes could not be listed or one could not be deleted; it is tried at the next call. */
  readonly onError: (error: unknown) => void;
}

/** So many streams are looked at at the same time. */
const AT_ONCE = 16;

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
   * @returns what was done
   */
  async reap(isAlive: (instance: string) => boolean): Promise<Reaped> {
    const reaped: Reaped[] = [];
    const { streams } = this.#options;
    for (let from = 0; from < streams.length; from += AT_ONCE) {
      const some = streams.slice(from, from + AT_ONCE);
      reaped.push(...await Promise.all(some.map((stream) => this.#reapStream(stream, isAlive))));
    }
    return {
      complete: reaped.every(({ complete }) => complete),
      deleted: reaped.reduce((sum, { deleted }) => sum + deleted, 0),
    };
  }

  async #reapStream(stream: string, isAlive: (instance: string) => boolean): Promise<Reaped> {
    const { feed, group, onError } = this.#options;
    try {
      const dead = (await feed.listConsumers(stream)).filter((lane) => {
        const owner = laneOwner(lane.metadata);
        return owner?.group === group && !isAlive(owner.instance);
      });
      const results = await Promise.allSettled(
        dead.map((lane) => feed.deleteConsumer(stream, lane.name)),
      );
      const failures = results.filter((result) => result.status === "rejected");
      for (const failure of failures) onError(failure.reason);
      return { complete: failures.length === 0, deleted: results.length - failures.length };
    } catch (error) {
      onError(error);
      return { complete: false, deleted: 0 };
    }
  }
}
