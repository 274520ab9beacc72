/**
 * What a worker's lease says, and its form on the wire.
 *
 * @module
 */
import { decodeJsonObject, encodeJson } from "../codec.ts";
import type { KvEntry } from "../ports/kv.ts";

/** The version of the wire format; a worker of another major version is ignored. */
const VERSION = 1;

/** What a worker tells of itself in its lease. */
export interface WorkerRecord {
  /** The stable ID, such as `worker-3`. */
  readonly worker: string;
  /** One life of the worker; a new one after each rejoin. */
  readonly instance: string;
  /** Where it runs, for people. */
  readonly host: string;
  /** How much it can carry compared with others. */
  readonly capacity: number;
  /** What its configuration says of it. */
  readonly labels: Readonly<Record<string, string>>;
  /** True once it wants to hand over and go. */
  readonly leaving: boolean;
  /** The last generation it has fully applied; 0 for none. */
  readonly applied: number;
  /** How long it counts on its lease after a renewal, in milliseconds: nobody takes it for dead before. Earlier versions do not say. */
  readonly ttlMs?: number;
}

/**
 * Encodes a worker's record.
 *
 * @param record the record
 * @returns its bytes
 */
export function encodeWorkerRecord(record: WorkerRecord): Uint8Array {
  return encodeJson({ v: VERSION, ...record });
}

/**
 * Decodes a worker's record.
 *
 * @param entry the entry of its lease
 * @returns the record, or undefined if the entry was removed or cannot be understood
 */
export function decodeWorkerRecord(entry: KvEntry): WorkerRecord | undefined {
  if (entry.operation === "removed") return undefined;
  const raw = decodeJsonObject(entry.value);
  if (raw === undefined || raw["v"] !== VERSION) return undefined;
  const { worker, instance, host, capacity, labels, leaving, applied, ttlMs } = raw;
  if (!isNonEmptyText(worker) || !isNonEmptyText(instance)) return undefined;
  return {
    worker,
    instance,
    host: typeof host === "string" ? host : "",
    capacity: typeof capacity === "number" && capacity > 0 ? capacity : 1,
    labels: decodeLabels(labels),
    leaving: leaving === true,
    applied: typeof applied === "number" && applied > 0 ? applied : 0,
    ...(typeof ttlMs === "number" && ttlMs > 0 ? { ttlMs } : {}),
  };
}

function isNonEmptyText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** Only texts: a strategy must be able to rely on what the type says. */
function decodeLabels(raw: unknown): Record<string, string> {
  if (typeof raw !== "object" || raw === null) return {};
  return Object.fromEntries(
    Object.entries(raw).filter((pair): pair is [string, string] => typeof pair[1] === "string"),
  );
}
