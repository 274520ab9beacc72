/**
 * Watches that nothing is done twice without a reason. A message whose handler ended well by right is acknowledged, and before its
 * partition is let go the ack is confirmed. So as long as its worker keeps its lease nobody handles that message again: not the worker
 * itself, nor whoever has the partition after a move.
 *
 * @module
 */
import type { Assertions } from "../assertions/assertions.ts";
import type { CoreCatalog } from "./catalog.ts";
import type { Excuses } from "./excuses.ts";
import { describeStart, type HandlerStart } from "./handler_start.ts";

/** Sees what begins and what ends well. */
export class RepeatWatch {
  readonly #assertions: Assertions<CoreCatalog>;
  readonly #excuses: Excuses;
  /** Who ended each message well, by its partition and its place in the stream. */
  readonly #done = new Map<string, HandlerStart>();
  /** Whose acks may have found no lane, since the server has forgotten all of them. */
  readonly #withoutLanes = new Set<string>();

  /**
   * @param assertions where it tells what it finds
   * @param excuses whom the others may take for dead
   */
  constructor(assertions: Assertions<CoreCatalog>, excuses: Excuses) {
    this.#assertions = assertions;
    this.#excuses = excuses;
  }

  /**
   * The server has forgotten all lanes with its process, and acks on the way with them.
   *
   * @param instances who had any, and is excused
   */
  lanesForgotten(instances: readonly string[]): void {
    this.#done.clear();
    for (const instance of instances) this.#withoutLanes.add(instance);
  }

  /** An instance's excuse has ended: it has kept its lease. */
  unexcused(instance: string): void {
    this.#withoutLanes.delete(instance);
  }

  /** A handler starts. */
  begin(start: HandlerStart): void {
    const before = this.#done.get(placeOf(start));
    const { instance } = start.right;
    // Whoever was cut off may not have been able to acknowledge; whoever was overtaken may not know yet.
    const isBound = before !== undefined && !this.#excuses.has(before.right.instance) &&
      !this.#excuses.has(instance);
    this.#assertions.always(
      "what is done is not begun again",
      !isBound,
      () => `${describeStart(before!)} ended well, and ${describeStart(start)} starts`,
    );
  }

  /** A handler has ended well, and its right has lasted until then. */
  endedWell(start: HandlerStart): void {
    if (!this.#withoutLanes.has(start.right.instance)) this.#done.set(placeOf(start), start);
  }
}

function placeOf({ right: { partitionId }, sequence }: HandlerStart): string {
  return `${partitionId} ${sequence}`;
}
