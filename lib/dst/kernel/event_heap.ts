/**
 * The events to come, soonest first. Of those at the same instant the seed decides which is first, and after that the order in which
 * they were scheduled.
 *
 * @module
 */
import type { Draws } from "../draw.ts";
import type { Timer } from "../../ports/clock.ts";

/** A process to which events happen. */
export interface EventOwner {
  /** Its name, for traces. */
  readonly name: string;
  /** Decides among its events of one instant, by label. The kernel fills it. */
  readonly ties: Map<string, Draws>;
  /** It is dead: nothing happens to it any more. */
  readonly dead: boolean;
  /** Holds an event back while the process is paused. Returns false if it is not. */
  hold(event: SimEvent): boolean;
}

/** Something that will happen. It is its own handle, so that scheduling makes one object only. */
export class SimEvent implements Timer {
  /** When, in virtual milliseconds. Only the kernel moves an event, when its process goes on after a pause. */
  atMs: number;
  /** Decides among events of one instant. */
  tie: number;
  /** The order of scheduling. */
  serial: number;
  /** What it is, for traces. */
  readonly label: string;
  /** To whom it happens; undefined if it happens to nobody's process. */
  readonly owner: EventOwner | undefined;
  /** Makes it happen. */
  readonly fire: () => void;
  /** It settles no promise and wakes nobody, so nothing runs after it. */
  readonly quiet: boolean;
  /** The heap it waits in, while it does. Only the heap sets it. */
  heap: EventHeap | undefined = undefined;
  #cancelled = false;

  /**
   * It waits in no heap yet. A run makes millions of them: an object of named fields for each would be garbage at once.
   *
   * @param atMs when, in virtual milliseconds
   * @param tie decides among events of one instant
   * @param serial the order of scheduling
   * @param label what it is, for traces
   * @param owner to whom it happens
   * @param fire makes it happen
   * @param quiet it settles no promise and wakes nobody
   */
  constructor(
    atMs: number,
    tie: number,
    serial: number,
    label: string,
    owner: EventOwner | undefined,
    fire: () => void,
    quiet: boolean,
  ) {
    this.atMs = atMs;
    this.tie = tie;
    this.serial = serial;
    this.label = label;
    this.owner = owner;
    this.fire = fire;
    this.quiet = quiet;
  }

  /** It will not happen. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** See {@linkcode Timer.cancel}. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.heap?.noteCancelled();
  }
}

/** Fewer cancelled events than this are not worth looking for. */
const CROWD = 256;

/** A binary heap. */
export class EventHeap {
  #events: SimEvent[] = [];
  #cancelled = 0;

  /** How many events are in it, cancelled ones included. */
  get size(): number {
    return this.#events.length;
  }

  /** How many events are in it that were not cancelled. */
  get liveCount(): number {
    return this.#events.length - this.#cancelled;
  }

  /** Puts an event in. It must be in no heap. */
  push(event: SimEvent): void {
    const events = this.#events;
    event.heap = this;
    if (event.cancelled) this.#cancelled++;
    events.push(event);
    this.#rise(events.length - 1, event);
  }

  /** Takes the soonest out; undefined if there is none. */
  pop(): SimEvent | undefined {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (first === undefined || last === undefined) return undefined;
    first.heap = undefined;
    if (first.cancelled) this.#cancelled--;
    if (events.length > 0) this.#sink(0, last);
    return first;
  }

  /** An event in it was cancelled. Requests cancel their timeouts long before these are due, so the heap is swept now and then. */
  noteCancelled(): void {
    this.#cancelled++;
    if (this.#cancelled >= CROWD && this.#cancelled * 2 > this.#events.length) this.#sweep();
  }

  /** All events in it, in no order. */
  all(): readonly SimEvent[] {
    return this.#events;
  }

  /** Throws cancelled events out. The order of all others is total, so it changes nothing of what comes out when. */
  #sweep(): void {
    const kept: SimEvent[] = [];
    for (const event of this.#events) {
      if (event.cancelled) event.heap = undefined;
      else kept.push(event);
    }
    this.#events = kept;
    this.#cancelled = 0;
    for (let index = (kept.length >> 1) - 1; index >= 0; index--) this.#sink(index, kept[index]!);
  }

  #rise(from: number, event: SimEvent): void {
    const events = this.#events;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, events[parent]!)) break;
      events[index] = events[parent]!;
      index = parent;
    }
    events[index] = event;
  }

  #sink(from: number, event: SimEvent): void {
    const events = this.#events;
    let index = from;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && isBefore(events[child + 1]!, events[child]!)) child++;
      if (!isBefore(events[child]!, event)) break;
      events[index] = events[child]!;
      index = child;
    }
    events[index] = event;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs;
  if (a.tie !== b.tie) return a.tie < b.tie;
  return a.serial < b.serial;
}
