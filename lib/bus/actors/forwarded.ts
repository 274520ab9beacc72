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
  readonly onGone: (call: Call) => void;
}

/** Calls that were sent on and whose time is not over. Whether they were answered is not known here. */
export class Forwarded {
  readonly #calls = new Map<string, Set<Incoming>>();
  readonly #lookout: Lookout;

  /** @param options what is needed */
  constructor({ world, everyMs, isOver, onGone }: ForwardedOptions) {
    this.#lookout = new Lookout({
      ...{ world, everyMs, isOver },
      subjects: () => this.#subjects(),
      isNeeded: () => this.#calls.size > 0,
      onGone: (subject) => {
        const calls = this.#calls.get(subject);
        this.#calls.delete(subject);
        for (const { call, leftMs } of calls ?? []) if (leftMs > 0) onGone(call);
      },
    });
  }

  /** A call was sent on. */
  add(incoming: Incoming, subject: string): void {
    const calls = this.#calls.get(subject) ?? new Set<Incoming>();
    this.#calls.set(subject, calls.add(incoming));
    this.#lookout.wake();
  }

  /** Looks no more. */
  async close(): Promise<void> {
    this.#calls.clear();
    await this.#lookout.close();
  }

  /** Where calls are whose time is not over; the others are forgotten. */
  #subjects(): string[] {
    for (const [subject, calls] of this.#calls) {
      for (const incoming of calls) if (incoming.leftMs <= 0) calls.delete(incoming);
      if (calls.size === 0) this.#calls.delete(subject);
    }
    return [...this.#calls.keys()];
  }
}
