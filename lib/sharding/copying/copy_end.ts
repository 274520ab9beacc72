/**
 * What ends a copier: whoever has it, or the connection being closed for good.
 *
 * @module
 */
import { follow } from "../../abort.ts";
import { isPartiError, PartiError } from "../../errors.ts";
import type { Messaging, Subscription } from "../../ports/messaging.ts";

/** The end of one copier. */
export class CopyEnd {
  readonly #controller = new AbortController();
  readonly #status: Subscription;
  readonly #unfollow: () => void;

  /**
   * Watches for the end.
   *
   * @param messaging the connection
   * @param signal what else ends it
   */
  constructor(messaging: Pick<Messaging, "onStatus">, signal: AbortSignal | undefined) {
    this.#status = messaging.onStatus((status) => {
      if (status === "closed") this.#controller.abort(closedForGood());
    });
    this.#unfollow = signal === undefined ? () => {} : follow(this.#controller, signal);
  }

  /** Fires when it is all over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why it could not go on; undefined if it has not ended, or because somebody wanted it to. */
  get failure(): PartiError | undefined {
    const reason: unknown = this.signal.reason;
    return isPartiError(reason) ? reason : undefined;
  }

  /** Ends it. */
  now(): void {
    this.#controller.abort();
  }

  /** Watches no longer. */
  release(): void {
    this.#status.close();
    this.#unfollow();
  }
}

function closedForGood(): PartiError {
  return new PartiError("PARTI_DISCONNECTED", "the copier's connection is closed for good", {
    hint: "open a new connection, and start a copier over it: it goes on where this one was",
  });
}
