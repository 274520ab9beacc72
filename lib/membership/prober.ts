/**
 * Probing: is anybody there? Each instance listens on a subject of its own; where its connection is gone the server says "no
 * responders" at once. Two such answers in a row, a short grace apart, are a verdict. Whoever listens need not answer: a paused or slow
 * process keeps its connection, and only the end of its lease tells.
 *
 * @module
 */
import { encodeJson } from "../codec.ts";
import { isPartiError, type PartiError } from "../errors.ts";
import { probeSubject } from "../names.ts";
import { type Clock, sleep, type Timer } from "../ports/clock.ts";
import type { Messaging, Subscription } from "../ports/messaging.ts";
import { jitter, type Random } from "../ports/random.ts";

/** What is sent on an instance's probe subject to have an answer. */
export const QUESTION: Uint8Array = encodeJson("who");

/** How one instance is asked for. */
export interface ProbeOptions {
  /** The group. */
  readonly group: string;
  /** Time. */
  readonly clock: Clock;
  /** How probes travel. */
  readonly messaging: Messaging;
  /** How long the server may take to say who is there, in milliseconds. */
  readonly timeoutMs: number;
  /** How long after a first "no responders" the second probe goes out, in milliseconds. */
  readonly graceMs: number;
  /** Told each time nobody was there, or the server did not say so in time. Must not throw. */
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
  /** Whom to probe, asked before each round. Where there is nobody, {@linkcode Prober.wake} says when to look again. Must not throw. */
  readonly targets: () => readonly string[];
  /**
   * A verdict: twice in a row nobody was there. Told again as long as the instance is a target, so a verdict that could not be
   * acted on is not lost. Must not throw.
   *
   * @param instance who
   * @param revision its lease as it was known when it was missed first
   */
  readonly onGone: (instance: string, revision: number | undefined) => void;
  /**
   * The revision of an instance's lease as it is known now, or as it is read now; undefined if it is not known. Must neither throw nor
   * reject. The second question is asked when all are known: whoever renews afterwards is alive, whatever comes of that question.
   */
  readonly revisionOf?: (instance: string) => number | undefined | Promise<number | undefined>;
}

/** Where there was nobody to probe the next look is so many intervals away, should nobody wake it. */
const REST_FACTOR = 25;

/** A delay with jitter is so much of the longest one on average. */
const MEAN_JITTER = 3 / 4;

/** Probes a changing set of instances, round after round. Each one is asked for once at a time. */
export class Prober {
  readonly #options: ProberOptions;
  /** Those that are being asked for, question by question. None stays here for longer than two time-outs and a grace, or what reading takes. */
  readonly #asking = new Set<readonly string[]>();
  /** Tells those who ask just then that it ends; made with the first question, as most workers never ask one. */
  #closing: AbortController | undefined;
  #closed = false;
  #timer: Timer | undefined;
  #resting = false;
  #heldSinceMs = -Infinity;
  #quietUntilMs = -Infinity;
  /** Those that were seen to be there since the hold began: nothing excuses them any more. */
  readonly #back = new Set<string>();

  /**
   * Begins to probe.
   *
   * @param options what it needs
   */
  constructor(options: ProberOptions) {
    this.#options = options;
    this.#arm(1);
  }

