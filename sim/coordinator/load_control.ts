/**
 * The coordinator's hand on the load: producers are told to start, those that come back too, and in the end to tell what they have
 * sent.
 *
 * @module
 */
import type { Messaging } from "../../lib/ports/messaging.ts";
import type { Fleet, Member } from "../run/fleet.ts";
import { command } from "../run/ask.ts";
import { orAborted, pauseFor, POLL_MS, untilFine } from "../run/wait.ts";
import { nowUs } from "../streams/message.ts";
import type { PartitionChanges, ProducerOrder } from "../wire/wire.ts";

/** What controlling the load needs. */
export interface LoadControlOptions {
  /** The processes. */
  readonly fleet: Pick<Fleet, "running">;
  /** The way to the children. */
  readonly messaging: Messaging;
  /** The run. */
  readonly runId: string;
  /** What partitions came and went until now. */
  readonly changes: () => PartitionChanges;
  /** Takes what makes the verdict unsure. */
  readonly doubts: string[];
  /** How long a producer may take to tell what it has sent, in milliseconds. */
  readonly patienceMs: number;
  /** Ends the run early. */
  readonly signal: AbortSignal;
}

const START_TIMEOUT_MS = 2_000;
/** Asked again if there is no answer by then: no timer of the runtime is longer than 24 days. */
const FINISH_TIMEOUT_MS = 60_000;

/** Starts and finishes the producers. */
export class LoadControl {
  readonly #options: LoadControlOptions;
  #isToldAll = true;

  /** @param options what it needs */
  constructor(options: LoadControlOptions) {
    this.#options = options;
  }

  /**
   * Has every producer started. Those that were killed come back as new processes and have to be told to start, too.
   *
   * @param signal ends it
   * @param loadFromUs when the load began, in microseconds since 1970
   */
  async keepStarted(signal: AbortSignal, loadFromUs: number): Promise<void> {
    const started = new Set<string>();
    while (!signal.aborted) {
      for (const producer of this.#options.fleet.running("producer")) {
        // Where nobody answers each of them takes its time.
        if (this.#options.signal.aborted) return;
        if (producer.readyUs === undefined || started.has(producer.process)) continue;
        // The clock may have been set back since another coordinator has begun the load.
        const elapsedMs = Math.max(0, (nowUs() - loadFromUs) / 1_000);
        const start = { command: "start", elapsedMs } as const;
        if (await this.#tell(producer, start, START_TIMEOUT_MS)) started.add(producer.process);
      }
      await pauseFor(POLL_MS);
    }
  }

  /** Whether every producer that was asked to finish has told all that it has sent. */
  get isToldAll(): boolean {
    return this.#isToldAll;
  }

  /** Ends all producers that run, each after it has told what it has sent. An interrupted run waits for none of them. */
  async finish(): Promise<void> {
    const { fleet, doubts, patienceMs, signal } = this.#options;
    const producers = fleet.running("producer");
    // One that was started again a moment ago has to be ready before it can tell what was sent.
    await untilFine(patienceMs, signal, () => {
      return producers.every(({ readyUs }) => readyUs !== undefined) ? undefined : "not ready";
    });
    const all = producers.map(async (producer) => {
      if (await this.#finishes(producer)) return void await producer.exited;
      this.#isToldAll = false;
      if (!signal.aborted) doubts.push(`${producer.process} could not tell what it has sent`);
    });
    await orAborted(Promise.all(all), signal);
  }

  /** Who reconnects at this moment is not there yet to be told: it is told again until there is no more time. */
  async #finishes(producer: Member): Promise<boolean> {
    const { patienceMs, signal } = this.#options;
    // From now on it may end at any time: that can be seen before its answer, which comes another way.
    setPhase(producer, "leaving");
    const deadlineMs = performance.now() + patienceMs;
    for (;;) {
      const leftMs = Math.min(FINISH_TIMEOUT_MS, Math.max(1, deadlineMs - performance.now()));
      if (await this.#tell(producer, { command: "finish" }, leftMs)) return true;
      // A producer ends well only when all that it has sent was told and answered.
      if (producer.phase === "gone") return (await producer.exited).code === 0;
      if (performance.now() >= deadlineMs || signal.aborted) break;
      await pauseFor(POLL_MS, signal);
    }
    // It goes on, and is asked to leave with all the others.
    setPhase(producer, "running");
    return false;
  }

  async #tell(member: Member, what: ProducerOrder, timeoutMs: number): Promise<boolean> {
    const { messaging, runId, changes } = this.#options;
    try {
      await command(messaging, runId, member, { ...what, changes: changes() }, timeoutMs);
      return true;
    } catch {
      return false;
    }
  }
}

function setPhase(member: Member, phase: Member["phase"]): void {
  member.phase = phase;
}
