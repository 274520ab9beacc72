/**
 * An effect: what a worker's handler wrote to the fenced output stream for one message. It carries all that the verdict
 * needs, because it is the one record that survives whatever happens to the worker.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";

/** What a worker writes. */
export interface EffectPayload {
  /** The partition. */
  readonly partition: number;
  /** The message's place in the partition. */
  readonly sequence: number;
  /** When the producer made the message, in microseconds since 1970. */
  readonly publishedUs: number;
  /** When the feed stored the message, in microseconds since 1970. */
  readonly availableUs: number;
  /** When the worker had acquired the partition, in microseconds since 1970; 0 if that is not known. */
  readonly acquiredUs: number;
  /** When the handler began, in microseconds since 1970. */
  readonly startUs: number;
  /** The worker's process and incarnation, such as `worker-4#2`. */
  readonly process: string;
  /** The library's instance: a new one after every loss of the lease. */
  readonly instance: string;
  /** The epoch of the ownership under which it was handled. */
  readonly epoch: number;
  /** The generation of the ownership under which it was handled. */
  readonly generation: number;
  /** The message's place in the feed. */
  readonly streamSequence: number;
  /** The delivery's number by its consumer's count. */
  readonly deliveryCount: number;
}

/** An effect as the output stream holds it. */
export interface Effect extends EffectPayload {
  /** When the output stream stored it, in microseconds since 1970. */
  readonly storedUs: number;
  /** Its place in the output stream: the order in which effects happened. */
  readonly outputSequence: number;
}

const NUMBERS = [
  "partition",
  "sequence",
  "publishedUs",
  "availableUs",
  "acquiredUs",
  "startUs",
  "epoch",
  "generation",
  "streamSequence",
  "deliveryCount",
] as const;
const TEXTS = ["process", "instance"] as const;

/**
 * Writes an effect.
 *
 * @param effect what to write
 * @returns JSON
 */
export function encodeEffect(effect: EffectPayload): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(effect));
}

/**
 * Reads an effect and checks every field.
 *
 * @param data the payload
 * @returns the effect
 * @throws {PartiError} `PARTI_INVARIANT` if it is not one of ours
 */
export function decodeEffect(data: Uint8Array): EffectPayload {
  const text = new TextDecoder().decode(data);
  try {
    const raw = JSON.parse(text) as Record<string, unknown>;
    for (const key of NUMBERS) {
      if (!Number.isFinite(raw[key])) throw new TypeError(`${key} is ${JSON.stringify(raw[key])}`);
    }
    for (const key of TEXTS) {
      if (typeof raw[key] !== "string") throw new TypeError(`${key} is no text`);
    }
    return raw as unknown as EffectPayload;
  } catch (cause) {
    throw new PartiError("PARTI_INVARIANT", `not an effect: ${text.slice(0, 200)}`, {
      value: text,
      hint: "something else publishes to the simulation's output",
      cause,
    });
  }
}
