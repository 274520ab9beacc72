// @ts-check
/**
 * What all pictures of a page show: the stretch of time, and the moment that is looked at.
 *
 * @module
 */

/** The stretch and the moment; whoever shows them is told of changes. */
export class View {
  /** @param {readonly [number, number]} full all of the run, in seconds */
  constructor([from, until]) {
    this.full = /** @type {[number, number]} */ ([from, Math.max(until, from + 1)]);
    /** @type {[number, number]} */
    this.range = this.full;
    /** @type {number | null} */
    this.moment = null;
    /** @type {Set<() => void>} */
    this.listeners = new Set();
  }

  /** Whether only a part is shown. */
  get isZoomed() {
    return this.range[0] > this.full[0] || this.range[1] < this.full[1];
  }

  /**
   * There is more of the run. Who sees all of it goes on to do so; who looks closer at its end stays at the end.
   *
   * @param {readonly [number, number]} full all of the run by now
   */
  extend([from, until]) {
    const { isZoomed, range: [begin, end] } = this;
    const wasAtEnd = end >= this.full[1];
    this.full = /** @type {[number, number]} */ ([from, Math.max(until, from + 1)]);
    const last = isZoomed && !wasAtEnd ? Math.min(end, this.full[1]) : this.full[1];
    this.range = isZoomed ? [Math.max(from, last - (end - begin)), last] : this.full;
    this.#tell();
  }

  /**
   * Shows a stretch.
   *
   * @param {number} from its beginning; all of it lies in the run
   * @param {number} until its end
   */
  show(from, until) {
    const [first, last] = this.full;
    const shortest = Math.min(0.1, last - first);
    const length = Math.min(Math.max(until - from, shortest), last - first);
    const begin = Math.min(Math.max(from, first), last - length);
    if (begin === this.range[0] && begin + length === this.range[1]) return;
    this.range = [begin, begin + length];
    this.#tell();
  }

  /**
   * Shows more, or less, around the moment or the middle.
   *
   * @param {number} factor above 1 for more
   */
  zoom(factor) {
    const [from, until] = this.range;
    const middle = this.moment ?? (from + until) / 2;
    this.show(middle - (middle - from) * factor, middle + (until - middle) * factor);
  }

  /** Shows all. */
  reset() {
    this.show(...this.full);
  }

  /**
   * Looks at a moment.
   *
   * @param {number | null} moment in seconds; null for none
   */
  look(moment) {
    if (moment === this.moment) return;
    this.moment = moment;
    this.#tell();
  }

  /**
   * Does what a key asks for.
   *
   * @param {string} key its name
   * @param {number} step so many seconds an arrow goes
   * @returns {boolean} whether it asks for anything
   */
  press(key, step) {
    const [from, until] = this.range;
    const moment = this.moment ?? (from + until) / 2;
    switch (key) {
      case "ArrowLeft":
        this.#go(moment - step);
        return true;
      case "ArrowRight":
        this.#go(moment + step);
        return true;
      case "Home":
        this.look(from);
        return true;
      case "End":
        this.look(until);
        return true;
      case "+":
      case "=":
        this.zoom(0.5);
        return true;
      case "-":
        this.zoom(2);
        return true;
      case "0":
      case "Escape":
        this.reset();
        return true;
      default:
        return false;
    }
  }

  /**
   * Looks at a moment, and shows it if it is out of sight.
   *
   * @param {number} time when
   */
  #go(time) {
    const [first, last] = this.full;
    const moment = Math.min(last, Math.max(first, time));
    const [from, until] = this.range;
    const beyond = Math.min(0, moment - from) + Math.max(0, moment - until);
    this.show(from + beyond, until + beyond);
    this.look(moment);
  }

  #tell() {
    for (const listener of this.listeners) listener();
  }
}

/**
 * The sample that a moment lies in.
 *
 * @param {readonly number[]} ends the end of each sample
 * @param {number} moment in seconds
 * @returns {number} its place; the last one's after the end
 */
export function sampleAt(ends, moment) {
  let [low, high] = [0, ends.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ends[middle] ?? 0) < moment) low = middle + 1;
    else high = middle;
  }
  return low;
}
