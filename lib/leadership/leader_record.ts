/**
 * What the leader's lease says, and its form on the wire.
 *
 * @module
 */
import { decodeJsonObject, encodeJson } from "../codec.ts";
import type { KvEntry } from "../ports/kv.ts";
import type { Candidate } from "./election_agent.ts";

/** The version of the wire format. */
const VERSION = 1;

/**
 * Encodes a leader.
 *
 * @param leader who leads
 * @param ttlMs how long it counts on its lease after a renewal, in milliseconds
 * @returns the value of its lease
 */
export function encodeLeader({ worker, instance }: Candidate, ttlMs: number): Uint8Array {
  return encodeJson({ v: VERSION, worker, instance, ttlMs });
}

/**
 * Decodes a leader. A lease of another version's leader counts as well: whoever it is, it holds the place.
 *
 * @param entry the entry of the leader's key
 * @returns who leads, or undefined if the entry was removed or names nobody
 */
export function decodeLeader(entry: KvEntry): Candidate | undefined {
  if (entry.operation === "removed") return undefined;
  const { worker, instance } = decodeJsonObject(entry.value) ?? {};
  return typeof worker === "string" && typeof instance === "string"
    ? { worker, instance }
    : undefined;
}
