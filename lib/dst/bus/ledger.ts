/**
 * Every call of a simulation by its token: what was sent, what was handled, and what its caller was told.
 *
 * @module
 */
import { isPartiError } from "../../errors.ts";
import type { BusMember } from "./bus_cluster.ts";

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
  /** How long it may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How often a handler began on it. */
  executions: number;
  /** What its caller was told, each time it was told anything. */
  readonly outcomes: OutcomeName[];
}

/** What came of a call: its value, or an error. */
export type Told<T> = { readonly value: T } | { readonly error: unknown };

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
  issue(token: string, caller: string, once: boolean, timeoutMs: number): CallRecord {
    const record: CallRecord = { token, caller, once, timeoutMs, executions: 0, outcomes: [] };
    this.#calls.set(token, record);
    this.#count(record, 1);
    return record;
  }

  /** Its caller is told what came of it. */
  settle(record: CallRecord, outcome: OutcomeName): void {
    if (record.outcomes.length === 0) this.#count(record, -1);
    record.outcomes.push(outcome);
  }

  /**
   * Waits for what the caller of a call is told, and books it.
   *
   * @param record the call
   * @param caller who waits
   * @param calling the call as it takes place
   * @param onError told of every error
   * @returns the value or the error; undefined if the caller has died
   * @throws whatever is none of the outcomes that a call may have
   */
  async book<T>(
    record: CallRecord,
    { owner, died }: Pick<BusMember, "owner" | "died">,
    calling: Promise<T>,
    onError: (error: unknown) => void,
  ): Promise<Told<T> | undefined> {
    try {
      const told = await Promise.race([calling.then((value) => ({ value })), died]);
      // A call for which nobody waits has no value: that it has left is all there is to know.
      if (told) this.settle(record, told.value === undefined ? "maybe delivered" : "value");
      return told ?? undefined;
    } catch (error) {
      if (owner.dead) return undefined;
      onError(error);
      const outcome = outcomeOf(error);
      if (outcome === undefined) throw error;
      this.settle(record, outcome);
      return { error };
    }
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
