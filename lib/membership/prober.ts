/**
 * Probing: is anybody there? Each instance answers on a subject of its own; where its connection is gone the server says "no
 * responders" at once. Two such answers in a row, a short grace apart, are a verdict. Silence is none: a paused or slow process
 * keeps its connection, and only the end of its lease tells.
 *
 * @module
 */
import { encodeJson } from "../codec.ts";
import { isPartiError, type PartiError } from "../errors.ts";
import { probeSubject } from "../names.ts";
import { type Clock, sleep, type Timer } from "../ports/clock.ts";
import type { Messaging, Subscription } from "../ports/messaging.ts";
import { jitter, type Random } from "../ports/random.ts";

/** How one instance is asked for. */
export interface ProbeOptions {
  /** The group. */
  readonly group: string;
  /** Time. */
  readonly clock: Clock;
  /** How probes travel. */
  readonly messaging: Messaging;
  /** How long to wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** How long after a first "no responders" the second probe goes out, in milliseconds. */
  readonly graceMs: number;
  /** Told each time nobody answered or an answer was late. Must not throw. */
  readonly onMiss?: (instance: string, kind: "no-responders" | "timeout") => void;
}

/** What probing round after round needs. */
export interface ProberOptions extends ProbeOptions {
  /** Jitter. */
  readonly random: Random;
  /** The longest time between two rounds, in milliseconds; jitter makes it up to half as long. */
  readonly intervalMs: number;
  /** About how many probes per second may be sent in all: more targets stretch the rounds. */
  readonly budgetPerSecond: number;
  /** Whom to probe, asked before each round. Must not throw. */
  readonly targets: () => readonly string[];
  /**
   * A verdict: twice in a row nobody was there. Told again as long as the instance is a target, so a verdict that could not be
   * acted on is not lost. Must not throw.
   */
  readonly onGone: (instance: string) => void;
}

/** Probes a changing set of instances, round after round. Each one is asked for once at a time. */
export class Prober {
  readonly #options: ProberOptions;
  /** Whoever is being asked for. An instance stays here no longer than two time-outs and a grace. */
  readonly #asking = new Set<string>();
  readonly #closing = new AbortController();
  #timer: Timer | undefined;
  #quietUntilMs = -Infinity;

  /**
   * Begins to probe.
   *
   * @param options what it needs
   */
  constructor(options: ProberOptions) {
    this.#options = options;
    this.#arm(0);
  }

  /**
   * No verdicts for a while: after a reconnect the others may still be on their way back. What was seen before proves nothing
   * either.
   *
   * @param durationMs how long, in milliseconds
   */
  hold(durationMs: number): void {
    const untilMs = this.#options.clock.monotonicMs() + durationMs;
    this.#quietUntilMs = Math.max(this.#quietUntilMs, untilMs);
  }

  /** How much longer there are no verdicts, in milliseconds; 0 if there are. */
  get heldForMs(): number {
    return Math.max(0, this.#quietUntilMs - this.#options.clock.monotonicMs());
  }

  /** Ends the probing: no call-back comes afterwards. */
  close(): void {
    this.#closing.abort();
    this.#timer?.cancel();
  }

  #arm(targetCount: number): void {
    if (this.#closing.signal.aborted) return;
    const { clock, random, intervalMs, budgetPerSecond } = this.#options;
    const roundMs = Math.max(intervalMs, targetCount * 1000 / budgetPerSecond);
    this.#timer = clock.setTimer(jitter(random, roundMs), () => this.#round());
  }

  #round(): void {
    const targets = this.#options.targets();
    for (const instance of targets) {
      if (!this.#asking.has(instance)) void this.#ask(instance);
    }
    this.#arm(targets.length);
  }

  async #ask(instance: string): Promise<void> {
    const { clock, onGone } = this.#options;
    const { signal } = this.#closing;
    const startedAtMs = clock.monotonicMs();
    this.#asking.add(instance);
    const gone = await isGone(this.#options, instance, signal);
    this.#asking.delete(instance);
    // A question that began before the end of the hold is void, even if only its first half did.
    if (gone && !signal.aborted && startedAtMs >= this.#quietUntilMs) onGone(instance);
  }
}

/**
 * Asks twice whether anybody answers for an instance.
 *
 * @param options the group, the world and the time between the two questions
 * @param instance whom to ask for
 * @param signal ends it early, with false
 * @returns true if the server said twice that nobody is there; never rejects
 */
export async function isGone(
  options: ProbeOptions,
  instance: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const { group, clock, messaging, timeoutMs, graceMs, onMiss } = options;
  for (const isSecond of [false, true]) {
    if (isSecond) await sleep(clock, graceMs, signal);
    if (signal?.aborted) return false;
    let miss: "no-responders" | "timeout";
    try {
      await messaging.request(probeSubject(group, instance), new Uint8Array(), timeoutMs);
      return false;
    } catch (error) {
      if (isPartiError(error, "PARTI_NO_RESPONDERS")) miss = "no-responders";
      else if (isPartiError(error, "PARTI_TIMEOUT")) miss = "timeout";
      else return false; // Our own connection is down, or we may not ask: that says nothing of others.
    }
    if (signal?.aborted) return false;
    onMiss?.(instance, miss);
    if (miss === "timeout") return false;
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
 * @param onRefused told once if the server does not let this worker subscribe: to all others it then looks dead. Must not throw
 * @returns the running subscription
 * @throws {PartiError} `PARTI_DISCONNECTED` if the connection is closed
 */
export function answerProbes(
  messaging: Messaging,
  group: string,
  instance: string,
  describe: () => Record<string, unknown>,
  onRefused?: (error: PartiError) => void,
): Subscription {
  return messaging.subscribe(
    probeSubject(group, instance),
    (notice) => notice.respond(encodeJson(describe())),
    onRefused,
  );
}
