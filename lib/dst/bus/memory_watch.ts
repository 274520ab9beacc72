/**
 * Holds where nodes call actors against what they were told last: an answer says where its actor is, and is to be remembered.
 *
 * @module
 */
import type { ActorId } from "../../bus/actors/actor_id.ts";
import type { MessageBus } from "../../bus/bus.ts";
import type { Errand } from "../../bus/caller.ts";
import type { Answer } from "../../bus/envelope.ts";
import { type Address, addressSubject } from "../../bus/names.ts";
import type { Always } from "../assertions/assertions.ts";
import type { SimProcess } from "../kernel/node.ts";

/** What is asserted of it. */
export type MemoryNames = "who was told where an actor is calls it there";

/** What a process knew when it was about to call. */
interface Known {
  readonly address: Address;
  readonly lookups: number;
}

/** Watches. */
export class MemoryWatch {
  readonly #assertions: Always<MemoryNames>;
  readonly #isCalm: boolean;
  /** By process and actor: what the last answer said, and how many looks had ended by then. */
  readonly #told = new Map<string, { readonly address: Address; readonly looked: number }>();
  /** By process and actor: how many looks into the directory have ended. */
  readonly #looked = new Map<string, number>();
  /** By process and actor: how often the directory was asked. */
  readonly #lookups = new Map<string, number>();
  /** By payload, which is one object until the call is made. */
  readonly #known = new WeakMap<Uint8Array, Known>();

  /**
   * @param assertions of the run
   * @param isCalm whether nothing goes wrong: then nobody takes another for dead, and the directory need not be asked
   */
  constructor(assertions: Always<MemoryNames>, isCalm: boolean) {
    this.#assertions = assertions;
    this.#isCalm = isCalm;
  }

  /** The directory is asked. */
  looksUp({ name }: SimProcess, id: ActorId): void {
    const key = `${name} ${id}`;
    this.#lookups.set(key, (this.#lookups.get(key) ?? 0) + 1);
    // Whoever takes another for dead asks, and remembers what it is told, also where nobody answers what it calls then.
    if (!this.#isCalm) this.#told.delete(key);
  }

  /** The directory has answered, or has failed to. */
  hasLooked({ name }: SimProcess, id: ActorId): void {
    const key = `${name} ${id}`;
    this.#looked.set(key, this.#lookedAt(key) + 1);
  }

  /** A process is about to make a call that is tried once. */
  calls({ name }: SimProcess, id: ActorId, payload: Uint8Array): void {
    const key = `${name} ${id}`;
    const told = this.#told.get(key);
    if (told === undefined) return;
    // Who has failed to tell an actor something asks the directory where it is, and that answer counts.
    if (!this.#isCalm && told.looked !== this.#lookedAt(key)) return;
    this.#known.set(payload, { address: told.address, lookups: this.#lookups.get(key) ?? 0 });
  }

  /** Watches what a process calls from now on. */
  listen({ name }: SimProcess, bus: MessageBus): void {
    const { caller } = bus;
    const call = caller.call.bind(caller);
    caller.call = async (send, errand, options) => {
      const key = `${name} ${errand.to}`;
      this.#judge(key, errand, bus);
      let answer: Answer | undefined;
      try {
        return answer = await call(send, errand, options);
      } finally {
        if (answer === undefined || answer.status === "refused") this.#told.delete(key);
        else this.#told.set(key, { address: answer.at, looked: this.#lookedAt(key) });
      }
    };
  }

  #lookedAt(key: string): number {
    return this.#looked.get(key) ?? 0;
  }

  #judge(key: string, { subject, payload }: Errand, { name }: MessageBus): void {
    const known = this.#known.get(payload);
    if (known === undefined) return;
    // Whoever takes the other for dead asks the directory, and may be told something older.
    if (!this.#isCalm && this.#lookups.get(key) !== known.lookups) return;
    const wanted = addressSubject(name, known.address);
    const text = () => `${key} is at ${known.address}, and is called by ${subject}`;
    this.#assertions.always(
      "who was told where an actor is calls it there",
      subject === wanted,
      text,
    );
  }
}
