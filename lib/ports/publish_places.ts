/**
 * How many publications of one connection may wait for the stream's word at once, and who comes next when one has it. The real adapter and the
 * simulated one have the same places.
 *
 * @module
 */
import { DEFAULT_MAX_WAITING, tooManyWaitingForRoom } from "./publish_limit.ts";

/** How many publications may wait for the stream's word at once unless told otherwise. */
export const DEFAULT_MAX_IN_FLIGHT = 4_096;
/** So many of those that wait no more are cut off at once: `shift()` moves a long array each time. */
const CUT_AT = 1_024;

/** A queue. */
class Line {
  readonly #all: (() => void)[] = [];
  #first = 0;

  get length(): number {
    return this.#all.length - this.#first;
  }

  push(one: () => void): void {
    this.#all.push(one);
  }

  shift(): (() => void) | undefined {
    const next = this.#all[this.#first];
    if (next === undefined) return undefined;
    this.#first++;
    if (this.#first === this.#all.length || this.#first === CUT_AT) {
      this.#all.splice(0, this.#first);
      this.#first = 0;
    }
    return next;
  }
}

/** How many there are. */
export interface PublishPlacesOptions {
  /** How many publications may be under way at once. */
  readonly most: number;
  /** How many more may wait until they are sent. */
  readonly mostWaiting: number;
  /** How many may wait for room, who have not published yet. */
  readonly mostForRoom?: number;
}

/** The places of one connection's publications. */
export class PublishPlaces {
  readonly #most: number;
  readonly #mostWaiting: number;
  readonly #mostForRoom: number;
  readonly #waiting = new Line();
  /** These have published nothing yet, so all that has been published goes before them. */
  readonly #forRoom = new Line();
  #taken = 0;
  /** Places that were left and are not handed on yet. */
  #left = 0;
  #isHanding = false;

  /** @param options how many there are */
  constructor({ most, mostWaiting, mostForRoom = DEFAULT_MAX_WAITING }: PublishPlacesOptions) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
    this.#mostForRoom = mostForRoom;
  }

  /** Takes a place. Returns false if there is none. */
  take(): boolean {
    if (this.#taken >= this.#most) return false;
    this.#taken++;
    return true;
  }

  /**
   * Waits in line for a place.
   *
   * @param onTurn called when it is one's turn; the place is taken then
   * @returns false if as many wait already as may
   */
  wait(onTurn: () => void): boolean {
    if (this.#waiting.length >= this.#mostWaiting) return false;
    this.#waiting.push(onTurn);
    return true;
  }

  /**
   * Waits until there is a place, and does not take it. Each place that becomes free is told to one only of those who wait for room: whoever
   * publishes then, without waiting for anything else in between, finds it. Only what others publish without waiting for room, before that,
   * goes before it.
   *
   * @returns undefined if there is one; otherwise settles when there is; rejects with `PARTI_OVERLOADED` if as many wait for one as may
   */
  room(): Promise<void> | undefined {
    if (this.#taken < this.#most) return undefined;
    if (this.#forRoom.length >= this.#mostForRoom) {
      return Promise.reject(tooManyWaitingForRoom(this.#mostForRoom));
    }
    const turn = new Promise<void>((resolve) => this.#forRoom.push(resolve));
    // Told a little later, when all whose outcomes have come in one go with this place have heard of them.
    const told = turn.then(() => {});
    // The first to be called when it is told, so the place is free just before whoever waits goes on, and for nobody else.
    void told.then(() => this.#offer());
    return told;
  }

  /** Leaves a place. It goes to the one who waits longest, at once: whoever publishes next comes behind. */
  readonly leave = (): void => {
    this.#left++;
    // What is sent from here may fail at once and so leave its place, too: that would go deeper for each that waits.
    if (this.#isHanding) return;
    this.#isHanding = true;
    while (this.#left > 0) {
      this.#left--;
      const next = this.#waiting.shift() ?? this.#forRoom.shift();
      // Handed on, the count stays as it is. For one who waits for room it is kept until that one goes on.
      if (next === undefined) this.#taken--;
      else next();
    }
    this.#isHanding = false;
  };

  #offer(): void {
    if (this.#waiting.length > 0) {
      this.leave();
      return;
    }
    this.#taken--;
    // One who thinks better of it publishes nothing, and leaves nothing: the place is for the next one who waits for room.
    void Promise.resolve().then(() => {
      if (this.#forRoom.length > 0 && this.take()) this.leave();
    });
  }
}
