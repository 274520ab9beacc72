/**
 * Payloads on their way to the server.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import { headerSizeOf } from "./message_size.ts";

/** The largest message a nats-server takes unless it is configured otherwise, headers included, in bytes. */
export const MAX_PAYLOAD_BYTES = 1_048_576;

/**
 * Checks a payload as the real client does before it sends, and takes a copy: what the caller does with its bytes afterwards must not
 * reach the other side.
 *
 * @param data the payload
 * @param what what is tried, for the error
 * @param headers the headers it is sent with
 * @returns a copy
 * @throws {PartiError} `PARTI_TOO_LARGE` if they are too large together
 */
export function checkPayload(
  data: Uint8Array,
  what: string,
  headers: Readonly<Record<string, string>> = {},
): Uint8Array {
  const sizeBytes = data.length + headerSizeOf(headers);
  if (sizeBytes > MAX_PAYLOAD_BYTES) {
    throw new PartiError("PARTI_TOO_LARGE", `${what}: max_payload size exceeded`, {
      value: sizeBytes,
      hint: "send less in one message",
    });
  }
  return copyOf(data);
}

const NOTHING = new Uint8Array(0);

/**
 * Copies a payload. Nothing can be changed in one without bytes, and most probes have none.
 *
 * @param data the payload
 * @returns a copy, shared if it is empty
 */
export function copyOf(data: Uint8Array): Uint8Array {
  return data.length === 0 ? NOTHING : data.slice();
}
