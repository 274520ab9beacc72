/**
 * Where a node listens, and whether it may: a node that the server lets hear nothing must not look as if it had started.
 *
 * @module
 */
import type { PartiError } from "../errors.ts";
import type { Messaging, Subscription } from "../ports/messaging.ts";

/** What listens. */
export interface ListeningOptions {
  /** The connection. */
  readonly messaging: Messaging;
  /** Where. */
  readonly subject: string;
  /** Takes what comes. Must not throw. */
  readonly take: (bytes: Uint8Array) => void;
  /** Told of a refusal that nobody waits for: after a change of permissions. Must not throw. */
  readonly onRefused: (error: PartiError) => void;
}

/** A subject that is listened to. */
export class Listening implements Subscription {
  readonly #messaging: Messaging;
  readonly #subscription: Subscription;
  #refusal: PartiError | undefined;
  #isHeard = false;

  /**
   * Listens from now on.
   *
   * @param options what listens, and where
   */
  constructor({ messaging, subject, take, onRefused }: ListeningOptions) {
    this.#messaging = messaging;
    this.#subscription = messaging.subscribe(subject, ({ data }) => take(data), (error) => {
      this.#refusal = error;
      if (this.#isHeard) onRefused(error);
    });
  }

  /**
   * Waits until the server knows of it.
   *
   * @param timeoutMs how long that may take, in milliseconds
   * @throws {PartiError} `PARTI_REFUSED` if this user may not, or what the connection says
   */
  async heard(timeoutMs: number): Promise<void> {
    // The server refuses before it answers what was sent later.
    await this.#messaging.flush(timeoutMs);
    if (this.#refusal !== undefined) throw this.#refusal;
    this.#isHeard = true;
  }

  /** See {@linkcode Subscription.close}. */
  close(): void {
    this.#subscription.close();
  }
}
