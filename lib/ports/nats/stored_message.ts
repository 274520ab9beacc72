/**
 * Messages read straight from a stream's leader.
 *
 * @module
 */
import { isPartiError } from "../../errors.ts";
import type { StoredMessage } from "../feed.ts";
import { repeatApi } from "./api.ts";
import type { Link } from "./link.ts";
import { errCodeOf } from "./nats_errors.ts";
import type { WireStoredMessage } from "./wire.ts";

const decoder = new TextDecoder();

function bytesOf(base64: string | undefined): Uint8Array {
  if (base64 === undefined) return new Uint8Array(0);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  // A call for each character would take ten times as long, and an assignment has tens of thousands.
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Header names are compared as they are written, as the client does. */
function headersOf(block: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const line of block.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon);
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return headers;
}

/**
 * Reads the last message of a subject from the stream's leader, never from a replica that may be behind.
 *
 * @param link the connection
 * @param stream the stream
 * @param subject the subject
 * @param timeoutMs how long to wait, in milliseconds; as long as the link says unless given
 * @returns the message; undefined if there is none
 * @throws {PartiError} `PARTI_NOT_FOUND` if there is no such stream, and as the link does
 */
export async function readLastMessage(
  link: Link,
  stream: string,
  subject: string,
  timeoutMs?: number,
): Promise<StoredMessage | undefined> {
  let answer: WireStoredMessage;
  try {
    answer = await repeatApi<WireStoredMessage>(
      link,
      `STREAM.MSG.GET.${stream}`,
      { last_by_subj: subject },
      `read the last message of ${subject}`,
      timeoutMs,
    );
  } catch (error) {
    if (isPartiError(error, "PARTI_NOT_FOUND") && errCodeOf(error.value) === 10037) {
      return undefined;
    }
    throw error;
  }
  const { message } = answer;
  const headers = headersOf(decoder.decode(bytesOf(message.hdrs)));
  return {
    subject: message.subject,
    sequence: message.seq,
    data: bytesOf(message.data),
    header: (name) => headers.get(name),
  };
}
