/**
 * What the user of a worker, or of a node of a message bus, has to be allowed, and nothing more: for the configuration of a nats-server, or a user's JWT.
 *
 * @module
 */
import { assignmentBucket, copyBucket, leaseBucket, releasedSubject } from "../../names.ts";
import {
  addressSubject,
  directoryBucket,
  nodeBucket,
  nodeSubject,
  shardStateBucket,
  stateBucket,
} from "../../bus/names.ts";
import { DELETED_PREFIX } from "./departures.ts";
import { streamOf } from "./kv_format.ts";
import { feedStreams, shardStream } from "../../sharding/shards.ts";

/** One permission. */
export interface Permission {
  /** Which way. */
  readonly action: "publish" | "subscribe";
  /** What, with wildcards. */
  readonly subject: string;
  /** What for. */
  readonly what: string;
  /** Needed only where this happens; undefined if always. */
  readonly when?: string;
}

/** What a worker works on. */
export interface PermissionNames {
  /** The group. */
  readonly group: string;
  /** The stream that is consumed, or what the names of a sharded feed's streams begin with. */
  readonly stream: string;
  /** How many shards the feed has; left out if it is one stream. */
  readonly shards?: number;
  /** The output stream of a `FencedOutput` and its subjects, if there is one. */
  readonly output?: { readonly stream: string; readonly subjects: string };
  /** The subjects of dead letters, such as `dead.*`; left out if `consumer.deadLetterSubject` is. */
  readonly deadLetters?: string;
}

/**
 * The permissions of a worker.
 *
 * @param names what it works on
 * @returns one line each
 */
export function workerPermissions(
  { group, stream, shards, output, deadLetters = `parti.${group}.dead.*` }: PermissionNames,
): Permission[] {
  const buckets = [leaseBucket(group), assignmentBucket(group)];
  return [
    publish("$JS.API.INFO", "is there JetStream"),
    ...buckets.flatMap(bucketPermissions),
    publish(`$JS.API.STREAM.PURGE.${streamOf(assignmentBucket(group))}`, "removing old chunks", {
      when: "an assignment is larger than 16 KiB; without it markers are left",
    }),
    ...feedStreams(stream, shards).flatMap(feedPermissions),
    ...(shards === undefined ? [] : [
      ...feedStreams(stream, shards).map((shard) =>
        publish(
          `$JS.API.CONSUMER.RESET.${shard}.*`,
          "reading a shard anew from its oldest message",
          {
            when: "a delivery was lost; without it keys wait for the handlers of others",
          },
        )
      ),
      publish(`$JS.API.STREAM.INFO.${shardStream(stream, shards)}`, "are there no more shards"),
    ]),
    publish(`parti.${group}.probe.*`, "who is alive"),
    publish(releasedSubject(group), "telling what is let go"),
    publish(`${releasedSubject(group)}.*`, "the same to its next owner"),
    publish(`parti.${group}.refresh`, "asking the leader to look at the partitions", {
      when: "`refreshPartitions` is called",
    }),
    publish(deadLetters, "dead letters", { when: "a message is poison" }),
    publish("_INBOX.>", "answering as the leader", { when: "`refreshPartitions` is called" }),
    subscribe("_INBOX.>", "answers and messages"),
    subscribe(`parti.${group}.probe.*`, "being seen to be alive"),
    subscribe(
      `${DELETED_PREFIX}.${streamOf(leaseBucket(group))}.*`,
      "hearing at once, as the leader, that one of many workers has gone",
    ),
    subscribe(releasedSubject(group), "hearing what is let go"),
    subscribe(`${releasedSubject(group)}.*`, "the same from who held it"),
    subscribe(`parti.${group}.refresh`, "being asked as the leader"),
    ...(output === undefined ? [] : [
      publish(output.subjects, "effects"),
      publish(`$JS.API.STREAM.MSG.GET.${output.stream}`, "where a partition's effects stand"),
    ]),
  ];
}

/** What a copier works on. */
export interface CopyPermissionNames {
  /** The stream that is copied. */
  readonly from: string;
  /** What the names of the shards' streams begin with. */
  readonly stream: string;
  /** How many shards there are. */
  readonly shards: number;
  /** The subjects of the shards, such as `orders.*.>`. */
  readonly subjects: string;
}

/**
 * The permissions of whoever copies a stream into shards; a worker needs them besides its own where the configuration has `consumer.from`.
 *
 * @param names what it works on
 * @returns one line each
 */
