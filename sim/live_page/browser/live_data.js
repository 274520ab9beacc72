// @ts-check
/**
 * What the page has been told so far, put together from messages.
 *
 * @module
 */

/**
 * @typedef {object} ChaosEvent
 * @property {number} number its place
 * @property {number} at when, in seconds
 * @property {number | null} until when all was well again
 * @property {string} type what
 * @property {string} target whom
 * @property {boolean} open whether the group is being waited for
 * @property {string | null} skipped why nothing was done
 * @property {string | null} failed why it failed
 */

/**
 * @typedef {object} Message see `live_message.ts`
 * @property {Record<string, any>} [facts]
 * @property {Record<string, any>} status
 * @property {[number, number]} range
 * @property {{ from: number, columns: Record<string, (number | null)[]> }} samples
 * @property {{ partitions: number, removed: number[], names: string[], at: number[], partition: number[], owner: number[] }} owners
 * @property {ChaosEvent[]} events
 * @property {Record<string, any>[]} workers
 * @property {{ atMs: number, tag: string, text: string }[]} log
 * @property {{ verdict: string, reasons: string[] }} [end]
 */

/** Of what was said, this much is kept. */
const MAX_SAID = 200;
const COLUMNS = [
  ...["at", "sent", "handled", "p50", "p99", "waiting", "stable", "workers", "moves", "gaps"],
  ...["wrong", "meanMb", "largestMb", "coordinatorMb", "serverMb"],
];

/** All of it. */
export class LiveData {
  /**
   * Where each event is, by its number: they are in the order in which they happened.
   *
   * @type {Map<number, number>}
   */
  #places = new Map();

  constructor() {
    /** The data of the pictures, as `report.html` has it. */
    this.pictures = {
      isLive: true,
      range: /** @type {[number, number]} */ ([0, 1]),
      samples: noSamples(),
      events:
        /** @type {{ number: number, at: number, until: number | null, text: string }[]} */ ([]),
      owners: noOwners(0),
    };
    /** @type {ChaosEvent[]} */
    this.events = [];
    /** @type {{ atMs: number, tag: string, text: string }[]} */
    this.said = [];
    /**
     * Who has each partition, as a place among the names; undefined for nobody yet, -1 for nobody any more.
     *
     * @type {(number | undefined)[]}
     */
    this.current = [];
    /**
     * Since when.
     *
     * @type {number[]}
     */
    this.since = [];
    /** @type {Set<number>} */
    this.removed = new Set();
    /** @type {Record<string, any>} */
    this.status = {};
    /** @type {Record<string, any>[]} */
    this.workers = [];
    /** @type {{ verdict: string, reasons: string[] } | undefined} */
    this.end = undefined;
    /** Counts up when somebody else has a partition. */
    this.changes = 0;
  }

  /** @param {number} partitions how many there are now */
  #forget(partitions) {
    this.pictures.samples = noSamples();
    this.pictures.owners = noOwners(partitions);
    this.changes++;
    for (const list of [this.events, this.said, this.current, this.since]) list.length = 0;
    this.#places.clear();
  }

  /**
   * Takes what is new.
   *
   * @param {Message} message what was told
   * @returns {boolean} whether all that was told before is to be forgotten
   */
  take({ facts, status, range, samples, owners, events, workers, log, end }) {
    const isAnew = facts !== undefined;
    if (isAnew) this.#forget(owners.partitions);
    this.pictures.range = range;
    Object.assign(this, { status, workers, end });
    for (const [name, values] of Object.entries(samples.columns)) {
      const column = this.pictures.samples[name] ?? [];
      column.length = samples.from;
      for (const value of values) column.push(value);
      this.pictures.samples[name] = column;
    }
    this.#takeOwners(owners);
    for (const event of events) {
      const place = this.#places.get(event.number) ?? this.events.length;
      this.#places.set(event.number, place);
      this.events[place] = event;
    }
    this.pictures.events = this.events.filter(({ skipped }) => skipped === null).map((event) => ({
      ...{ number: event.number, at: event.at, text: `${event.type} ${event.target}` },
      // While the group is waited for, all of the time until now is part of it.
      until: event.until ?? (event.open ? range[1] : null),
    }));
    this.said.push(...log);
    this.said.splice(0, this.said.length - MAX_SAID);
    return isAnew;
  }

  #takeOwners(
    /** @type {Message["owners"]} */ { partitions, removed, names, at, partition, owner },
  ) {
    const { owners } = this.pictures;
    owners.partitions = Math.max(owners.partitions, partitions);
    owners.workers.push(...names);
    if (removed.length !== this.removed.size) this.changes++;
    this.removed = new Set(removed);
    partition.forEach((number, index) => {
      const [time, worker] = [at[index] ?? 0, owner[index] ?? -1];
      owners.at.push(time);
      owners.partition.push(number);
      owners.owner.push(worker);
      this.current[number] = worker;
      this.since[number] = time;
    });
    this.changes += partition.length;
  }
}

/** @returns {Record<string, (number | null)[]>} */
function noSamples() {
  return Object.fromEntries(COLUMNS.map((name) => [name, []]));
}

/** @param {number} partitions how many there are */
function noOwners(partitions) {
  return {
    partitions,
    workers: /** @type {string[]} */ ([]),
    at: /** @type {number[]} */ ([]),
    partition: /** @type {number[]} */ ([]),
    owner: /** @type {number[]} */ ([]),
  };
}
