/**
 * Many timers behind one of the runtime's. One of the runtime's own takes nearly a kilobyte, and a worker always has about a dozen
 * pending; here one is a small object in a heap.
 *
 * Each fires in a turn of its own, as the runtime's do: what follows from one is done before the next one fires, and what one throws is
 * the runtime's to report and stops nobody else.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Timer } from "../clock.ts";

/** What the timers stand on. */
export interface AlarmPorts {
  /** The time on the monotonic clock, in milliseconds. */
  readonly nowMs: () => number;
  /** Calls once after so many whole milliseconds, or somewhat earlier; returns what ends that. */
  readonly setAlarm: (delayMs: number, ring: () => void) => () => void;
  /** Calls once in another turn, as soon as can be. */
  readonly callSoon: (ring: () => void) => void;
}

/** The longest delay `setTimeout` takes; a longer one would fire at once. */
const ALARM_MAX_MS = 2 ** 31 - 1;

const thisProcess: AlarmPorts = {
  nowMs: () => performance.now(),
  setAlarm: (delayMs, ring) => {
    const id = setTimeout(ring, delayMs);
    return () => clearTimeout(id);
  },
  callSoon: (ring) => void setImmediate(ring),
};

/** Earlier than any timer is due. */
const AT_ONCE = -Infinity;

const nothing = (): void => {};

/** A timer. Once it has fired or was cancelled it holds nothing any more, however long somebody keeps it. */
class HeapTimer implements Timer {
  readonly dueMs: number;
  /** Of two that are due at one time the one that was set first fires first. */
  readonly serial: number;
  /** Where in the heap it is; undefined once it has left that. */
  place: number | undefined;
  fire: () => void;
  readonly #heap: TimerHeap;

  constructor(heap: TimerHeap, dueMs: number, serial: number, fire: () => void) {
    this.#heap = heap;
    this.dueMs = dueMs;
    this.serial = serial;
    this.fire = fire;
  }

  cancel(): void {
    this.#heap.cancel(this);
  }
}

/** Timers, the earliest first. As long as there are none, nothing is pending in the runtime. */
export class TimerHeap {
  readonly #ports: AlarmPorts;
  readonly #timers: HeapTimer[] = [];
  #nextSerial = 0;
  /** Ends the alarm that is set. */
  #endAlarm: () => void = nothing;
  /** For when it is set; undefined if none is, and `AT_ONCE` when the next turn has been asked for. */
  #ringsAtMs: number | undefined;

  /** @param ports what they stand on; by default this process */
  constructor(ports: AlarmPorts = thisProcess) {
    this.#ports = ports;
  }

  /** How many are pending. */
  get size(): number {
    return this.#timers.length;
  }

  /**
   * Sets a timer.
   *
   * @param delayMs it does not fire before so many milliseconds have passed
   * @param fire what to call then, once
   * @returns the timer
   */
  add(delayMs: number, fire: () => void): Timer {
    // What is no number is no delay, as it is for the runtime.
    const dueMs = this.#ports.nowMs() + (delayMs > 0 ? delayMs : 0);
    const timer = new HeapTimer(this, dueMs, this.#nextSerial++, fire);
    this.#rise(this.#timers.length, timer);
    this.#arm();
    return timer;
  }

  /**
   * Takes a timer out.
   *
   * @param timer one of these; harmless if it has fired or was cancelled before
   */
  cancel(timer: HeapTimer): void {
    if (timer.place === undefined) return;
    this.#remove(timer, timer.place);
    // Else an alarm that rings for nobody sets the next one.
    if (this.#timers.length === 0 && this.#ringsAtMs !== AT_ONCE) this.#disarm();
  }

  /** Fires the earliest, if it is due. */
  readonly #ring = (): void => {
    this.#disarm();
    const earliest = this.#timers[0];
    const isDue = earliest !== undefined && earliest.dueMs <= this.#ports.nowMs();
    const fire = isDue ? earliest.fire : nothing;
    if (isDue) this.#remove(earliest, 0);
    // Before it is called: it may throw.
    this.#arm();
    fire();
  };

  #disarm(): void {
    this.#endAlarm();
    this.#endAlarm = nothing;
    this.#ringsAtMs = undefined;
  }

  /** Sets the alarm for the earliest, unless it rings early enough as it is. */
  #arm(): void {
    const earliest = this.#timers[0];
    if (earliest === undefined) return;
    if (this.#ringsAtMs !== undefined && this.#ringsAtMs <= earliest.dueMs) return;
    this.#disarm();
    const leftMs = Math.ceil(earliest.dueMs - this.#ports.nowMs());
    if (leftMs > 0) {
      this.#ringsAtMs = earliest.dueMs;
      this.#endAlarm = this.#ports.setAlarm(Math.min(leftMs, ALARM_MAX_MS), this.#ring);
    } else {
      this.#ringsAtMs = AT_ONCE;
      this.#ports.callSoon(this.#ring);
    }
  }

  /** Takes a timer out of its place; the last one fills it. */
  #remove(timer: HeapTimer, place: number): void {
    timer.place = undefined;
    timer.fire = nothing;
    const last = this.#timers.pop()!;
    if (last === timer) return;
    if (isBefore(last, timer)) this.#rise(place, last);
    else this.#sink(place, last);
  }

  #put(place: number, timer: HeapTimer): void {
    this.#timers[place] = timer;
    timer.place = place;
  }

  #rise(from: number, timer: HeapTimer): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(timer, this.#timers[parent]!)) break;
      this.#put(place, this.#timers[parent]!);
      place = parent;
    }
    this.#put(place, timer);
  }

  #sink(from: number, timer: HeapTimer): void {
    const timers = this.#timers;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= timers.length) break;
      if (child + 1 < timers.length && isBefore(timers[child + 1]!, timers[child]!)) child++;
      if (!isBefore(timers[child]!, timer)) break;
      this.#put(place, timers[child]!);
      place = child;
    }
    this.#put(place, timer);
  }
}

function isBefore(a: HeapTimer, b: HeapTimer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.serial < b.serial);
}
