/**
 * Watches calls that begin an actor somewhere. A node is seen to live a moment before it listens, and a call that is sent there in that moment
 * is heard by nobody.
 *
 * @module
 */
import type { MessageBus } from "../../bus/bus.ts";
import { readPayload } from "./actor_payload.ts";

/** Watches. */
export class PlacedWatch {
  readonly #early = new Set<string>();
  readonly #listens: (subject: string) => boolean;

  /** @param listens whether a node listens there */
  constructor(listens: (subject: string) => boolean) {
    this.#listens = listens;
  }

  /** Watches what a bus sends from now on. */
  listen({ caller, outbox }: MessageBus): void {
    const [call, forward] = [caller.call.bind(caller), outbox.forward.bind(outbox)];
    caller.call = (send, errand, options) => {
      if (errand.placed && errand.subject !== undefined) this.#note(errand.payload, errand.subject);
      return call(send, errand, options);
    };
    outbox.forward = (incoming, subject, placed) => {
      if (placed) this.#note(incoming.call.payload, subject);
      return forward(incoming, subject, placed);
    };
  }

  /** Whether a call was sent to where nobody listened yet. */
  isEarly(token: string): boolean {
    return this.#early.has(token);
  }

  #note(payload: Uint8Array, subject: string): void {
    if (!this.#listens(subject)) this.#early.add(readPayload(payload).token);
  }
}
