/**
 * The roll call: a new leader asks everybody whether they are there, at once and once.
 *
 * @module
 */
import { QUESTION } from "../../membership/prober.ts";
import { probeSubject } from "../../names.ts";
import type { Messaging } from "../../ports/messaging.ts";

/** What a roll call needs. */
export interface RollCallOptions {
  /** How probes travel. */
  readonly messaging: Messaging;
  /** The group. */
  readonly group: string;
  /** How long to wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Calls the roll.
 *
 * @param options what it needs
 * @param instances whom to ask
 * @param onAnswer told of each that answers. Whoever does not is not dead for that: the prober finds out
 * @returns when all have answered or had their time; never rejects
 */
export async function callRoll(
  options: RollCallOptions,
  instances: readonly string[],
  onAnswer: (instance: string) => void,
): Promise<void> {
  const { messaging, group, timeoutMs } = options;
  await Promise.all(instances.map(async (instance) => {
    try {
      await messaging.request(probeSubject(group, instance), QUESTION, timeoutMs);
    } catch {
      return;
    }
    onAnswer(instance);
  }));
}
