/**
 * Every call of a simulation by its token: what was sent, what was handled, and what its caller was told.
 *
 * @module
 */
import { isPartiError } from "../../errors.ts";

/** What a caller can be told. */
export const OUTCOMES = [
  "value",
  "application error",
  "timeout",
  "send error",
  "maybe delivered",
  "cancelled",
  "overloaded",
  "stopped",
] as const;

/** One of them. */
export type OutcomeName = typeof OUTCOMES[number];

/** One call. */
export interface CallRecord {
  /** Unlike that of every other call. */
  readonly token: string;
  /** The process that called. */
  readonly caller: string;
  /** Whether it was sent at most once. */
  readonly once: boolean;
  /** How often a handler began on it. */
  executions: number;
  /** What its caller was told, each time it was told anything. */
  readonly outcomes: OutcomeName[];
}

/** The books. */
export class Ledger {
  readonly #calls = new Map<string, CallRecord>();
  readonly #open = new Map<string, { once: number; again: number }>();

  /** All calls. */
  get calls(): Iterable<CallRecord> {
    return this.#calls.values();
  }

  /** How many calls a process has made that have no outcome yet: those sent at most once, and the others. */
  openOf(caller: string): { readonly once: number; readonly again: number } {
    return this.#open.get(caller) ?? { once: 0, again: 0 };
  }

  /** A call by its token; undefined if nobody has made it. */
  find(token: string): CallRecord | undefined {
    return this.#calls.get(token);
  }

  /** A process makes a call. */
  issue(token: string, caller: string, once: boolean): CallRecord {
    const record: CallRecord = { token, caller, once, executions: 0, outcomes: [] };
    this.#calls.set(token, record);
    this.#count(record, 1);
    return record;
  }

  /** Its caller is told what came of it. */
  settle(record: CallRecord, outcome: OutcomeName): void {
    if (record.outcomes.length === 0) this.#count(record, -1);
    record.outcomes.push(outcome);
  }

  /** What a process had open is nobody's any more. */
  died(caller: string): void {
    this.#open.delete(caller);
  }

  #count({ caller, once }: CallRecord, change: number): void {
    const open = this.#open.get(caller) ?? { once: 0, again: 0 };
    open[once ? "once" : "again"] += change;
    this.#open.set(caller, open);
  }
}

/**
 * What an error means to a caller.
 *
 * @param error what a call threw
 * @returns the outcome; undefined if it is none that a call may have
 */
export function outcomeOf(error: unknown): OutcomeName | undefined {
  if (!isPartiError(error)) return undefined;
  switch (error.code) {
    case "PARTI_CALL_FAILED":
      return "application error";
    case "PARTI_TIMEOUT":
      return "timeout";
    case "PARTI_NOT_SENT":
    case "PARTI_TOO_MANY_HOPS":
      return "send error";
    case "PARTI_MAYBE_DELIVERED":
      return "maybe delivered";
    case "PARTI_ABORTED":
      return "cancelled";
    case "PARTI_OVERLOADED":
      return "overloaded";
    case "PARTI_STOPPED":
      return "stopped";
    default:
      return undefined;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A token as it travels. */
export function tokenBytes(token: string): Uint8Array {
  return encoder.encode(token);
}

/** A token from what has travelled. */
export function tokenOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The answer that only the right handler of the right call gives. */
export function echoOf(token: string): string {
  return [...token].reverse().join("");
}
