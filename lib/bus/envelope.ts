/**
 * A message of the bus as it travels: a line of JSON, then the payload. No clock is compared with another, so a deadline travels as the time
 * that is left.
 *
 * @module
 */
import type { Address } from "./names.ts";

/** What asks for something. */
export interface Call {
  /** Whether somebody waits for an answer. */
  readonly kind: "request" | "oneway";
  /** Tells it from every other of its sender, whichever life of it. */
  readonly id: string;
  /** Who sent it, and takes the answer. */
  readonly from: Address;
  /** What it is for: the type of a handler, or an actor's ID. */
  readonly to: string;
  /** What is asked. */
  readonly method: string;
  /** How much time is left, in milliseconds, when it is sent or sent on. */
  readonly leftMs: number;
  /** How often it was sent on. */
  readonly hops: number;
  /** The caller's own name for what is asked: the same in every try. */
  readonly key?: string;
  /** The caller's trace, as W3C's `traceparent` has it. */
  readonly trace?: string;
  /** The sender has chosen this node for an actor that is nowhere: who gets this may begin one. */
  readonly placed?: boolean;
  /** The payload. */
  readonly payload: Uint8Array;
}

/** What comes back. */
export interface Answer {
  /** Tells it from a call. */
  readonly kind: "answer";
  /** The call's. */
  readonly id: string;
  /** Where it was handled, or refused: whoever thought it elsewhere knows better now. */
  readonly at: Address;
  /** `done`: the handler's value; `failed`: the handler threw; `refused`: no handler has seen it. */
  readonly status: "done" | "failed" | "refused";
  /** Why it was refused. */
  readonly reason?: Refusal;
  /** What the handler threw, in words. */
  readonly message?: string;
  /** How often the call was sent on. */
  readonly hops: number;
  /** How many actors live where it was handled. */
  readonly load?: number;
  /** The handler's value. */
  readonly payload: Uint8Array;
}

/** What an answer says, apart from whose it is. */
export type Said =
  & Pick<Answer, "status">
  & Partial<Pick<Answer, "at" | "load" | "reason" | "message" | "payload">>;

/** Why a call reached no handler. */
export type Refusal =
  | "overloaded" // as much waits there as may wait
  | "no handler" // nobody there handles this type
  | "too many hops" // it was sent on as often as it may be
  | "late" // its time was over before its turn came
  | "gone" // it was sent on to a node that is there no more
  | "lost" // the actor's right to act ended in the middle of it
  | "not begun" // the actor could not begin now: its state could not be loaded, say
  | "given up" // by partition: the actor could not begin as long as the call had time
  | "stopped"; // the node is on its way out

/** What travels. */
export type Envelope = Call | Answer;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const NEWLINE = 10;
/** Nearly every line is short and of such characters, and then a loop is several times as fast as an encoder. */
const ASCII_MAX = 127;
const NOTHING = new Uint8Array();

/**
 * Writes a message.
 *
 * @param envelope the message
 * @returns its bytes
 */
export function encodeEnvelope({ payload, ...head }: Envelope): Uint8Array {
  const line = JSON.stringify(head);
  const bytes = new Uint8Array(line.length + 1 + payload.length);
  for (let i = 0; i < line.length; i++) {
    const code = line.charCodeAt(i);
    if (code > ASCII_MAX) return join(encoder.encode(line), payload);
    bytes[i] = code;
  }
  bytes[line.length] = NEWLINE;
  bytes.set(payload, line.length + 1);
  return bytes;
}

function join(line: Uint8Array, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(line.length + 1 + payload.length);
  bytes.set(line);
  bytes[line.length] = NEWLINE;
  bytes.set(payload, line.length + 1);
  return bytes;
}

/**
 * Reads a message.
 *
 * @param bytes what came
 * @returns the message, its payload a view of the bytes; undefined if it is none
 */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  const end = bytes.indexOf(NEWLINE);
  if (end < 0) return undefined;
  let head: unknown;
  try {
    head = JSON.parse(decoder.decode(bytes.subarray(0, end)));
  } catch {
    return undefined;
  }
  if (typeof head !== "object" || head === null) return undefined;
  const payload = end + 1 < bytes.length ? bytes.subarray(end + 1) : NOTHING;
  const envelope = { ...head, payload } as Partial<Envelope>;
  return isCall(envelope) || isAnswer(envelope) ? envelope : undefined;
}

function isCall(envelope: Partial<Envelope>): envelope is Call {
  const { kind, id, from, to, method, leftMs, hops } = envelope as Partial<Call>;
  return (kind === "request" || kind === "oneway") && typeof id === "string" &&
    typeof from === "string" && typeof to === "string" && typeof method === "string" &&
    typeof leftMs === "number" && Number.isSafeInteger(hops) && hops! >= 0;
}

function isAnswer(envelope: Partial<Envelope>): envelope is Answer {
  const { kind, id, at, status, hops } = envelope as Partial<Answer>;
  return kind === "answer" && typeof id === "string" && typeof at === "string" &&
    (status === "done" || status === "failed" || status === "refused") &&
    Number.isSafeInteger(hops) && hops! >= 0;
}
