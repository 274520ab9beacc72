/**
 * How many publications of one connection may wait for the stream's word at once; the next one waits until there is room.
 *
 * @module
 */

/** How many unless told otherwise: as many as the real adapter lets through. */
export const DEFAULT_MAX_IN_FLIGHT = 4_096;

/** A gate, as the publisher of the real adapter is one. */
export class PublishGate {
  readonly #max: number;
  #waiting: (() => void)[] = [];
  /** The first one still waiting; those before it are cut off in bulk. */
  #first = 0;
  #inFlight = 0;

  /** @param max how many may be inside at once */
  constructor(max: number = DEFAULT_MAX_IN_FLIGHT) {
    this.#max = max;
  }

  /** How many are inside. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length - this.#first;
  }

  /** Goes in: at once if there is room, else when it is one's turn. Returns undefined if it was at once. */
  enter(): Promise<void> | undefined {
    if (this.#inFlight >= this.#max) {
      return new Promise<void>((resolve) => void this.#waiting.push(resolve));
    }
    this.#inFlight++;
    return undefined;
  }

  /** Waits until there is room, and does not take it. Returns undefined if there is. */
  room(): Promise<void> | undefined {
    return this.#inFlight < this.#max ? undefined : this.enter()?.then(() => this.leave());
  }

  /** Goes out. The place goes to the one who waits longest, if somebody does. */
  leave(): void {
    const next = this.#waiting[this.#first];
    if (next === undefined) {
      this.#inFlight--;
      return;
    }
    this.#first++;
    if (this.#first === this.#waiting.length || this.#first >= this.#max) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    next();
  }
}
