/**
 * What a message counts against a stream's limit.
 *
 * @module
 */

/** Lengths, sequence, time and checksum around a message on disk, in bytes; headers have a length of their own. */
const DISK_BYTES = 30;
const DISK_HEADER_BYTES = 4;
/** Sequence and time beside a message in memory, in bytes. */
const MEMORY_BYTES = 16;

/**
 * Counts as the server does.
 *
 * @param subject the message's subject
 * @param data its payload
 * @param headers its headers
 * @param storage where the stream is kept
 * @returns the size, in bytes
 */
export function messageSizeOf(
  subject: string,
  data: Uint8Array,
  headers: Readonly<Record<string, string>>,
  storage: "file" | "memory",
): number {
  const headerBytes = headerSizeOf(headers);
  const bytes = lengthOf(subject) + headerBytes + data.length;
  if (storage === "memory") return bytes + MEMORY_BYTES;
  return bytes + DISK_BYTES + (headerBytes === 0 ? 0 : DISK_HEADER_BYTES);
}

function headerSizeOf(headers: Readonly<Record<string, string>>): number {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return lines.length === 0 ? 0 : lengthOf(`NATS/1.0\r\n${lines.join("")}\r\n`);
}

function lengthOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
