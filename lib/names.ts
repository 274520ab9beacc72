/**
 * Every name parti uses on the server, in one place: buckets, keys, subjects, lanes. All carry the group's name, so two
 * applications on one account never meet.
 *
 * @module
 */

/** The key of the leader's lease, in the lease bucket. */
export const LEADER_KEY = "leader";
/** The key of the assignment in force, in the assignment bucket. */
export const CURRENT_KEY = "current";
/** The pattern of all worker leases. */
export const WORKER_KEYS = "worker.*";

/** The bucket of leases; its TTL keeps a stable ID reserved for a while. */
export function leaseBucket(group: string): string {
  return `parti-${group}-leases`;
}

/** The bucket of the published assignment; it never expires. */
export function assignmentBucket(group: string): string {
  return `parti-${group}-assignment`;
}

/** The lease key of the stable ID with this number. */
export function workerKey(idNumber: number): string {
  return `worker.${idNumber}`;
}

/** The number in a worker's lease key, undefined for any other key. */
export function workerKeyNumber(key: string): number | undefined {
  const match = /^worker\.(\d+)$/.exec(key);
  return match === null ? undefined : Number(match[1]);
}

/** A part of a large assignment, or of what has changed since the part before it. */
export interface PartName {
  /** The epoch of the assignment that one has after it. */
  readonly epoch: number;
  /** Its generation. */
  readonly generation: number;
  /** Of its text, as 16 hexadecimal digits: so a key never has two contents, whoever writes it and however often. */
  readonly hash: string;
}

/** The pattern of the chunks of all parts. */
export const CHUNK_KEYS = "chunk.>";
const CHUNK_KEY = /^chunk\.(\d+)\.(\d+)\.([0-9a-f]{16})\.\d+$/;

/** A chunk of a part. */
export function chunkKey({ epoch, generation, hash }: PartName, index: number): string {
  return `chunk.${epoch}.${generation}.${hash}.${index}`;
}

/** The part to which a chunk's key belongs, undefined for any other key. */
export function partOfKey(key: string): PartName | undefined {
  const [, epoch, generation, hash] = CHUNK_KEY.exec(key) ?? [];
  if (hash === undefined) return undefined;
  return { epoch: Number(epoch), generation: Number(generation), hash };
}

/** The subject on which one instance answers probes; without an answerer the server says so at once. */
export function probeSubject(group: string, instance: string): string {
  return `parti.${group}.probe.${instance}`;
}

/** The subject on which partitions that were let go are announced: to the instance that is to have them, or to everybody. */
export function releasedSubject(group: string, instance?: string): string {
  return `parti.${group}.released${instance === undefined ? "" : `.${instance}`}`;
}

/** The subject on which the leader takes requests to read its partition source again. */
export function refreshSubject(group: string): string {
  return `parti.${group}.refresh`;
}

/** What a lane's metadata says of its maker. */
export interface LaneOwner {
  /** The group. */
  readonly group: string;
  /** The stable ID. */
  readonly worker: string;
  /** The instance. */
  readonly instance: string;
}

/** The metadata of a lane. */
export function laneMetadata(
  owner: LaneOwner,
  epoch: number,
  generation: number,
): Record<string, string> {
  return {
    parti_group: owner.group,
    parti_worker: owner.worker,
    parti_instance: owner.instance,
    parti_epoch: String(epoch),
    parti_generation: String(generation),
  };
}

/** Who made a consumer, undefined if it is not a lane of parti. */
export function laneOwner(metadata: Readonly<Record<string, string>>): LaneOwner | undefined {
  const { parti_group: group, parti_worker: worker, parti_instance: instance } = metadata;
  if (group === undefined || worker === undefined || instance === undefined) return undefined;
  return { group, worker, instance };
}

/** A lane's durable name: never used twice, so that an ack to a deleted lane can reach no other. */
export function laneName(owner: LaneOwner, generation: number, serial: number): string {
  return `parti-${owner.group}-${owner.worker}-${
    owner.instance.slice(0, 13)
  }-g${generation}-${serial}`;
}

/** What is written on the streams of a sharded feed. */
export function shardMetadata(shards: number): Record<string, string> {
  return { parti_shards: String(shards) };
}

/** Of how many shards a stream was made; undefined if nothing is written on it, as by earlier versions of parti. */
export function shardsMade(metadata: Readonly<Record<string, string>>): number | undefined {
  const { parti_shards: shards } = metadata;
  return shards === undefined ? undefined : Number(shards);
}

/** The bucket in which the copier of a sharded feed keeps how far it has come; it never expires. */
export function copyBucket(feed: string): string {
  return `parti-copy-${feed}`;
}

/** A copier's consumer of the stream it reads: never used twice. */
export function copyConsumer(feed: string, token: string): string {
  return `parti-copy-${feed}-${token}`;
}

/** What the metadata of a copier's consumer says. */
export function copyMetadata(feed: string, term: number): Record<string, string> {
  return { parti_copy: feed, parti_copy_term: String(term) };
}

/** The term in which a copier made a consumer, undefined if it is not one of this feed's copiers. */
export function copyTerm(
  feed: string,
  metadata: Readonly<Record<string, string>>,
): number | undefined {
  return metadata["parti_copy"] === feed ? Number(metadata["parti_copy_term"]) : undefined;
}

const SUBJECT_PLACEHOLDER = "{{.PartitionID}}";

/** The subject of a partition, from a template such as `orders.{{.PartitionID}}`. */
export function partitionSubject(template: string, id: string): string {
  return template.replace(SUBJECT_PLACEHOLDER, () => id);
}
