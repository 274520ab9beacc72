/**
 * What was done to processes and servers, and since when: so that it can be put back, and told to whoever did not see it.
 *
 * @module
 */
import { nowUs } from "../streams/message.ts";
import type { PastFault } from "./ground.ts";

/** The last ones: what was long ago has been told. */
const MAX_FAULTS = 1_000;

/** Something that goes on. */
interface OpenFault extends Omit<PastFault, "untilUs"> {
  /** Its name among those that go on. */
  readonly key: string;
}

/** The book of faults. */
export class PastFaults {
  readonly #open = new Map<string, OpenFault>();
  readonly #past: PastFault[] = [];

  /** Those that are over, in the order of their ends. */
  get all(): readonly PastFault[] {
    return this.#past;
  }

  /**
   * Something begins. What goes on already goes on as it did.
   *
   * @param kind what
   * @param key its name, by which it is ended
   * @param process to whom; empty for a server
   */
  begin(kind: PastFault["kind"], key: string, process = ""): void {
    if (!this.#open.has(key)) this.#open.set(key, { kind, key, process, fromUs: nowUs() });
  }

  /**
   * It is over, if it went on.
   *
   * @param key its name
   */
  end(key: string): void {
    const open = this.#open.get(key);
    if (open === undefined) return;
    this.#open.delete(key);
    const { kind, process, fromUs } = open;
    this.#past.push({ kind, process, fromUs, untilUs: nowUs() });
    if (this.#past.length > MAX_FAULTS) this.#past.shift();
  }

  /**
   * Whether something goes on.
   *
   * @param key its name
   */
  goesOn(key: string): boolean {
    return this.#open.has(key);
  }
}
