/**
 * Probing: is anybody there? Each instance answers on a subject of its own; where its connection is gone the server says "no
 * responders" at once. Two such answers in a row, a short grace apart, are a verdict. Silence is none: a paused or slow process
 * keeps its connection, and only the end of its lease tells.
 *
 * @module
 */
import { encodeJson } from "../codec.ts";
import { isPartiError } from "../errors.ts";
import { probeSubject } from "../names.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Messaging, Subscription } from "../ports/messaging.ts";
import { jitter, type Random } from "../ports/random.ts";

/** What probing needs. */
export interface ProberOptions {
  /** The group. */
  readonly group: string;
  /** Time. */
  readonly clock: Clock;
  /** Jitter. */
  readonly random: Random;
  /** How probes travel. */
  readonly messaging: Messaging;
  /** The shortest time between two probes of one instance, in milliseconds. */
  readonly intervalMs: number;
  /** How long to wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** How long after a first "no responders" the second probe goes out, in milliseconds. */
  readonly graceMs: number;
  /** The most probes per second in all; more targets stretch the interval. */
  readonly budgetPerSecond: number;
  /** Whom to probe, asked before each round. */
  readonly targets: () => readonly string[];
  /** Told once per instance: twice nobody answered. */
  readonly onGone: (instance: string) => void;
  /** Told each time nobody answered or an answer was late. */
  readonly onMiss?: (instance: string, kind: "no-responders" | "timeout") => void;
}

/** Probes a changing set of instances, round after round. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #suspected = new Set<string>();
  #timer: Timer | undefined;
  #closed = false;
  #quietUntilMs = 0;

  /** @param options what it needs */
  constructor(options: ProberOptions) {
    this.#options = options;
    this.#arm(0);
  }

  /** No verdicts for a while: after a reconnect the others may still be on their way back. */
  hold(durationMs: number): void {
    this.#quietUntilMs = this.#options.clock.monotonicMs() + durationMs;
  }

  /** Ends the probing. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #arm(targetCount: number): void {
    if (this.#closed) return;
    const { clock, random, intervalMs, budgetPerSecond } = this.#options;
    const roundMs = Math.max(intervalMs, targetCount * 1000 / budgetPerSecond);
    this.#timer = clock.setTimer(jitter(random, roundMs), () => this.#round());
  }

  #round(): void {
    const targets = this.#options.targets();
    for (const instance of targets) {
      if (!this.#suspected.has(instance)) void this.#probe(instance, false);
    }
    this.#arm(targets.length);
  }

  async #probe(instance: string, second: boolean): Promise<void> {
    const { clock, messaging, group, timeoutMs, graceMs, onGone, onMiss } = this.#options;
    try {
      await messaging.request(probeSubject(group, instance), new Uint8Array(), timeoutMs);
      this.#suspected.delete(instance);
    } catch (error) {
      if (this.#closed) return;
      if (!isPartiError(error, "PARTI_NO_RESPONDERS")) {
        this.#suspected.delete(instance);
        if (isPartiError(error, "PARTI_TIMEOUT")) onMiss?.(instance, "timeout");
        return;
      }
      onMiss?.(instance, "no-responders");
      if (clock.monotonicMs() < this.#quietUntilMs) {
        this.#suspected.delete(instance);
      } else if (second) {
        this.#suspected.delete(instance);
        onGone(instance);
      } else {
        this.#suspected.add(instance);
        clock.setTimer(graceMs, () => this.#closed || void this.#probe(instance, true));
      }
    }
  }
}

/**
 * Asks twice whether anybody answers for an instance, as {@linkcode Prober} does.
 *
 * @param options the group, the world and the time between the two questions
 * @param instance whom to ask for
 * @returns true if the server said twice that nobody is there
 */
export async function isGone(
  options: Pick<ProberOptions, "group" | "clock" | "messaging" | "timeoutMs" | "graceMs">,
  instance: string,
): Promise<boolean> {
  const { group, clock, messaging, timeoutMs, graceMs } = options;
  for (const attempt of [1, 2]) {
    try {
      await messaging.request(probeSubject(group, instance), new Uint8Array(), timeoutMs);
      return false;
    } catch (error) {
      if (!isPartiError(error, "PARTI_NO_RESPONDERS")) return false;
    }
    if (attempt === 1) {
      await new Promise<void>((resolve) => void clock.setTimer(graceMs, resolve));
    }
  }
  return true;
}

/**
 * Answers probes for an instance until closed.
 *
 * @param messaging how probes travel
 * @param group the group
 * @param instance who answers
 * @param describe what to say
 * @returns the running subscription
 */
export function answerProbes(
  messaging: Messaging,
  group: string,
  instance: string,
  describe: () => Record<string, unknown>,
): Subscription {
  return messaging.subscribe(
    probeSubject(group, instance),
    (notice) => notice.respond(encodeJson(describe())),
  );
}
