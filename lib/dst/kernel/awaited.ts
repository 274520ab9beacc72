/**
 * What is waited for, by name, so that a deadlock can say more than that nothing happens.
 *
 * @module
 */
import type { EventOwner } from "./event_heap.ts";

interface Waiting {
  readonly name: string;
  readonly owner: EventOwner | undefined;
}

/** Everything that is waited for at the moment. */
export class Awaited {
  readonly #waiting = new Set<Waiting>();
  readonly #stopped = new Set<EventOwner>();

  /**
   * Names a wait until the promise settles.
   *
   * @param name what is waited for
   * @param promise the waiting itself
   * @param owner whose wait it is. With a process that is dead nobody waits any more
   * @returns a promise that settles as the one given does
   */
  add<T>(name: string, promise: Promise<T>, owner?: EventOwner): Promise<T> {
    const waiting = { name, owner };
    this.#waiting.add(waiting);
    // A derived promise is returned: a second handler on the same one would hide a rejection that nobody else handles.
    return promise.finally(() => void this.#waiting.delete(waiting));
  }

  /** A paused process holds events back. */
  held(owner: EventOwner): void {
    this.#stopped.add(owner);
  }

  /** It does so no more. */
  released(owner: EventOwner): void {
    this.#stopped.delete(owner);
  }

  /** Says what is waited for, each name once, and who could go on if it were not paused. */
  describe(): string {
    const names = new Set<string>();
    for (const { name, owner } of this.#waiting) {
      if (owner === undefined) names.add(name);
      else if (!owner.dead) names.add(`${name} (${owner.name})`);
    }
    for (const { name, dead } of this.#stopped) if (!dead) names.add(`${name}, which is paused`);
    return names.size === 0 ? "something without a name" : [...names].sort().join("; ");
  }
}
