/**
 * The format of KV buckets, which all NATS clients share: stream, subjects, removal markers.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { KvEntry } from "../kv.ts";

/** The header that marks a removal. */
export const OPERATION_HEADER = "KV-Operation";
/** The header of the markers the server leaves when a key expires (2.11). */
const MARKER_HEADER = "Nats-Marker-Reason";

/**
 * @param bucket a bucket's name
 * @returns the name of its stream
 * @throws {PartiError} `PARTI_REFUSED` if the name is not allowed
 */
export function streamOf(bucket: string): string {
  if (!/^[-\w]+$/.test(bucket)) {
    throw new PartiError("PARTI_REFUSED", "not a bucket's name", {
      value: bucket,
      hint: "use letters, digits, - and _",
    });
  }
  return `KV_${bucket}`;
}

/**
 * Checks a key before it becomes a subject: the server's answer to a bad one is "JetStream is not enabled".
 *
 * @param key a key
 * @returns the key
 * @throws {PartiError} `PARTI_REFUSED` if it is not allowed
 */
export function checkKey(key: string): string {
  if (!/^[-/=\w]+(\.[-/=\w]+)*$/.test(key)) {
    throw new PartiError("PARTI_REFUSED", "not a key", {
      value: key,
      hint: "use letters, digits and -/=_ in tokens separated by single dots",
    });
  }
  return key;
}

/**
 * Checks a pattern of keys.
 *
 * @param pattern a pattern such as `worker.*`
 * @returns the pattern
 * @throws {PartiError} `PARTI_REFUSED` if it is not allowed
 */
export function checkPattern(pattern: string): string {
  if (!/^(([-/=\w]+|\*)\.)*([-/=\w]+|\*|>)$/.test(pattern)) {
    throw new PartiError("PARTI_REFUSED", "not a pattern of keys", {
      value: pattern,
      hint: "use keys with * for one token and > for all that follow",
    });
  }
  return pattern;
}

/** What an entry is made from: a delivered or a stored message. */
export interface RawEntry {
  /** The subject. */
  readonly subject: string;
  /** The payload. */
  readonly data: Uint8Array;
  /** Header values by name. */
  header(name: string): string | undefined;
}

/**
 * Makes an entry of a message.
 *
 * @param prefix the bucket's subject prefix, `$KV.<bucket>.`
 * @param raw the message
 * @param revision its stream sequence
 * @returns the entry; removals by any client and expiry markers are `removed`
 */
export function entryOf(prefix: string, raw: RawEntry, revision: number): KvEntry {
  const operation = raw.header(OPERATION_HEADER);
  const removed = operation === "DEL" || operation === "PURGE" ||
    raw.header(MARKER_HEADER) !== undefined;
  return {
    key: raw.subject.slice(prefix.length),
    // A copy: the original is a view of a much larger piece of the connection's input, and entries live long.
    value: removed ? new Uint8Array(0) : new Uint8Array(raw.data),
    revision,
    operation: removed ? "removed" : "put",
  };
}