  /**
   * For a while no verdicts on those who were not seen since: after a reconnect the others may still be on their way back. What was
   * seen before proves nothing either.
   *
   * @param durationMs how long, in milliseconds
   */
  hold(durationMs: number): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#heldSinceMs = nowMs;
    this.#quietUntilMs = Math.max(this.#quietUntilMs, nowMs + durationMs);
    this.#back.clear();
  }

  /** How much longer there are no verdicts on those who are not back yet, in milliseconds; 0 if there are on all. */
  get heldForMs(): number {
    return Math.max(0, this.#quietUntilMs - this.#options.clock.monotonicMs());
  }

  /**
   * Whether somebody was seen to be there since the last hold began: whoever is missing then has not merely failed to come back.
   *
   * @param instance who
   */
  wasBack(instance: string): boolean {
    return this.#back.has(instance);
  }

  /** Somebody may be a target who was none: a prober with nobody to probe looks again within one interval. */
  wake(): void {
    if (!this.#resting) return;
    this.#timer?.cancel();
    this.#arm(1);
  }

  /**
   * Somebody may have gone: it is asked for at once, if it is a target, and not only in the next round.
   *
   * @param instance who
   */
  suspect(instance: string): void {
    if (this.#closed || !this.#options.targets().includes(instance)) return;
    const instances = this.#notAsked([instance]);
    if (instances.length > 0) void this.#ask(instances);
  }

  /** Ends the probing: no call-back comes afterwards. */
  close(): void {
    this.#closed = true;
    this.#closing?.abort();
    this.#timer?.cancel();
  }

  #arm(targetCount: number): void {
    if (this.#closed) return;
    const { clock, random, intervalMs, budgetPerSecond } = this.#options;
    this.#resting = targetCount === 0;
    const roundMs = this.#resting
      ? intervalMs * REST_FACTOR
      : Math.max(intervalMs, targetCount * 1000 / budgetPerSecond / MEAN_JITTER);
    this.#timer = clock.setTimer(jitter(random, roundMs), () => this.#round());
  }

  #round(): void {
    const targets = this.#options.targets();
    const instances = this.#asking.size === 0 ? targets : this.#notAsked(targets);
    if (instances.length > 0) void this.#ask(instances);
    this.#arm(targets.length);
  }

  /** Those that are not being asked for already: usually all, as an answer comes long before the next round. */
  #notAsked(targets: readonly string[]): readonly string[] {
    const asking = new Set([...this.#asking].flat());
    return targets.filter((instance) => !asking.has(instance));
  }

  async #ask(instances: readonly string[]): Promise<void> {
    const { clock, onGone } = this.#options;
    this.#closing ??= new AbortController();
    const { signal } = this.#closing;
    const startedAtMs = clock.monotonicMs();
    this.#asking.add(instances);
    const missing = await findMissing(this.#options, instances, signal);
    this.#asking.delete(instances);
    if (missing === undefined) return;
    this.#noteBack(instances, missing, startedAtMs);
    if (missing.length === 0) return;
    this.#asking.add(missing);
    const reading = this.#revisionsOf(missing);
    const gone = await confirmMissing(this.#options, missing, signal, reading);
    const revisions = await reading;
    this.#asking.delete(missing);
    for (const instance of gone) {
      // A question that began before the hold is void, even if only its first half did; one that began within it is, unless who is
      // missing was there already: a second question is asked only when the first has ended, so that was before this one.
      const isExcused = startedAtMs <= this.#heldSinceMs || !this.#back.has(instance);
      if (signal.aborted || (startedAtMs < this.#quietUntilMs && isExcused)) continue;
      onGone(instance, revisions.get(instance));
    }
  }

  async #revisionsOf(instances: readonly string[]): Promise<Map<string, number | undefined>> {
    const { revisionOf } = this.#options;
    return new Map(
      await Promise.all(
        instances.map(async (instance) => [instance, await revisionOf?.(instance)] as const),
      ),
    );
  }

  /** Keeps who was there, as long as that makes a difference. */
  #noteBack(instances: readonly string[], missing: readonly string[], startedAtMs: number): void {
    if (startedAtMs <= this.#heldSinceMs || startedAtMs >= this.#quietUntilMs) return;
    const nobodyAt = new Set(missing);
    for (const instance of instances) if (!nobodyAt.has(instance)) this.#back.add(instance);
  }
}

/** Those of some instances for whom the server says that nobody is there, asked once; undefined if it did not say. Never rejects. */
async function findMissing(
  options: ProbeOptions,
  instances: readonly string[],
  signal?: AbortSignal,
): Promise<readonly string[] | undefined> {
  const { group, messaging, timeoutMs, onMiss } = options;
  if (signal?.aborted) return undefined;
  const subjects = instances.map((instance) => probeSubject(group, instance));
  let unserved: readonly string[];
  try {
    unserved = await messaging.unserved(subjects, timeoutMs);
  } catch (error) {
    // Our own connection is slow or down, or we may not ask: that says nothing of others.
    if (isPartiError(error, "PARTI_TIMEOUT") && !signal?.aborted) {
      for (const instance of instances) onMiss?.(instance, "timeout");
    }
    return undefined;
  }
  if (signal?.aborted) return undefined;
  if (unserved.length === 0) return [];
  const nobodyAt = new Set(unserved);
  const missing = instances.filter((_, i) => nobodyAt.has(subjects[i]!));
  for (const instance of missing) onMiss?.(instance, "no-responders");
  return missing;
}

/** Those of the missing that are missing still, a grace later and not before something else is over. Never rejects. */
async function confirmMissing(
  options: ProbeOptions,
  missing: readonly string[],
  signal?: AbortSignal,
  meanwhile?: Promise<unknown>,
): Promise<readonly string[]> {
  if (missing.length === 0) return [];
  await Promise.all([sleep(options.clock, options.graceMs, signal), meanwhile]);
  return await findMissing(options, missing, signal) ?? [];
}

/**
 * Asks twice whether anybody is there for an instance.
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
  const missing = await findMissing(options, [instance], signal) ?? [];
  return (await confirmMissing(options, missing, signal)).length > 0;
}

/**
 * Listens to probes for an instance until closed, and answers whoever asks a question: of a probe it is not told.
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
