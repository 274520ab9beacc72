/**
 * How many publications, and of how many bytes, may wait for the stream's word at once, and who comes next when one has it. The real adapter,
 * the simulated one and {@linkcode publishAgain} have the same places.
 *
 * Bytes count since all that is under way may lie in the client's own buffer: what is behind it, the client's pings as well, waits for
 * as long as the connection needs to take it.
 *
 * @module
 */
import type { PartiError } from "../errors.ts";
import {
  DEFAULT_MAX_WAITING,
  MAX_WAITING_BYTES,
  tooManyWaiting,
  tooManyWaitingForRoom,
} from "./publish_limit.ts";

/** How many publications may wait for the stream's word at once unless told otherwise. */
export const DEFAULT_MAX_IN_FLIGHT = 4_096;
/** How many bytes of them: a third of a second on 100 Mbit/s, and more than the small ones have together. */
export const DEFAULT_MAX_IN_FLIGHT_BYTES = 4 * 2 ** 20;
/** So many of those that wait no more are cut off at once: `shift()` moves a long array each time. */
const CUT_AT = 1_024;

/** A queue. */
class Line<T> {
  readonly #all: T[] = [];
  #first = 0;

  get length(): number {
    return this.#all.length - this.#first;
  }

  push(one: T): void {
    this.#all.push(one);
  }

  shift(): T | undefined {
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

/** One who waits for a place. */
interface Turn {
  readonly bytes: number;
  readonly come: () => void;
}

/** How many there are. */
export interface PublishPlacesOptions {
  /** How many publications may be under way at once. */
  readonly most: number;
  /** Of how many bytes; the last one that finds a place may go beyond it. */
  readonly mostBytes?: number;
  /** How many more may wait until they are sent. */
  readonly mostWaiting: number;
  /** Of how many bytes; the last one that may wait may go beyond it. */
  readonly mostWaitingBytes?: number;
  /** How many may wait for room, who have not published yet. */
  readonly mostForRoom?: number;
  /** Whether there is room for anybody who has not published yet; {@linkcode PublishPlaces.opened} says that it has become true. */
  readonly isOpen?: () => boolean;
}

/** The places of one connection's publications. */
export class PublishPlaces {
  readonly #most: number;
  readonly #mostBytes: number;
  readonly #mostWaiting: number;
  readonly #mostWaitingBytes: number;
  readonly #mostForRoom: number;
  readonly #isOpen: () => boolean;
  readonly #waiting = new Line<Turn>();
  /** These have published nothing yet, so all that has been published goes before them. */
  readonly #forRoom = new Line<() => void>();
  #taken = 0;
  #takenBytes = 0;
  #waitingBytes = 0;
  /** The bytes of the last one that took a place: who is told of room is most likely to publish as many. */
  #usualBytes = 0;
  #isHanding = false;

  /** @param options how many there are */
  constructor(options: PublishPlacesOptions) {
    this.#most = options.most;
    this.#mostBytes = options.mostBytes ?? DEFAULT_MAX_IN_FLIGHT_BYTES;
    this.#mostWaiting = options.mostWaiting;
    this.#mostWaitingBytes = options.mostWaitingBytes ?? MAX_WAITING_BYTES;
    this.#mostForRoom = options.mostForRoom ?? DEFAULT_MAX_WAITING;
    this.#isOpen = options.isOpen ?? (() => true);
  }

  /** How many bytes are under way. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /**
   * Takes a place.
   *
   * @param bytes for so many
   * @returns false if there is none
   */
  take(bytes: number): boolean {
    if (this.#waiting.length > 0 || !this.#hasPlace()) return false;
    this.#occupy(bytes);
    return true;
  }

  /**
   * Waits in line for a place.
   *
   * @param bytes for so many
   * @param onTurn called when it is one's turn; the place is taken then. It must not throw
   * @returns false if as many wait already as may
   */
  wait(bytes: number, onTurn: () => void): boolean {
    const isFull = this.#waiting.length >= this.#mostWaiting ||
      this.#waitingBytes >= this.#mostWaitingBytes;
    if (isFull) return false;
    this.#waiting.push({ bytes, come: onTurn });
    this.#waitingBytes += bytes;
    return true;
  }

  /**
   * Takes a place, or waits in line for one.
   *
   * @param subject where the publication goes, for the error
   * @param bytes for so many
   * @returns when the place is taken
   * @throws {PartiError} `PARTI_OVERLOADED` if as many wait already as may
   */
  async enter(subject: string, bytes: number): Promise<void> {
    if (this.take(bytes)) return;
    await new Promise<void>((resolve) => {
      if (!this.wait(bytes, resolve)) throw this.refusal(subject);
    });
  }

  /**
   * What is told to one who may not even wait.
   *
   * @param subject where the publication was to go
   * @returns `PARTI_OVERLOADED`
   */
  refusal(subject: string): PartiError {
    return tooManyWaiting(subject, this.#waiting.length, this.#waitingBytes);
  }

  /**
   * Waits until there is a place, and does not take it. Each place that becomes free is told to one only of those who wait for room: whoever
   * publishes then, without waiting for anything else in between, finds it. Only what others publish without waiting for room, before that,
   * goes before it.
   *
   * @returns undefined if there is one; otherwise settles when there is; rejects with `PARTI_OVERLOADED` if as many wait for one as may
   */
  room(): Promise<void> | undefined {
    if (this.#hasPlace() && this.#isOpen()) return undefined;
    if (this.#forRoom.length >= this.#mostForRoom) {
      return Promise.reject(tooManyWaitingForRoom(this.#mostForRoom));
    }
    let keptBytes = 0;
    const turn = new Promise<void>((resolve) =>
      this.#forRoom.push(() => {
        // Kept until the one who waits goes on.
        keptBytes = this.#usualBytes;
        this.#occupy(keptBytes);
        resolve();
      })
    );
    // Told a little later, when all whose outcomes have come in one go with this place have heard of them.
    const told = turn.then(() => {});
    // The first to be called when it is told, so the place is free just before whoever waits goes on, and for nobody else.
    void told.then(() => this.#offer(keptBytes));
    return told;
  }

  /** There is room again for those who have not published yet. */
  opened(): void {
    this.#hand();
  }

  /**
   * Leaves a place. What becomes free goes to those who wait longest, at once: whoever publishes next comes behind.
   *
   * @param bytes as many as it was taken for
   */
  leave(bytes: number): void {
    this.#taken--;
    this.#takenBytes -= bytes;
    this.#hand();
  }

  #hasPlace(): boolean {
    return this.#taken < this.#most && this.#takenBytes < this.#mostBytes;
  }

  #occupy(bytes: number): void {
    this.#taken++;
    this.#takenBytes += bytes;
    this.#usualBytes = bytes;
  }

  #hand(): void {
    if (this.#waiting.length === 0 && this.#forRoom.length === 0) return;
    // What is sent from here may fail at once and so leave its place, too: that would go deeper for each that waits.
    if (this.#isHanding) return;
    this.#isHanding = true;
    while (this.#hasPlace()) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        this.#waitingBytes -= next.bytes;
        this.#occupy(next.bytes);
        next.come();
        continue;
      }
      const tell = this.#isOpen() ? this.#forRoom.shift() : undefined;
      if (tell === undefined) break;
      tell();
    }
    this.#isHanding = false;
  }

  #offer(keptBytes: number): void {
    this.#taken--;
    this.#takenBytes -= keptBytes;
    // One who thinks better of it publishes nothing, and leaves nothing: the place is for the next one who waits for room.
    if (this.#waiting.length > 0) this.#hand();
    else void Promise.resolve().then(() => this.#hand());
  }
}
