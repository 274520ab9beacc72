/**
 * Checksums of files.
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
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}
