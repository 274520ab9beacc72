/**
 * What actors of the simulations do with a call.
 *
 * @module
 */
import type { ActorContext } from "../../bus/actors/actor.ts";
import { type Clock, sleep } from "../../ports/clock.ts";
import type { Always } from "../assertions/assertions.ts";
import { readKept, readPayload, writeKept } from "./actor_payload.ts";
import { echoOf, type Ledger, tokenBytes } from "./ledger.ts";

/** What the turns of one life take. */
export interface TurnOptions {
  /** The run's. */
  readonly assertions: Always<"what is handled was called">;
  /** The books. */
  readonly ledger: Ledger;
  /** The time of the process. */
  readonly clock: Clock;
  /** The life. */
  readonly context: ActorContext;
}

/** Handles a call: what it carries, what ends it early, and who is told whether it came before. */
export type TakeTurn = (
  payload: Uint8Array,
  signal: AbortSignal,
  onCall: (isKnown: boolean) => void,
) => Promise<Uint8Array>;

/**
 * Makes the handler of a life: it takes its time, keeps each call once, and answers.
 *
 * @param options what it takes
 * @returns the handler
 */
export function turnsOf({ assertions, ledger, clock, context }: TurnOptions): TakeTurn {
  const { state } = context;
  const known = new Set<string>(readKept(state?.value));
  return async (payload, signal, onCall) => {
    const { token, workMs, last } = readPayload(payload);
    const record = ledger.find(token);
    assertions.always("what is handled was called", record !== undefined, token);
    if (record !== undefined) record.executions++;
    if (workMs > 0) await sleep(clock, workMs, signal);
    onCall(known.has(token));
    if (!known.has(token)) {
      await state?.save(writeKept([...known, token]));
      known.add(token);
    }
    if (last) context.deactivate();
    return tokenBytes(echoOf(token));
  };
}
