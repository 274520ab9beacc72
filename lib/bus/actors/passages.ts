/**
 * Lives of actors that begin or end: no other life of the same actor begins meanwhile, and whoever stops waits for them.
 *
 * @module
 */
import type { Clock } from "../../ports/clock.ts";
import type { ActorId } from "./actor_id.ts";

/** One life that begins or ends. */
interface Passage {
  /** Resolves when it has; never rejects. */
  readonly done: Promise<void>;
  /** Nobody waits for it any more. */
  readonly giveUp: () => void;
}

/** All that begin or end at this moment. */
export class Passages {
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #passages = new Map<ActorId, Passage>();

  /** @param clock time */
  constructor(clock: Pick<Clock, "setTimer">) {
    this.#clock = clock;
  }

  /**
   * Begins a life, when no other of the same actor begins or ends.
   *
   * @param id the actor
   * @param giveUp called where nobody waits for it any more
   * @param begin begins it; what it throws is thrown here
   */
  async begin<T>(id: ActorId, giveUp: () => void, begin: () => Promise<T>): Promise<T> {
    // Behind one that fails to begin comes its end, and then another may have been quicker.
    for (let other; (other = this.#passages.get(id)) !== undefined;) await other.done;
    const { promise: done, resolve } = Promise.withResolvers<void>();
    this.#enter(id, { done, giveUp });
    try {
      return await begin();
    } finally {
      resolve();
    }
  }

  /**
   * A life ends.
   *
   * @param id the actor
   * @param giveUp called where nobody waits for it any more
   * @param done resolves when it has; never rejects
   */
  end(id: ActorId, giveUp: () => void, done: Promise<void>): void {
    this.#enter(id, { done, giveUp });
  }

  /**
   * Waits until no life begins or ends.
   *
   * @param graceMs how long at most, in milliseconds; those that take longer are given up
   */
  async settled(graceMs: number): Promise<void> {
    const { promise: graceOver, resolve } = Promise.withResolvers<void>();
    let isOver = false;
    const timer = this.#clock.setTimer(graceMs, () => {
      isOver = true;
      resolve();
    });
    while (this.#passages.size > 0 && !isOver) {
      const all = Promise.all([...this.#passages.values()].map(({ done }) => done));
      await Promise.race([all, graceOver]);
    }
    timer.cancel();
    for (const { giveUp } of this.#passages.values()) giveUp();
  }

  #enter(id: ActorId, passage: Passage): void {
    this.#passages.set(id, passage);
    void passage.done.then(() => {
      if (this.#passages.get(id) === passage) this.#passages.delete(id);
    });
  }
}
