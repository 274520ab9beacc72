/**
 * Release notices: "these partitions are free", said by whoever let them go. A lost notice costs a short poll, nothing else.
 *
 * @module
 */
import type { PartitionId } from "../assignment/partition.ts";
import { decodeJsonObject, encodeJson } from "../codec.ts";
import { type LaneOwner, releasedSubject } from "../names.ts";
import type { Messaging, Subscription } from "../ports/messaging.ts";

/** Characters of names in one notice at most, so that it stays well below a server's limit of a message's size. */
const NOTICE_LENGTH_MAX = 64_000;

/**
 * Says that these partitions are free.
 *
 * @param messaging how notices travel
 * @param group the group
 * @param instance who let them go, or on whose behalf it is said
 * @param ids the partitions
 */
export function announceRelease(
  messaging: Messaging,
  group: string,
  instance: string,
  ids: readonly PartitionId[],
): void {
  let partitions: PartitionId[] = [];
  let length = 0;
  const send = (): void => {
    if (partitions.length === 0) return;
    try {
      messaging.publish(releasedSubject(group), encodeJson({ instance, partitions }));
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

/** Sends and receives release notices of one group. */
export class ReleaseNotices {
  readonly #messaging: Messaging;
  readonly #owner: LaneOwner;
  readonly #subscription: Subscription;

  /**
   * @param messaging how notices travel
   * @param owner whose they are
   * @param onReleased told what others have let go
   */
  constructor(
    messaging: Messaging,
    owner: LaneOwner,
    onReleased: (ids: readonly PartitionId[]) => void,
  ) {
    this.#messaging = messaging;
    this.#owner = owner;
    this.#subscription = messaging.subscribe(releasedSubject(owner.group), (notice) => {
      const raw = decodeJsonObject(notice.data);
      if (raw === undefined || raw["instance"] === owner.instance) return;
      const ids = raw["partitions"];
      if (Array.isArray(ids)) onReleased(ids.filter((id) => typeof id === "string"));
    });
  }

  /** Says that these are free. */
  announce(ids: readonly PartitionId[]): void {
    announceRelease(this.#messaging, this.#owner.group, this.#owner.instance, ids);
  }

  /** Ends it. */
  close(): void {
    this.#subscription.close();
  }
}
