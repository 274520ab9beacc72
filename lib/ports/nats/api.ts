/**
 * JetStream's request-and-answer API, as far as the library uses it.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { Link } from "./link.ts";
import { fromJsApiError, type JsApiError } from "./nats_errors.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const EMPTY = new Uint8Array(0);

/** The first tokens of every API subject. */
export const API_PREFIX = "$JS.API";

/**
 * Reads a JetStream answer.
 *
 * @param data the answer's payload
 * @param what what was tried, for the error
 * @returns the answer
 * @throws {PartiError} what the server refused with
 */
export function readAnswer<T>(data: Uint8Array, what: string): T {
  let answer: T & { error?: JsApiError };
  try {
    answer = JSON.parse(decoder.decode(data));
  } catch (cause) {
    throw new PartiError("PARTI_REFUSED", `${what}: the answer is not JSON`, {
      cause,
      value: decoder.decode(data.subarray(0, 200)),
      hint: "something else than JetStream answers on this subject",
    });
  }
  if (answer.error !== undefined) throw fromJsApiError(answer.error, what);
  return answer;
}

/**
 * Calls the API.
 *
 * @param link the connection
 * @param path the subject after `$JS.API.`
 * @param body the request, if it has one
 * @param what what is tried, for the error
 * @param timeoutMs how long to wait, in milliseconds; as long as the link says unless given
 * @returns the answer
 * @throws {PartiError} as the link does, and what the server refused with
 */
export async function callApi<T>(
  link: Link,
  path: string,
  body: unknown,
  what: string,
  timeoutMs: number = link.timeoutMs,
): Promise<T> {
  const data = body === undefined ? EMPTY : encoder.encode(JSON.stringify(body));
  const answer = await link.ask(`${API_PREFIX}.${path}`, data, timeoutMs);
  return readAnswer<T>(answer.data, what);
}
