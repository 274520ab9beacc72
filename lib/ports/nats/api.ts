/**
 * JetStream's request-and-answer API, as far as the library uses it.
 *
 * @module
 */
import type { Msg } from "@nats-io/nats-core";
import { PartiError } from "../../errors.ts";
import type { Link } from "./link.ts";
import { fromJsApiError, type JsApiError } from "./nats_errors.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const EMPTY = new Uint8Array(0);

/** What has no answer is asked again after this long, in milliseconds… */
export const REPEAT_AFTER_MS = 500;
/** …and then after this long each time. */
const NEXT_PAUSE_MS = 1_000;

/** What a node says that is asked while there is no leader, and knows it; others say nothing then. */
const NO_LEADER = /"err_code":10008\b/;
/** An answer that is longer is no refusal, in bytes. */
const REFUSAL_BYTES = 512;

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

/**
 * Calls the API for what may be done twice, a question or a removal, again and again until there is an answer. In a cluster nobody
 * answers while a stream, a consumer or the cluster itself has no leader, or only to say so, and what was asked then is not answered
 * later either: whoever waited for that answer would miss the new leader by seconds.
 *
 * @param link the connection
 * @param path the subject after `$JS.API.`
 * @param body the request, if it has one
 * @param what what is tried, for the error
 * @param timeoutMs how long to wait in all, in milliseconds; as long as the link says unless given
 * @returns the first answer
 * @throws {PartiError} as the link does, and what the server refused with
 */
export async function repeatApi<T>(
  link: Link,
  path: string,
  body: unknown,
  what: string,
  timeoutMs: number = link.timeoutMs,
): Promise<T> {
  const data = body === undefined ? EMPTY : encoder.encode(JSON.stringify(body));
  const answer = await askRepeatedly(link, `${API_PREFIX}.${path}`, data, timeoutMs);
  return readAnswer<T>(answer.data, what);
}

/** Those asked before go on waiting: a server that is only slow answers the first one. */
async function askRepeatedly(
  link: Link,
  subject: string,
  data: Uint8Array,
  timeoutMs: number,
): Promise<Msg> {
  const { promise, resolve, reject } = Promise.withResolvers<Msg>();
  const deadlineMs = performance.now() + timeoutMs;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ask = (leftMs: number, pauseMs: number): void => {
    const isLast = leftMs <= pauseMs;
    link.ask(subject, data, leftMs).then((answer) => {
      if (isLast || !saysNoLeader(answer.data)) resolve(answer);
    }, reject);
    if (!isLast) {
      timer = setTimeout(() => ask(deadlineMs - performance.now(), NEXT_PAUSE_MS), pauseMs);
    }
  };
  ask(timeoutMs, REPEAT_AFTER_MS);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

function saysNoLeader(data: Uint8Array): boolean {
  return data.length <= REFUSAL_BYTES && NO_LEADER.test(decoder.decode(data));
}
