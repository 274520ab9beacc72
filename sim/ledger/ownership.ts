/**
 * Tells from the order of effects whether two workers ever had one partition at the same time.
 *
 * @module
 */
import type { Effect } from "../streams/effect.ts";
import { CLOCK_TOLERANCE_US } from "./spans.ts";

/** Two owners mixed up in one partition. */
export interface Interleaving {
  /** What was seen. */
  readonly kind: "returned" | "overlapped";
  /** One sentence for people. */
  readonly detail: string;
  /** The effect that it is mixed up with. */
  readonly other: Effect;
}

/** What is known of a partition's owners, as JSON holds it. */
export interface SavedOwnership {
  /** The last effect. */
  readonly last?: Effect;
  /** The last one by somebody else. */
  readonly lastByOther?: Effect;
  /** All owners, the last one at the end. */
  readonly owners: readonly string[];
}

/** Owners remembered per partition: a day of chaos has far fewer that could come back. */
const MAX_OWNERS = 64;

/** The owners of one partition, as its effects show them. */
export class OwnershipTracker {
  /** The last effect of all. */
  #last: Effect | undefined;
  /** The last effect by somebody else than the last owner. */
  #lastByOther: Effect | undefined;
  readonly #owners = new Set<string>();

  /**
   * Takes the next effect in the order of the output stream.
   *
   * Two things are wrong: an owner that *returns* after another one without having been given the partition anew (A, B, A
   * where the last A acts under an ownership no newer than B's), and two handlers by different owners that *overlapped* in
   * time although both effects were accepted. A handler's time ends when its effect is stored: what a paused worker does
   * with its old message after that harms nobody.
   *
   * @param effect the effect
   * @param clockDoubtUs by how much clocks may differ beyond what is common, in microseconds: the server's stamps the end, the worker's the beginning
   * @returns what is wrong with it, if anything
   */
  accept(effect: Effect, clockDoubtUs = 0): Interleaving[] {
    const found: Interleaving[] = [];
    const last = this.#last;
    if (last !== undefined && last.instance !== effect.instance) {
      if (this.#owners.has(effect.instance) && compareTokens(effect, last) <= 0) {
        found.push({
          kind: "returned",
          detail: `${describe(effect)} came back after ${describe(last)}`,
          other: last,
        });
      }
      this.#lastByOther = last;
    }
    const other = this.#lastByOther;
    const toleranceUs = CLOCK_TOLERANCE_US + clockDoubtUs;
    if (other !== undefined && effect.startUs < other.storedUs - toleranceUs) {
      const overlapMs = (other.storedUs - effect.startUs) / 1_000;
      found.push({
        kind: "overlapped",
        detail: `${describe(effect)} began ${overlapMs.toFixed(1)}ms before ${describe(other)} ` +
          "was done",
        other,
      });
    }
    this.#remember(effect.instance);
    this.#last = effect;
    return found;
  }

  /** What is known, as JSON holds it. */
  save(): SavedOwnership {
    return {
      ...(this.#last === undefined ? {} : { last: this.#last }),
      ...(this.#lastByOther === undefined ? {} : { lastByOther: this.#lastByOther }),
      owners: [...this.#owners],
    };
  }

  /**
   * Makes a tracker that goes on from there.
   *
   * @param saved what was known
   */
  static load({ last, lastByOther, owners }: SavedOwnership): OwnershipTracker {
    const tracker = new OwnershipTracker();
    tracker.#last = last;
    tracker.#lastByOther = lastByOther;
    for (const owner of owners) tracker.#owners.add(owner);
    return tracker;
  }

  #remember(instance: string): void {
    this.#owners.delete(instance);
    this.#owners.add(instance);
    if (this.#owners.size > MAX_OWNERS) this.#owners.delete(this.#owners.values().next().value!);
  }
}

function compareTokens(a: Effect, b: Effect): number {
  return a.epoch - b.epoch || a.generation - b.generation;
}

function describe(effect: Effect): string {
  const { process, epoch, generation, sequence } = effect;
  return `${process} (epoch ${epoch}, generation ${generation}, sequence ${sequence})`;
}
