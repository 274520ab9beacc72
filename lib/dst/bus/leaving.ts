/**
 * Processes that leave in order while all goes on: actors are stopped, then the bus, and nothing may be left behind.
 *
 * @module
 */
import type { Always } from "../assertions/assertions.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { BusMember } from "./bus_cluster.ts";

const LOOK_MS = 100;
/** So long it may take once nothing is in the way any more: graces, requests that have got no answer, and then some, in milliseconds. */
const LEAVE_MS = 60_000;

/** What is asserted of it. */
export type LeavingNames = "nothing leaks" | "whoever leaves comes to its end";

/** Whoever leaves at this moment. */
export class Leaving {
  readonly #kernel: Kernel;
  readonly #assertions: Always<LeavingNames>;
  readonly #stop: (member: BusMember) => Promise<void>;
  readonly #members = new Set<BusMember>();

  /**
   * @param simulation the run
   * @param stop stops what a process has beside its bus
   */
  constructor(
    { kernel, assertions }: {
      readonly kernel: Kernel;
      readonly assertions: Always<LeavingNames>;
    },
    stop: (member: BusMember) => Promise<void>,
  ) {
    this.#kernel = kernel;
    this.#assertions = assertions;
    this.#stop = stop;
  }

  /**
   * A process leaves; one that stands still does when it goes on.
   *
   * @param member the process
   * @returns whether it has left; false if it leaves already, or dies before it has
   */
  async leave(member: BusMember): Promise<boolean> {
    if (this.#members.has(member)) return false;
    this.#members.add(member);
    const { owner, died } = member;
    await Promise.race([died, this.#goInOrder(member)]);
    this.#members.delete(member);
    return owner.exited;
  }

  /** Waits for whoever leaves at this moment, when nothing is in the way any more. */
  async settled(): Promise<void> {
    const untilMs = this.#kernel.nowMs + LEAVE_MS;
    while (this.#members.size > 0 && this.#kernel.nowMs < untilMs) {
      await this.#kernel.sleep(LOOK_MS, "whoever leaves");
    }
    const left = [...this.#members].map(({ owner }) => owner.name);
    const text = () => `${left.join(", ")} would not end`;
    this.#assertions.always("whoever leaves comes to its end", left.length === 0, text);
  }

  async #goInOrder(member: BusMember): Promise<void> {
    const { owner, bus, link } = member;
    await new Promise<void>((resolve) => void owner.schedule(0, "leave", resolve));
    await this.#stop(member);
    await bus.stop();
    // Whoever was told by that has timers of its own, and ends them.
    await this.#kernel.sleep(0, "the callers");
    // What was asked of the server and got no answer is given up after its time.
    while (link.inFlight > 0 && !owner.dead) await this.#kernel.sleep(LOOK_MS, "what is in flight");
    if (owner.dead) return;
    const left = owner.pendingTimers;
    this.#assertions.always("nothing leaks", left === 0, `${owner.name}: ${left} timers`);
    link.close();
    owner.exit();
  }
}
