/**
 * How a bus is made, and how a call is made on it.
 *
 * @module
 */
import { PartiError } from "../errors.ts";
import type { World } from "../ports/world.ts";
import type { Answer, Call } from "./envelope.ts";

/** What a bus is made from. */
export interface BusOptions {
  /** The world. */
  readonly world: World;
  /** The bus's name: letters, digits, `_` and `-`. */
  readonly bus: string;
  /** The node's name, unique on the bus: what is called by a name that two processes have is handled by both. */
  readonly node: string;
  /** How long a call waits for its answer unless it says so itself, in milliseconds; 30,000 unless given. */
  readonly timeoutMs?: number;
  /** How many calls may wait at once, for an answer or for where their actor is; 10,000 unless given. */
  readonly pendingMax?: number;
  /** How many calls to handlers of this node are worked on at once; 10,000 unless given. */
  readonly workingMax?: number;
  /** After so long it is looked whether a receiver is still there, and then as often, in milliseconds; 500 unless given. */
  readonly lookoutMs?: number;
  /** Told of what went wrong and has no caller to be told to. Must not throw. */
  readonly onError?: (error: PartiError) => void;
  /** Told of each call that is sent on to another node. Must not throw. */
  readonly onForwarded?: (call: Call) => void;
  /** Told of an answer for which nobody waits any more. Must not throw. */
  readonly onOrphan?: (answer: Answer) => void;
}

/** The numbers of a bus, complete. */
export type BusSettings = Readonly<
  Record<"timeoutMs" | "pendingMax" | "workingMax" | "lookoutMs", number>
>;

/** How a call is made. */
export interface CallOptions {
  /** How long it may take, all tries together, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Gives it up. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The caller's own name for what is asked. With it a call is tried again until somebody has handled it for certain, so it may be handled
   * more than once; the handler is given the key to notice. Without it a call is sent once.
   */
  readonly idempotencyKey?: string | undefined;
  /** The caller's trace, as W3C's `traceparent` has it. */
  readonly trace?: string | undefined;
}

const DEFAULTS: BusSettings = {
  timeoutMs: 30_000,
  pendingMax: 10_000,
  workingMax: 10_000,
  lookoutMs: 500,
};

/**
 * Completes and checks the numbers of a bus.
 *
 * @param options as they were given
 * @returns the numbers
 * @throws {PartiError} `PARTI_INVALID_CONFIG`
 */
export function busSettings(options: Partial<BusSettings>): BusSettings {
  const entries = (Object.keys(DEFAULTS) as (keyof BusSettings)[])
    .map((name) => [name, options[name] ?? DEFAULTS[name]] as const);
  for (const [name, value] of entries) {
    if (name.endsWith("Ms")) checkDuration(name, value);
    else checkAbove0(name, value);
  }
  return Object.fromEntries(entries) as BusSettings;
}

/**
 * Checks a number that was given.
 *
 * @param name what it is called
 * @param value the number; undefined if it was not given
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is not above 0
 */
export function checkAbove0(name: string, value: number | undefined): void {
  if (value === undefined || Number.isFinite(value) && value > 0) return;
  throw new PartiError("PARTI_INVALID_CONFIG", `${name} is ${value}`, {
    value,
    hint: "it must be a number above 0",
  });
}

/** Longer than that no timer of a JavaScript engine goes. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/**
 * Checks a duration that was given.
 *
 * @param name what it is called
 * @param durationMs how long, in milliseconds; undefined if it was not given
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is not above 0, or no timer goes so long
 */
export function checkDuration(name: string, durationMs: number | undefined): void {
  checkAbove0(name, durationMs);
  if (durationMs === undefined || durationMs <= TIMEOUT_MAX_MS) return;
  throw new PartiError("PARTI_INVALID_CONFIG", `${name} is ${durationMs}`, {
    value: durationMs,
    hint: `no timer goes further than ${TIMEOUT_MAX_MS} milliseconds`,
  });
}

/**
 * Checks how long a call may take.
 *
 * @param timeoutMs how long, in milliseconds
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if no timer goes so long, or it is below 0
 */
export function checkTimeout(timeoutMs: number): void {
  if (timeoutMs >= 0 && timeoutMs <= TIMEOUT_MAX_MS) return;
  throw new PartiError("PARTI_INVALID_CONFIG", `timeoutMs is ${timeoutMs}`, {
    value: timeoutMs,
    hint: `it must be a number of milliseconds from 0 to ${TIMEOUT_MAX_MS}`,
  });
}
