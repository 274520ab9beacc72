/**
 * Checksums.
 *
 * @module
 */

/**
 * The SHA-256 checksum of a file.
 *
 * @param path the file; it is read as a whole
 * @returns 64 hexadecimal digits
 */
export async function sha256OfFile(path: string): Promise<string> {
  return await sha256Hex(await Deno.readFile(path));
}

/**
 * The SHA-256 checksum of some bytes.
 *
 * @param bytes the bytes
 * @returns 64 hexadecimal digits
 */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
