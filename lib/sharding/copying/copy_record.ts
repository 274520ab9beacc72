/**
 * How far a copy has come, as it is written down before anything is published. The record holds the messages of the batch themselves: once it
 * is written, each of them has one place in its shard's stream that nobody else's message will ever have, and whoever reads the record can
 * put it there, also when the source has deleted it meanwhile.
 *
 * @module
 */
import type { PartitionId } from "../../assignment/partition.ts";
import { decodeJsonObject, encodeJson } from "../../codec.ts";
import { PartiError } from "../../errors.ts";
import { keyPrefix, type ShardedFeed, shardOf } from "../shards.ts";
import type { CopySource } from "./copy_source.ts";

/** A message that is copied. */
export interface CopiedMessage {
  /** Its place in the source. */
  readonly sequence: number;
  /** Its key. */
  readonly key: PartitionId;
  /** The headers of the copy. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its payload. */
  readonly data: Uint8Array;
}

/** How far a copy has come. */
export interface CopyRecord {
  /** What is copied. */
  readonly from: CopySource;
  /** Into how many shards. */
  readonly shards: number;
  /** Grows with each claim. Consumers of lower terms are nobody's. */
  readonly term: number;
  /** Which copier copies; empty if none does. */
  readonly holder: string;
  /** Counts what the holder has written, so that it knows its own writing again. */
  readonly serial: number;
  /** The holder's consumer of the source. */
  readonly consumer: string;
  /** All of the source up to this sequence is stored in the shards, or in the batch. */
  readonly upTo: number;
  /** The last sequence of each shard's stream before the batch. */
  readonly lasts: readonly number[];
  /**
   * Why nobody can go on: a message was refused because a stranger's lies at its place. Those behind it may have been stored all the same,
   * so that the last sequences look as they should.
   */
  readonly broken?: string;
  /** What is being published, in the order of the source. */
  readonly batch: readonly CopiedMessage[];
}

/** Where a message of a batch goes. */
export interface CopySlot {
  /** The message. */
  readonly message: CopiedMessage;
  /** Its shard. */
  readonly shard: number;
  /** Its subject. */
  readonly subject: string;
  /** The sequence of the message before it in the shard's stream. */
  readonly after: number;
}

/**
 * Where the messages of a batch go.
 *
 * @param record the record
 * @param layout the shards
 * @returns a place for each message, in the order of the source
 */
export function slotsOf({ batch, lasts }: CopyRecord, layout: ShardedFeed): CopySlot[] {
  const next = [...lasts];
  return batch.map((message) => {
    const shard = shardOf(message.key, layout.shards);
    const after = next[shard]!;
    next[shard] = after + 1;
    // What is recorded has its place, whatever its key.
    const subject = keyPrefix(layout.subjectTemplate, shard) + message.key;
    return { message, shard, after, subject };
  });
}

/**
 * The last sequence of each shard's stream once a batch is stored.
 *
 * @param record the record
 * @returns a sequence for each shard
 */
export function lastsAfter({ batch, lasts, shards }: CopyRecord): number[] {
  const after = [...lasts];
  for (const { key } of batch) after[shardOf(key, shards)]!++;
  return after;
}

const VERSION = 1;
/** The length of the head, in bytes. */
const LENGTH_BYTES = 4;

/**
 * A record as bytes: the length of the head, the head as JSON, and the payloads one after the other.
 *
 * @param record the record
 * @returns its bytes
 */
export function encodeRecord(record: CopyRecord): Uint8Array {
  const { batch, ...rest } = record;
  const messages = batch.map(({ sequence, key, headers, data }) => [
    ...[sequence, key, data.length],
    headers,
  ]);
  const head = encodeJson({ version: VERSION, ...rest, messages });
  const payloadBytes = batch.reduce((sum, { data }) => sum + data.length, 0);
  const bytes = new Uint8Array(LENGTH_BYTES + head.length + payloadBytes);
  new DataView(bytes.buffer).setUint32(0, head.length);
  bytes.set(head, LENGTH_BYTES);
  let at = LENGTH_BYTES + head.length;
  for (const { data } of batch) {
    bytes.set(data, at);
    at += data.length;
  }
  return bytes;
}

/**
 * Reads a record.
 *
 * @param bytes its bytes
 * @returns the record
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is none, or one of a later version of parti
 */
export function decodeRecord(bytes: Uint8Array): CopyRecord {
  if (bytes.length < LENGTH_BYTES) throw unreadable();
  const headBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const head = decodeJsonObject(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + headBytes));
  if (head === undefined || head["version"] !== VERSION) throw unreadable();
  const { messages, version: _, ...rest } = head as unknown as
    & Omit<CopyRecord, "batch">
    & { version: number; messages: [number, string, number, Record<string, string>][] };
  let at = LENGTH_BYTES + headBytes;
  const batch = messages.map(([sequence, key, length, headers]) => {
    const data = bytes.slice(at, at + length);
    at += length;
    return { sequence, key, headers, data };
  });
  if (at !== bytes.length) throw unreadable();
  return { ...rest, batch };
}

function unreadable(): PartiError {
  return new PartiError("PARTI_INVALID_CONFIG", "what is written about the copy cannot be read", {
    hint: "all that copies into one feed has to be of the same version of parti",
  });
}
