/**
 * The message of the simulation, in the seeds' JSON, and the subjects it travels on.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";

/** What a producer says. */
export interface SimMessage {
  /** The partition, from 0. */
  readonly partitionId: number;
  /** The producer, such as `producer-0`. */
  readonly producerId: string;
  /** Counts the partition's messages, from 1 without holes: what the ledger lives on. */
  readonly partitionSequence: number;
  /** Counts this producer process's messages, from 1; for people. */
  readonly producerSequence: number;
  /** When it was made, in microseconds since 1970. */
  readonly timestampUs: number;
  /** The partition's weight. */
  readonly weight: number;
  /** Whether every handler is to fail on it. */
  readonly poisoned?: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Writes a message.
 *
 * @param message the message
 * @returns the seeds' JSON
 */
export function encodeMessage(message: SimMessage): Uint8Array {
  return encoder.encode(JSON.stringify({
    partition_id: message.partitionId,
    producer_id: message.producerId,
    partition_sequence: message.partitionSequence,
    producer_sequence: message.producerSequence,
    timestamp: message.timestampUs,
    weight: message.weight,
    ...(message.poisoned ? { poisoned: true } : {}),
  }));
}

/**
 * Reads a message and checks every field.
 *
 * @param data the payload
 * @returns the message
 * @throws {PartiError} `PARTI_INVARIANT` if it is not one of ours
 */
export function decodeMessage(data: Uint8Array): SimMessage {
  let text = "";
  try {
    text = decoder.decode(data);
    const raw = JSON.parse(text) as Record<string, unknown>;
    return {
      partitionId: whole(raw, "partition_id", 0),
      producerId: name(raw, "producer_id"),
      partitionSequence: whole(raw, "partition_sequence", 1),
      producerSequence: whole(raw, "producer_sequence", 1),
      timestampUs: whole(raw, "timestamp", 0),
      weight: whole(raw, "weight", 1),
      ...(raw["poisoned"] === true ? { poisoned: true } : {}),
    };
  } catch (cause) {
    throw new PartiError("PARTI_INVARIANT", `not a simulation message: ${text.slice(0, 200)}`, {
      value: text,
      hint: "something else publishes to the simulation's subjects",
      cause,
    });
  }
}

function whole(raw: Record<string, unknown>, key: string, min: number): number {
  const value = raw[key];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min) {
    throw new TypeError(`${key} is ${JSON.stringify(value)}`);
  }
  return value;
}

function name(raw: Record<string, unknown>, key: string): string {
  const value = raw[key];
  if (typeof value !== "string" || value === "") {
    throw new TypeError(`${key} is ${JSON.stringify(value)}`);
  }
  return value;
}

/**
 * The present time on the clock that all processes of one machine share.
 *
 * @returns microseconds since 1970
 */
export function nowUs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000);
}
