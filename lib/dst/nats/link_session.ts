/**
 * A connection as the server sees it.
 *
 * @module
 */
import type { Pipe } from "./pipe.ts";
import type { ServerSession } from "./server.ts";

/** The server's end of a link. */
export class LinkSession implements ServerSession {
  /** See {@linkcode ServerSession.id}. */
  readonly id: number;
  readonly #down: Pipe;
  readonly #listeners: (() => void)[] = [];
  open = true;

  constructor(id: number, down: Pipe) {
    this.id = id;
    this.#down = down;
  }

  push(label: string, arrive: () => void): void {
    if (this.open) this.#down.send(label, arrive);
  }

  onClose(listener: () => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
