/**
 * Whom chaos hits: chosen when it happens, among those alive, by the numbers of the plan.
 *
 * @module
 */
import type { Messaging } from "../../lib/ports/messaging.ts";
import type { Gone } from "../measure/recovery.ts";
import type { Fleet, Member } from "../run/fleet.ts";
import { askStatus } from "../run/ask.ts";
import { pauseFor } from "../run/wait.ts";
import { chooseVictim, type PlannedChaos } from "./chaos_plan.ts";

/** What a worker owns. */
export type Owned = Pick<Gone, "partitions" | "epoch" | "generation">;

/** What choosing needs. */
export interface ChaosTargetsOptions {
  /** The processes. */
  readonly fleet: Pick<Fleet, "running">;
  /** The run. */
  readonly runId: string;
  /** The way to the children. */
  readonly messaging: Messaging;
  /** The fleet is never smaller than this. */
  readonly minWorkers: number;
  /** Whether something that lasts happens to a process already: what comes of a second blow would tell nothing. */
  readonly isUnder: (process: string) => boolean;
}

const FIND_LEADER_MS = 5_000;
const FIND_LEADER_PAUSE_MS = 100;

/** Chooses. */
export class ChaosTargets {
  readonly #options: ChaosTargetsOptions;

  /** @param options what it needs */
  constructor(options: ChaosTargetsOptions) {
    this.#options = options;
  }

  /** How many workers can go before the fleet is too small; below 0 if it is too small already. */
  get spare(): number {
    const { fleet, minWorkers } = this.#options;
    return fleet.running("worker").length - minWorkers;
  }

  /**
   * Running workers by the event's picks, nobody twice, and nobody who stands still, is cut off or slow already. Only those that have
   * joined: the rest have nothing to lose. Where nobody has, those that have reported themselves: a process that has not would end by the
   * signal that asks it to leave.
   *
   * @param event the event
   * @param count how many at most
   * @returns the workers; fewer where fewer run
   */
  workers(event: PlannedChaos, count: number): Member[] {
    const ready = this.#well.filter(({ readyUs }) => readyUs !== undefined);
    let candidates = ready.filter(({ status }) => status?.state === "Stable");
    if (candidates.length === 0) candidates = ready;
    const victims: Member[] = [];
    for (const pick of event.picks.slice(0, Math.max(0, count))) {
      const victim = choose(candidates, pick);
      if (victim === undefined) break;
      victims.push(victim);
      candidates = candidates.filter((member) => member !== victim);
    }
    return victims;
  }

  /**
   * A producer that is ready, by the event's pick.
   *
   * @param event the event
   * @returns the producer; undefined if none is ready
   */
  producer(event: PlannedChaos): Member | undefined {
    const { fleet } = this.#options;
    const producers = fleet.running("producer").filter(({ readyUs }) => readyUs !== undefined);
    return choose(producers, event.picks[0]!);
  }

  /**
   * A search for the leader as it is now, that can be asked more than once; of two that think they lead, the one with the higher epoch does.
   * One that stands still, is cut off or slow is none: it is waited for who comes after it.
   *
   * @param signal ends the waiting: then it is looked once more and no longer
   * @returns gives the leader; undefined if nobody leads for 5 s since the search began
   */
  leaders(signal: AbortSignal): () => Promise<Member | undefined> {
    const deadlineMs = performance.now() + FIND_LEADER_MS;
    return async () => {
      while (performance.now() < deadlineMs) {
        const isLast = signal.aborted;
        const leader = await this.#leader();
        if (leader !== undefined && this.isWell(leader)) return leader;
        if (isLast) break;
        await pauseFor(FIND_LEADER_PAUSE_MS, signal);
      }
      return undefined;
    };
  }

  async #leader(): Promise<Member | undefined> {
    const { messaging, runId } = this.#options;
    const answers = await Promise.all(this.#well.map(async (member) => {
      return { member, status: await askStatus(messaging, runId, member) };
    }));
    const leaders = answers.filter(({ status }) => status?.leader === true);
    return leaders.sort((a, b) => b.status!.epoch - a.status!.epoch)[0]?.member;
  }

  /**
   * Whether a worker runs and nothing that lasts happens to it.
   *
   * @param member the worker
   */
  isWell({ phase, process }: Member): boolean {
    return phase === "running" && !this.#options.isUnder(process);
  }

  get #well(): Member[] {
    return this.#options.fleet.running("worker").filter((member) => this.isWell(member));
  }

  /**
   * What a worker owns and under what right, as it says itself.
   *
   * @param member the worker
   * @returns the partitions' numbers, and the assignment that it has applied
   */
  async owned(member: Member): Promise<Owned> {
    const { messaging, runId } = this.#options;
    const status = await askStatus(messaging, runId, member);
    const { owned: partitions = [], epoch = 0, generation = 0 } = status ?? {};
    return { partitions, epoch, generation };
  }
}

function choose(candidates: readonly Member[], pick: number): Member | undefined {
  const name = chooseVictim(candidates.map((member) => member.name), pick);
  return candidates.find((member) => member.name === name);
}
