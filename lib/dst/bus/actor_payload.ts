/**
 * What calls of the simulations carry, and what its actors keep.
 *
 * @module
 */
import { tokenBytes, tokenOf } from "./ledger.ts";

/** How a call is made. */
export interface ActorCallStep {
  /** From which node. */
  readonly node: number;
  /** To which actor. */
  readonly actor: number;
  /** How long it may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How long the actor works on it, in milliseconds. */
  readonly workMs?: number;
  /** Whether it has a key, and is tried again. */
  readonly again?: boolean;
  /** Whether the actor is to end after it. */
  readonly last?: boolean;
  /** After so long its caller gives it up, in milliseconds. */
  readonly cancelAfterMs?: number;
}

/** What a call carries. */
export interface ActorPayload {
  /** The call's token. */
  readonly token: string;
  /** How long the actor works on it, in milliseconds. */
  readonly workMs: number;
  /** Whether the actor is to end after it. */
  readonly last: boolean;
}

/** Writes what a call carries. */
export function writePayload(
  token: string,
  { workMs = 0, last = false }: ActorCallStep,
): Uint8Array {
  return tokenBytes(JSON.stringify({ token, workMs, last }));
}

/** Reads what a call carries. */
export function readPayload(bytes: Uint8Array): ActorPayload {
  return JSON.parse(tokenOf(bytes));
}

/** Reads what an actor keeps: the tokens of the calls it has handled. */
export function readKept(bytes: Uint8Array | undefined): string[] {
  const text = bytes === undefined ? "" : tokenOf(bytes);
  return text === "" ? [] : text.split(" ");
}

/** Writes what an actor keeps. */
export function writeKept(tokens: readonly string[]): Uint8Array {
  return tokenBytes(tokens.join(" "));
}