export function copyPermissions(
  { from, stream, shards, subjects }: CopyPermissionNames,
): Permission[] {
  const bucket = copyBucket(stream);
  const kv = streamOf(bucket);
  const taken = { when: "a copier has died, or lost its connection, in the middle of a batch" };
  return [
    publish("$JS.API.INFO", "is there JetStream"),
    publish(`$JS.API.STREAM.INFO.${from}`, "can it be copied"),
    publish(`$JS.API.CONSUMER.CREATE.${from}.*`, "the consumer by which it is read"),
    publish(`$JS.API.CONSUMER.LIST.${from}`, "consumers of earlier copiers"),
    publish(`$JS.API.CONSUMER.DELETE.${from}.*`, "removing them"),
    publish(`$JS.API.CONSUMER.INFO.${from}.*`, "does whoever copies go on"),
    publish(`$JS.API.CONSUMER.MSG.NEXT.${from}.*`, "messages"),
    publish(`$JS.ACK.${from}.>`, "acknowledging them"),
    publish(`$JS.API.STREAM.INFO.${kv}`, "opening the bucket of the record"),
    publish(`$JS.API.STREAM.CREATE.${kv}`, "making it", { when: "it is not there" }),
    publish(`$JS.API.STREAM.MSG.GET.${kv}`, "reading the record"),
    publish(`$KV.${bucket}.>`, "writing it"),
    ...feedStreams(stream, shards).flatMap((shard) => [
      publish(`$JS.API.STREAM.INFO.${shard}`, "is it a shard, and how far has it come"),
      publish(`$JS.API.STREAM.MSG.GET.${shard}`, "is its last message the copy's own", taken),
    ]),
    publish(`$JS.API.STREAM.INFO.${shardStream(stream, shards)}`, "are there no more shards"),
    publish(subjects, "the copies"),
    subscribe("_INBOX.>", "answers and messages"),
  ];
}

/** What a node of a message bus has. */
export interface BusPermissionNames {
  /** The bus. */
  readonly bus: string;
  /** The node; left out if the user is for all of them. */
  readonly node?: string;
  /** Whether it calls actors that are in a directory, or has some itself. */
  readonly directory?: boolean;
  /** The subjects of the feed by which it calls actors by partition, such as `orders.*.>`. */
  readonly feed?: string;
}

/**
 * The permissions of a node of a message bus. Where actors by partition live it is a worker too, and needs {@linkcode workerPermissions}
 * besides.
 *
 * @param names what it has
 * @returns one line each
 */
export function busPermissions(
  { bus, node = "*", directory = false, feed }: BusPermissionNames,
): Permission[] {
  return [
    publish("$JS.API.INFO", "is there JetStream"),
    publish(addressSubject(bus, "*"), "answers, calls to actors, calls that are sent on"),
    publish(nodeSubject(bus, "*"), "calls to handlers"),
    subscribe("_INBOX.>", "whether anybody is there, and what buckets answer"),
    subscribe(addressSubject(bus, "*"), "answers, and calls to actors"),
    subscribe(nodeSubject(bus, node), "calls to handlers"),
    ...(directory
      ? [
        ...bucketPermissions(nodeBucket(bus)).map((line) =>
          line.subject.includes(".MSG.GET.")
            ? { ...line, when: "nobody has said what became of a renewal" }
            : line
        ),
        ...bucketPermissions(directoryBucket(bus)),
        ...keptPermissions(stateBucket(bus)),
      ]
      : []),
    ...(feed === undefined ? [] : [
      publish(feed, "calls to actors by partition"),
      ...keptPermissions(shardStateBucket(bus)),
    ]),
  ];
}

/** A bucket that nobody watches or lists. */
function keptPermissions(bucket: string): Permission[] {
  return bucketPermissions(bucket).filter(({ subject }) => !subject.includes(".CONSUMER."));
}

function feedPermissions(stream: string): Permission[] {
  return [
    publish(`$JS.API.STREAM.INFO.${stream}`, "is it a WorkQueue"),
    publish(`$JS.API.CONSUMER.CREATE.${stream}.*`, "acquiring partitions, and letting go of some"),
    publish(`$JS.API.CONSUMER.DELETE.${stream}.*`, "letting go of partitions, evicting the dead"),
    publish(`$JS.API.CONSUMER.INFO.${stream}.*`, "is a lane still there", {
      when: "a connection was interrupted",
    }),
    publish(`$JS.API.CONSUMER.LIST.${stream}`, "who holds what"),
    publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.*`, "messages"),
    publish(`$JS.ACK.${stream}.>`, "acknowledging them"),
  ];
}

function bucketPermissions(bucket: string): Permission[] {
  const stream = streamOf(bucket);
  return [
    publish(`$JS.API.STREAM.INFO.${stream}`, "opening the bucket"),
    publish(`$JS.API.STREAM.CREATE.${stream}`, "making it", { when: "it is not there" }),
    publish(`$JS.API.STREAM.MSG.GET.${stream}`, "reading it"),
    publish(`$JS.API.CONSUMER.CREATE.${stream}.*`, "watching it"),
    publish(`$JS.API.CONSUMER.INFO.${stream}.*`, "has the watch begun", {
      when: "its first entries vanish before they come",
    }),
    publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.*`, "its changes"),
    publish(`$JS.API.CONSUMER.DELETE.${stream}.*`, "watching it no longer"),
    publish(`$KV.${bucket}.>`, "writing it"),
  ];
}

function publish(subject: string, what: string, more: Pick<Permission, "when"> = {}): Permission {
  return { action: "publish", subject, what, ...more };
}

function subscribe(subject: string, what: string): Permission {
  return { action: "subscribe", subject, what };
}

/**
 * Permissions as a nats-server's configuration has them.
 *
 * @param permissions one line each
 * @returns the value of a user's `permissions`
 */
export function permissionsBlock(permissions: readonly Permission[]): string {
  const list = (action: Permission["action"]) => {
    const subjects = permissions.filter((line) => line.action === action)
      .map(({ subject }) => JSON.stringify(subject));
    // Without a list everything is allowed, with an empty one as well.
    return `${action}: [${(subjects.length > 0 ? subjects : ['"_none"']).join(", ")}]`;
  };
  return `{ ${list("publish")}, ${list("subscribe")} }`;
}
