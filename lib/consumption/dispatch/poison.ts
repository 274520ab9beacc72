/**
 * Poison: what becomes of a message that failed too often.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { FeedMessage } from "../../ports/feed.ts";
import { jitter } from "../../ports/random.ts";
import { deadLetter, type DeadLetterOptions } from "./dead_letter.ts";
import type { Outcome } from "./dispatcher.ts";
import type { ConsumptionEvents } from "../events.ts";
import type { Run } from "./run.ts";
import type { Slot } from "./slot.ts";

/** What is needed to decide. */
export interface PoisonOptions extends DeadLetterOptions {
  /** Who is told. */
  readonly events: ConsumptionEvents;
  /** Whether this worker may act at this moment. */
  readonly mayAct: () => boolean;
}

/**
 * Sends a message to the dead letters, or stops its partition, as configured. A dead letter that no stream takes is tried again for
 * as long as the partition is here, since going on would lose the message and stopping would need somebody to come.
 *
 * @param options what it needs
 * @param slot the partition; it waits
 * @param run the message
 * @param error why it failed the last time
 * @returns `done` if the dead letter is stored, `stopped` if the partition is to stop, `abandoned` if the right to handle it ended
 */
export async function settlePoison(
  options: PoisonOptions,
  slot: Slot,
  run: Run,
  error: unknown,
): Promise<Outcome> {
  const { config, events, mayAct, world } = options;
  if (config.onPoison === "stop") {
    events.stopped(slot.id, run.message, error);
    return "stopped";
  }
  try {
    for (;;) {
      const stored = await isStored(options, slot, run, error);
      if (run.aborted || !mayAct()) return "abandoned";
      if (stored) return "done";
      slot.blocked = true;
      await slot.pause(world.clock, jitter(world.random, config.retryMaxMs));
      // Somebody else is to have this partition: it can try from there.
      if (run.aborted || !slot.wanted || !slot.mayRetry || !mayAct()) return "abandoned";
    }
  } finally {
    slot.blocked = false;
  }
}

async function isStored(
  options: PoisonOptions,
  slot: Slot,
  run: Run,
  error: unknown,
): Promise<boolean> {
  try {
    const { message } = run;
    const leftOut = await deadLetter(options, slot, message, error);
    if (leftOut === "headers and data") options.events.error(withoutData(slot, message));
    options.events.deadLettered(slot.id, message, error);
    return true;
  } catch (failure) {
    options.events.error(failure);
    return false;
  }
}

/** The partition goes on, and the message is gone: whoever wants its data must look where it came from. */
function withoutData(slot: Slot, { streamSequence, data }: FeedMessage): PartiError {
  return new PartiError(
    "PARTI_TOO_LARGE",
    `sequence ${streamSequence} of partition ${slot.id} is too large for a dead letter: its ${data.length} bytes are left out of it`,
    {
      value: data.length,
      hint:
        "let the dead letters' stream and its server take larger messages than the feed's (max_msg_size, max_payload)",
    },
  );
}
