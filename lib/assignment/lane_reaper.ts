/**
 * The reaper deletes the lanes of instances that are gone. Deleting is the fence: a zombie's pulls and acks then go nowhere, and
 * its unacknowledged messages are deliverable to the next owner at once.
 *
 * @module
 */
import { laneOwner } from "../names.ts";
import type { FeedStore } from "../ports/feed.ts";

/** What the reaper needs. */
export interface LaneReaperOptions {
  /** Where the lanes are. */
  readonly feed: FeedStore;
  /** The group whose lanes are looked at; all others are left alone. */
  readonly group: string;
  /** The stream; without one there is nothing to do. */
  readonly stream: string | undefined;
  /** Told when a lane could not be deleted; it is tried at the next call. */
  readonly onError: (error: unknown) => void;
}

/** Deletes dead instances' lanes. */
export class LaneReaper {
  readonly #options: LaneReaperOptions;

  /** @param options what it needs */
  constructor(options: LaneReaperOptions) {
    this.#options = options;
  }

  /**
   * Deletes every lane of the group whose instance is not alive.
   *
   * @param isAlive whether an instance is alive
   * @returns the instances whose lanes were deleted
   */
  async reap(isAlive: (instance: string) => boolean): Promise<string[]> {
    const { feed, group, stream, onError } = this.#options;
    if (stream === undefined) return [];
    try {
      const lanes = await feed.listConsumers(stream);
      const instances = new Set<string>();
      const deletions: Promise<boolean>[] = [];
      for (const lane of lanes) {
        const owner = laneOwner(lane.metadata);
        if (owner?.group !== group || isAlive(owner.instance)) continue;
        instances.add(owner.instance);
        deletions.push(feed.deleteConsumer(stream, lane.name));
      }
      await Promise.all(deletions);
      return [...instances];
    } catch (error) {
      onError(error);
      return [];
    }
  }
}
