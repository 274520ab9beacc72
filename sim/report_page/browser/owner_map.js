// @ts-check
/**
 * Who had which partition at which time, quick to look up and to paint.
 *
 * @module
 */

/**
 * @typedef {object} Owners
 * @property {number} partitions how many rows there are
 * @property {readonly string[]} workers their names
 * @property {readonly number[]} at when each change was, in seconds
 * @property {readonly number[]} partition whose change it was
 * @property {readonly number[]} owner the number of the worker from then on, -1 for nobody
 */

/** In the place of a worker's number: nobody any more, and nobody yet. */
export const NOBODY = -1;
export const NOT_YET = -2;

/** The changes, by partition. */
export class OwnerMap {
  #taken;

  /** @param {Owners} owners the changes, in their order */
  constructor(owners) {
    /** @type {{ at: number[], owner: number[] }[]} */
    this.rows = [];
    this.#taken = 0;
    this.take(owners);
  }

  /**
   * Takes what has been added to the changes since they were looked at last.
   *
   * @param {Owners} owners all of them, and how many partitions there are by now
   */
  take({ partitions, at, partition, owner }) {
    while (this.rows.length < partitions) this.rows.push({ at: [], owner: [] });
    for (; this.#taken < partition.length; this.#taken++) {
      const row = this.rows[partition[this.#taken] ?? NOBODY];
      if (row === undefined) continue;
      row.at.push(at[this.#taken] ?? 0);
      row.owner.push(owner[this.#taken] ?? NOBODY);
    }
  }

  /**
   * The owner of a partition.
   *
   * @param {number} partition its number
   * @param {number} time when, in seconds
   * @returns {number} the worker's number, or that there is none
   */
  ownerAt(partition, time) {
    const row = this.rows[partition];
    if (row === undefined) return NOT_YET;
    let [low, high] = [0, row.at.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((row.at[middle] ?? 0) <= time) low = middle + 1;
      else high = middle;
    }
    return row.owner[low - 1] ?? NOT_YET;
  }

  /**
   * The partitions in the order in which they are drawn.
   *
   * @param {"owner" | "number"} by whose they were when the load began, so that a worker's are together; or their numbers
   * @param {number} time when that was
   * @returns {number[]} their numbers, from top to bottom
   */
  order(by, time) {
    const all = this.rows.map((_, partition) => partition);
    if (by === "number") return all;
    const owners = all.map((partition) => this.ownerAt(partition, time));
    return all.sort((a, b) => (owners[a] ?? 0) - (owners[b] ?? 0) || a - b);
  }

  /**
   * Paints each owner over the time it was one. A time without an owner that is shorter than a pixel shows as one pixel, so that it is not
   * overlooked.
   *
   * @param {Uint32Array} pixels row by row
   * @param {number} width pixels in a row
   * @param {readonly number[]} order the partition of each row
   * @param {readonly [number, number]} range the time of the first pixel, and that after the last
   * @param {(owner: number) => number} colorOf the pixel for an owner
   */
  paint(pixels, width, order, [from, until], colorOf) {
    const scale = width / (until - from);
    order.forEach((partition, line) => {
      const row = this.rows[partition];
      if (row === undefined) return;
      let [begin, owner] = [0, this.ownerAt(partition, from)];
      const fill = (/** @type {number} */ end) => {
        pixels.fill(colorOf(owner), line * width + begin, line * width + end);
      };
      row.at.forEach((at, index) => {
        if (at <= from || at >= until) return;
        const place = Math.floor((at - from) * scale);
        const end = owner === NOBODY ? Math.min(width, Math.max(place, begin + 1)) : place;
        fill(end);
        [begin, owner] = [end, row.owner[index] ?? NOBODY];
      });
      fill(width);
    });
  }
}
