/**
 * Looks after calls that wait for longer than usual: where nobody is any more no answer will come, and the server knows; and neither from a
 * life that is over, even if its process stands still and is about to go on.
 *
 * @module
 */
import { isPartiError, type PartiError } from "../errors.ts";
import type { Timer } from "../ports/clock.ts";
import type { World } from "../ports/world.ts";

/** What a lookout needs. */
export interface LookoutOptions {
  /** Time and the server. */
  readonly world: Pick<World, "clock" | "messaging">;
  /** After so long a call waits for longer than usual, in milliseconds; and so often is looked. */
  readonly everyMs: number;
  /** Where such calls were sent to. */
  readonly subjects: (olderThanMs: number) => Iterable<string>;
  /** Whether any call waits at all. */
  readonly isNeeded: () => boolean;
  /** Whether nobody will ever answer from there: a process that stands still is there as far as the server knows. Must not reject. */
  readonly isOver: (subject: string) => Promise<boolean>;
  /** Twice in a row nobody was there, or it is over; or this user may not send there, and then the server's refusal says so. */
  readonly onGone: (subject: string, refusal?: PartiError) => void;
}

/** Looks now and then, while there is somebody to look after. */
export class Lookout {
  readonly #options: LookoutOptions;
  /** Where nobody was the last time: a receiver that is about to reconnect is missing once. */
  #missing = new Set<string>();
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #closed = false;

  /** @param options what it needs */
  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  /** A call has begun to wait. */
  wake(): void {
    if (this.#closed || this.#looking !== undefined || this.#timer !== undefined) return;
    const { world, everyMs } = this.#options;
    this.#timer = world.clock.setTimer(everyMs, () => {
      this.#timer = undefined;
      this.#looking = this.#look().then(() => {
        this.#looking = undefined;
        if (this.#options.isNeeded()) this.wake();
        // Whoever was missing once may have been there since.
        else this.#missing.clear();
      });
    });
  }

  /** Looks no more; resolves when the present look is over. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { world, everyMs, subjects, onGone } = this.#options;
    const asked = [...subjects(everyMs)];
    for (const subject of asked) void this.#judge(subject);
    let unserved: readonly string[] = [];
    const refusals: PartiError[] = [];
    const onRefused = (refusal: PartiError): void => void refusals.push(refusal);
    try {
      if (asked.length > 0) {
        unserved = await world.messaging.unserved(asked, 2 * everyMs, onRefused);
      }
    } catch (error) {
      // Then nothing is known of any: the deadline decides.
      if (!isPartiError(error)) throw error;
    }
    if (this.#closed) return;
    for (const refusal of refusals) onGone(String(refusal.value), refusal);
    for (const subject of unserved) if (this.#missing.has(subject)) onGone(subject);
    this.#missing = new Set(unserved);
  }

  /** Not waited for: a proof may take longer than the server takes to say who is there. */
  async #judge(subject: string): Promise<void> {
    const { isOver, onGone } = this.#options;
    if (await isOver(subject) && !this.#closed) onGone(subject);
  }
}
