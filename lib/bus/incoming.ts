/**
 * A call that has come, and until when somebody waits for its answer.
 *
 * @module
 */
import type { Clock } from "../ports/clock.ts";
import type { Call } from "./envelope.ts";
import type { Address } from "./names.ts";

/** A call, as its handler is given it. */
export interface ServiceCall {
  /** What is asked. */
  readonly method: string;
  /** The payload. */
  readonly payload: Uint8Array;
  /** Who asks. */
  readonly from: Address;
  /** The caller's own name for what is asked, if it may come again. */
  readonly key: string | undefined;
  /** The caller's trace. */
  readonly trace: string | undefined;
  /** How often it was sent on before it came here. */
  readonly hops: number;
  /**
   * How much time is left, in milliseconds; below 0 nobody waits any more. For actors by partition it is as right as the clocks of this
   * machine and of the server agree: a call may have lain in the feed.
   */
  leftMs(): number;
  /** Fires when the node stops. */
  readonly signal: AbortSignal;
}

/**
 * Handles a call. What it returns is the caller's value; if it throws, the caller gets `PARTI_CALL_FAILED`.
 *
 * @param call the call
 */
export type ServiceHandler = (call: ServiceCall) => Uint8Array | void | Promise<Uint8Array | void>;

/** A call that has come. */
export class Incoming {
  /** The call. */
  readonly call: Call;
  readonly #clock: Clock;
  readonly #endMs: number;

  /**
   * Its time runs from now on.
   *
   * @param call the call
   * @param clock time
   * @param lainMs how long it has lain somewhere before, in milliseconds
   */
  constructor(call: Call, clock: Clock, lainMs = 0) {
    this.call = call;
    this.#clock = clock;
    this.#endMs = clock.monotonicMs() + call.leftMs - lainMs;
  }

  /** How much time is left, in milliseconds. */
  get leftMs(): number {
    return this.#endMs - this.#clock.monotonicMs();
  }

  /**
   * The call for its handler.
   *
   * @param signal fires when the handler should end
   * @param key the name of what is asked, where it may come again although the caller gave it none
   */
  forHandler(signal: AbortSignal, key: string | undefined = this.call.key): ServiceCall {
    const { method, payload, from, trace, hops } = this.call;
    return { method, payload, from, key, trace, hops, signal, leftMs: () => this.leftMs };
  }
}
