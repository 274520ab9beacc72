/**
 * Looks after calls that were sent on: their callers look after the node they have sent to, not after the one that has the call now.
 *
 * @module
 */
import type { World } from "../../ports/world.ts";
import type { Call } from "../envelope.ts";
import type { Incoming } from "../incoming.ts";
import { Lookout, type LookoutOptions } from "../lookout.ts";

/** What is needed. */
export interface ForwardedOptions {
  /** Time and the server. */
  readonly world: Pick<World, "clock" | "messaging">;
  /** How often is looked, in milliseconds. */
  readonly everyMs: number;
  /** See {@linkcode LookoutOptions.isOver}. */
  readonly isOver: LookoutOptions["isOver"];
  /** Told of a call whose receiver has gone. */
  readonly onGone: (call: SentOn) => void;
}

/** What a refusal needs of a call: its payload may be large, and is somebody else's by now. */
export type SentOn = Pick<Call, "id" | "from" | "hops">;

interface Waiting extends SentOn {
  readonly subject: string;
  readonly endMs: number;
}

/** So many are remembered; of those before them their callers find out by their deadlines. */
const CALLS_MAX = 10_000;

/** Calls that were sent on and whose time is not over. Whether they were answered is not known here. */
export class Forwarded {
  readonly #clock: World["clock"];
  /** By ID, the oldest first. */
  readonly #calls = new Map<string, Waiting>();
  readonly #max: number;
  readonly #lookout: Lookout;

  /**
   * Remembers none yet.
   *
   * @param options what is needed
   * @param max how many are remembered
   */
  constructor({ world, everyMs, isOver, onGone }: ForwardedOptions, max = CALLS_MAX) {
    this.#clock = world.clock;
    this.#max = max;
    this.#lookout = new Lookout({
      ...{ world, everyMs, isOver },
      subjects: () => this.#subjects(),
      isNeeded: () => this.#calls.size > 0,
      onGone: (subject) => {
        for (const [id, call] of [...this.#calls]) {
          if (call.subject !== subject) continue;
          this.#calls.delete(id);
          if (call.endMs > this.#clock.monotonicMs()) onGone(call);
        }
      },
    });
  }

  /** How many are remembered. */
  get size(): number {
    return this.#calls.size;
  }

  /** A call was sent on. */
  add({ call: { id, from, hops }, leftMs }: Incoming, subject: string): void {
    const endMs = this.#clock.monotonicMs() + leftMs;
    this.#calls.set(id, { id, from, hops, endMs, subject });
    if (this.#calls.size > this.#max) {
      const [oldest] = this.#calls.keys();
      this.#calls.delete(oldest!);
    }
    this.#lookout.wake();
  }

  /** Looks no more. */
  async close(): Promise<void> {
    this.#calls.clear();
    await this.#lookout.close();
  }

  /** Where calls are whose time is not over; the others are forgotten. */
  #subjects(): Iterable<string> {
    const nowMs = this.#clock.monotonicMs();
    const subjects = new Set<string>();
    for (const [id, { endMs, subject }] of this.#calls) {
      if (endMs <= nowMs) this.#calls.delete(id);
      else subjects.add(subject);
    }
    return subjects;
  }
}
