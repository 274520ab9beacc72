/**
 * What the simulated group's feed looks like: one stream with a subject for each partition, or shards with several partitions each, as keys.
 * What the group shares are then the shards.
 *
 * @module
 */
import { partitionId } from "../../assignment/partition.ts";
import { feedStreams, shardOf, shardPartitions, shardSubject } from "../../sharding/shards.ts";
import type { ModelServer } from "../nats/server.ts";
import type { StreamModel } from "../nats/stream_model.ts";
import { StreamsModel } from "../nats/streams_model.ts";
import { FEED, FEED_PREFIX } from "./names.ts";

/** What a message's subject is in a sharded feed. */
export const SHARD_TEMPLATE = `${FEED_PREFIX}{{.Shard}}.{{.PartitionID}}`;

/** The feed's shape. */
export class FeedShape {
  /** How many shards there are; undefined if it is one stream. */
  readonly shards: number | undefined;
  /** Its streams. */
  readonly streams: readonly string[];

  /** @param shards how many shards there are; 0 for one stream */
  constructor(shards: number) {
    this.shards = shards === 0 ? undefined : shards;
    this.streams = feedStreams(FEED, this.shards);
  }

  /**
   * What the group shares.
   *
   * @param partitions the partitions there are
   * @returns the partitions, or the shards
   */
  unitsOf(partitions: readonly string[]): readonly string[] {
    return this.shards === undefined
      ? partitions
      : shardPartitions(this.shards).map((shard) => partitionId(shard));
  }

  /** What of the group's a partition is in: itself, or its shard. */
  unitOf(partition: string): string {
    return this.shards === undefined ? partition : `shard-${shardOf(partition, this.shards)}`;
  }

  /** The subject of a partition's messages. */
  subjectOf(partition: string): string {
    return this.shards === undefined
      ? FEED_PREFIX + partition
      : shardSubject({ subjectTemplate: SHARD_TEMPLATE, shards: this.shards }, partition);
  }

  /** The subjects of a stream. */
  subjectsOf(stream: string): string {
    return this.shards === undefined ? `${FEED_PREFIX}>` : `${FEED_PREFIX}${numberOf(stream)}.>`;
  }

  /** The partition of a message. */
  partitionOf(subject: string): string {
    const rest = subject.slice(FEED_PREFIX.length);
    return this.shards === undefined ? rest : rest.slice(rest.indexOf(".") + 1);
  }

  /** The stream in which a partition's messages are. */
  streamOf(partition: string): string {
    return this.shards === undefined ? FEED : `${FEED}-${shardOf(partition, this.shards)}`;
  }
}

function numberOf(stream: string): string {
  return stream.slice(FEED.length + 1);
}

/**
 * What a lane reads of what the group shares.
 *
 * @param stream its stream
 * @param filterSubjects its filter
 * @returns partitions, or the shard
 */
export function unitsRead(stream: string, filterSubjects: readonly string[]): string[] {
  return stream === FEED
    ? filterSubjects.map((subject) => subject.slice(FEED_PREFIX.length))
    : [`shard-${numberOf(stream)}`];
}

/**
 * The streams of the feed that a server has, however many they are.
 *
 * @param server the server
 * @returns the streams by name
 */
export function feedStreamsOn(server: ModelServer): [string, StreamModel][] {
  return StreamsModel.of(server).all()
    .filter(({ name }) => name === FEED || name.startsWith(`${FEED}-`))
    .map((stream) => [stream.name, stream]);
}
