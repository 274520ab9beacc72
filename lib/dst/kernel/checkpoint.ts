/**
 * Checkpoints: places at which the code lets others go first. V8 lets promises go on in a fixed order, so without them only events decide
 * who comes before whom.
 *
 * @module
 */
import { Draws } from "../draw.ts";

/**
 * Awaited at a place where something may come in between.
 *
 * @param name which place, unique in the code
 */
export type Checkpoint = (name: string) => Promise<void>;

/** In production nothing waits. */
export const noCheckpoint: Checkpoint = () => Promise.resolve();

/** How often a checkpoint takes some time. */
const DELAY_PROBABILITY = 0.25;
/** The longest time it takes, in milliseconds: the time a few messages are under way. */
const DELAY_MAX_MS = 1;

/** The checkpoints of one process. */
export class Checkpoints {
  readonly #seed: number;
  readonly #process: string;
  readonly #places = new Map<string, { readonly label: string; readonly draws: Draws }>();

  /**
   * @param seed the seed of the run
   * @param name the name of the process
   */
  constructor(seed: number, name: string) {
    this.#seed = seed;
    this.#process = name;
  }

  /**
   * Passes one.
   *
   * @param name which place
   * @returns what to call the event that follows, and in how many milliseconds it happens
   */
  pass(name: string): { readonly label: string; readonly delayMs: number } {
    let place = this.#places.get(name);
    if (place === undefined) {
      // Each place draws for itself: one more in the code changes nothing for the others.
      const label = `checkpoint ${name}`;
      place = { label, draws: new Draws(this.#seed, label, this.#process) };
      this.#places.set(name, place);
    }
    const { label, draws } = place;
    const delayMs = draws.chance(DELAY_PROBABILITY) ? draws.between(0, DELAY_MAX_MS) : 0;
    return { label, delayMs };
  }
}
