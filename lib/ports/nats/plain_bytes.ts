/**
 * Bytes as the ports promise them.
 *
 * @module
 */

/**
 * The Node transport gives `Buffer`s, whose `slice` shares memory where that of a `Uint8Array` copies. Nobody behind the ports
 * should have to know.
 *
 * @param data bytes of some class
 * @returns the same memory as a plain `Uint8Array`
 */
export function plainBytes(data: Uint8Array): Uint8Array {
  return data.constructor === Uint8Array
    ? data
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
