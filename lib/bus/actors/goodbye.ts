/**
 * How a life says goodbye: its hook, then what it still saves, and no longer than it may take.
 *
 * @module
 */
import { describeError, isPartiError, PartiError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Actor, DeactivationReason } from "./actor.ts";
import type { ActorId } from "./actor_id.ts";
import type { GuardedState } from "./guarded_state.ts";

/** A life that ends. */
export interface Leaving {
  /** Time. */
  readonly clock: Pick<Clock, "setTimer">;
  /** How long it may take, in milliseconds. */
  readonly graceMs: number;
  /** The actor. */
  readonly id: ActorId;
  /** Its life. */
  readonly actor: Actor;
  /** What it keeps. */
  readonly state: GuardedState | undefined;
  /** Resolves where nobody waits for it any more. */
  readonly over: Promise<void>;
  /** Told of a hook that has failed, or has taken too long: no caller waits for it. */
  readonly onError: (error: PartiError) => void;
}

/**
 * Says goodbye; never rejects.
 *
 * @param leaving the life
 * @param reason why it ends
 * @returns false if it has not come to its end in its time: then it must lose its right
 */
export async function sayGoodbye(leaving: Leaving, reason: DeactivationReason): Promise<boolean> {
  const { clock, graceMs, id, over, onError } = leaving;
  const { promise: graceOver, resolve } = Promise.withResolvers<"late">();
  const timer = clock.setTimer(graceMs, () => resolve("late"));
  const ended = await Promise.race([lastWords(leaving, reason), over, graceOver]);
  timer.cancel();
  if (ended !== "late") return true;
  const message = `onDeactivate of ${id} has not come to its end within ${graceMs} ms`;
  onError(
    new PartiError("PARTI_HANDLER_FAILED", message, {
      value: id,
      hint: "its right to act is over: whatever it does from now on must not count",
    }),
  );
  return false;
}

async function lastWords({ id, actor, state, onError }: Leaving, reason: DeactivationReason) {
  try {
    await actor.onDeactivate?.(reason);
  } catch (error) {
    onError(hookFailed(id, error));
  }
  // Whoever has not waited for a save has asked for it all the same, and the next life is to find it.
  await state?.settled;
}

function hookFailed(id: ActorId, error: unknown): PartiError {
  if (isPartiError(error)) return error;
  const message = `onDeactivate of ${id} failed: ${describeError(error)}`;
  return new PartiError("PARTI_HANDLER_FAILED", message, { value: id, cause: error });
}
