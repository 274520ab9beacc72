/**
 * JSON on the wire, read with suspicion.
 *
 * @module
 */
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Encodes a value as JSON.
 *
 * @param value anything JSON can carry
 * @returns its bytes
 */
export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/**
 * Decodes JSON that should be an object.
 *
 * @param data the bytes
 * @returns the object, or undefined if the bytes are anything else
 */
export function decodeJsonObject(data: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(decoder.decode(data));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether a decoded value is an object.
 *
 * @param value anything JSON can carry
 * @returns true if it is, and no array
 */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Whether a decoded value is a whole number from 0 on.
 *
 * @param value anything JSON can carry
 * @returns true if it is one that can be counted with
 */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

/** Below this, looking at bytes as words costs more than it saves. */
const LONG_BYTES = 128;

/**
 * Compares bytes, for what comes again and again and need not be decoded each time.
 *
 * @param one some bytes
 * @param other other bytes
 * @returns true if they are the same
 */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  // Most are the same, and an assignment is long: four bytes at a time, where both can be read so.
  const isLong = one.length >= LONG_BYTES && (one.byteOffset | other.byteOffset) % 4 === 0;
  const words = isLong ? one.length >> 2 : 0;
  if (isLong && !sameWords(wordsOf(one, words), wordsOf(other, words))) return false;
  for (let i = words << 2; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

function wordsOf(bytes: Uint8Array, count: number): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, count);
}

function sameWords(one: Uint32Array, other: Uint32Array): boolean {
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}
