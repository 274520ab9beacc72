/**
 * Release notices: "these partitions are free", said by whoever let them go. A lost notice costs a short poll, nothing else.
 *
 * @module
 */
import type { PartitionId } from "../../assignment/partition.ts";
import { decodeJsonObject, encodeJson } from "../../codec.ts";
import type { PartiError } from "../../errors.ts";
import { type LaneOwner, releasedSubject } from "../../names.ts";
import type { Messaging, Notice, Subscription } from "../../ports/messaging.ts";

/** Characters of names in one notice at most, so that it stays well below a server's limit of a message's size. */
const NOTICE_LENGTH_MAX = 64_000;

/** What a notice needs. */
export interface ReleaseNoticeOptions {
  /** How notices travel. */
  readonly messaging: Messaging;
  /** The group. */
  readonly group: string;
  /** Who let the partitions go, or on whose behalf it is said. */
  readonly instance: string;
}

/**
 * Says that these partitions are free.
 *
 * @param options who says it, and how
 * @param ids the partitions
 * @param successor the instance that is to have them; without it everybody is told
 */
export function announceRelease(
  options: ReleaseNoticeOptions,
  ids: readonly PartitionId[],
  successor?: string,
): void {
  const { messaging, group, instance } = options;
  let partitions: PartitionId[] = [];
  let length = 0;
  const send = (): void => {
    if (partitions.length === 0) return;
    try {
      messaging.publish(releasedSubject(group, successor), encodeJson({ instance, partitions }));
    } catch {
      // The connection is closed for good. Whoever waits for these finds them by itself.
    }
    partitions = [];
    length = 0;
  };
  for (const id of ids) {
    if (length + id.length > NOTICE_LENGTH_MAX) send();
    partitions.push(id);
    length += id.length;
  }
  send();
}

/**
 * Sends and receives release notices of one group. What is known to go to somebody is told to him alone: with many workers in a
 * group, a move must not wake them all.
 */
export class ReleaseNotices {
  readonly #options: ReleaseNoticeOptions;
  readonly #subscriptions: readonly Subscription[];

  /**
   * @param messaging how notices travel
   * @param owner whose they are
   * @param onReleased told what others have let go
   * @param onError told if the server does not let this worker listen: what comes free is then found by polling alone
   */
  constructor(
    messaging: Messaging,
    owner: LaneOwner,
    onReleased: (ids: readonly PartitionId[]) => void,
    onError?: (error: PartiError) => void,
  ) {
    const { group, instance } = owner;
    this.#options = { messaging, group, instance };
    const hear = (notice: Notice): void => {
      const raw = decodeJsonObject(notice.data);
      if (raw === undefined || raw["instance"] === instance) return;
      const ids = raw["partitions"];
      if (Array.isArray(ids)) onReleased(ids.filter((id) => typeof id === "string"));
    };
    this.#subscriptions = [
      messaging.subscribe(releasedSubject(group), hear, onError),
      messaging.subscribe(releasedSubject(group, instance), hear, onError),
    ];
  }

  /**
   * Says that these are free.
   *
   * @param ids the partitions
   * @param successorOf which instance is to have one; everybody is told of those without
   */
  announce(
    ids: readonly PartitionId[],
    successorOf: (id: PartitionId) => string | undefined = () => undefined,
  ): void {
    const bySuccessor = Map.groupBy(ids, successorOf);
    for (const [successor, theirs] of bySuccessor) {
      announceRelease(this.#options, theirs, successor);
    }
  }

  /** Ends it. */
  close(): void {
    for (const subscription of this.#subscriptions) subscription.close();
  }
}
