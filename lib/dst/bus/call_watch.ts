/**
 * Watches the calls of all buses as they are made, and the time that they have when they come.
 *
 * @module
 */
import type { MessageBus } from "../../bus/bus.ts";
import type { Send } from "../../bus/caller.ts";
import type { Always } from "../assertions/assertions.ts";
import type { CallRecord } from "./ledger.ts";

/** What is asserted of them. */
export type CallNames = "ids are unique" | "a call has the time it was given";

/** Clocks that show large numbers are a little coarse, in milliseconds. */
const GRAIN_MS = 0.001;

/** Watches. */
export class CallWatch {
  readonly #assertions: Always<CallNames>;
  readonly #ids = new Set<string>();

  /** @param assertions of the run */
  constructor(assertions: Always<CallNames>) {
    this.#assertions = assertions;
  }

  /** Watches what a bus calls from now on. */
  listen({ caller }: MessageBus): void {
    const [call, tell] = [caller.call.bind(caller), caller.tell.bind(caller)];
    caller.call = (send, errand, options) => call(this.#watched(send), errand, options);
    caller.tell = (send, errand, options) => tell(this.#watched(send), errand, options);
  }

  /**
   * A call has come.
   *
   * @param record the call; undefined if nobody has made it
   * @param leftMs how much time it has left, in milliseconds
   * @param leastMs more than this it must have left
   */
  came(record: CallRecord | undefined, leftMs: number, leastMs = 0): void {
    const { token, timeoutMs } = record ?? { token: "nobody's", timeoutMs: Infinity };
    const isRight = leftMs > leastMs && leftMs <= timeoutMs + GRAIN_MS;
    const text = () => `${token} has ${leftMs} of ${timeoutMs} ms`;
    this.#assertions.always("a call has the time it was given", isRight, text);
  }

  #watched(send: Send): Send {
    return (makeCall) =>
      send(() => {
        const made = makeCall();
        if (made === undefined) return undefined;
        this.#assertions.always("ids are unique", !this.#ids.has(made.id), made.id);
        this.#ids.add(made.id);
        return made;
      });
  }
}
