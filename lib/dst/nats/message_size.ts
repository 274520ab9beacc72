/**
 * What a message counts against a stream's limit, and a delivery against that of a request.
 *
 * @module
 */

/** Lengths, sequence, time and checksum around a message on disk, in bytes; headers have a length of their own. */
const DISK_BYTES = 30;
const DISK_HEADER_BYTES = 4;
/** Sequence and time beside a message in memory, in bytes. */
const MEMORY_BYTES = 16;
/** A colon, a space and an end of line for each header, in bytes. */
const LINE_BYTES = 4;
/** `NATS/1.0` before them, an empty line after them, in bytes. */
const FRAME_BYTES = 12;

/** A time in nanoseconds, in digits. */
const NANOS_DIGITS = 19;
const ACK_PREFIX = "$JS.ACK.";

const encoder = new TextEncoder();

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

/**
 * Counts as the server does against `max_bytes`: subject, ack subject, headers and payload.
 *
 * @param message the message
 * @param stream the stream's name, which is in the ack subject
 * @param consumer the consumer's name, as well
 * @param numbers how often it was delivered, its sequence in the stream and among the deliveries, and how many wait behind it: in there, too
 * @returns the size, in bytes
 */
export function deliverySizeOf(
  message: { subject: string; data: Uint8Array; headers: Readonly<Record<string, string>> },
  stream: string,
  consumer: string,
  numbers: readonly number[],
): number {
  // Between stream, consumer, the numbers and the time there are dots.
  let ackBytes = ACK_PREFIX.length + lengthOf(stream) + 1 + lengthOf(consumer) + 1 + NANOS_DIGITS;
  for (const number of numbers) ackBytes += 1 + String(number).length;
  return lengthOf(message.subject) + ackBytes + headerSizeOf(message.headers) + message.data.length;
}

/**
 * Counts the bytes of headers as they are sent.
 *
 * @param headers the headers
 * @returns the size, in bytes
 */
export function headerSizeOf(headers: Readonly<Record<string, string>>): number {
  let bytes = 0;
  for (const name in headers) bytes += lengthOf(name) + lengthOf(headers[name]!) + LINE_BYTES;
  return bytes === 0 ? 0 : bytes + FRAME_BYTES;
}

/** The length of a text in UTF-8. Nearly all are plain ASCII, and to encode them costs more than all else that a stored message does. */
function lengthOf(text: string): number {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return encoder.encode(text).length;
  }
  return text.length;
}
