/**
 * Watches actors by partition where they take their turns: in the processes.
 *
 * @module
 */
import type { ActorContext } from "../../bus/actors/actor.ts";
import type { MessageBus } from "../../bus/bus.ts";
import type { Simulation } from "../workload.ts";
import type { PartitionCatalog } from "./partition_catalog.ts";

/** One turn of an actor. */
interface Turn {
  readonly owner: string;
  readonly context: ActorContext;
}

/** Watches. */
export class PartitionWatch {
  readonly #assertions: Simulation<PartitionCatalog>["assertions"];
  readonly #newest = new Map<string, { readonly token: bigint; readonly owner: string }>();
  /** By the payload of the call, which is one object from its arrival to its answer. */
  readonly #turnOf = new WeakMap<Uint8Array, Turn>();

  /** @param assertions of the run */
  constructor(assertions: Simulation<PartitionCatalog>["assertions"]) {
    this.#assertions = assertions;
  }

  /**
   * A turn begins.
   *
   * @param payload of its call
   * @param context of the life that takes it
   * @param owner the process
   */
  begin(payload: Uint8Array, context: ActorContext, owner: string): void {
    this.#turnOf.set(payload, { owner, context });
    const { id, token } = context;
    const newest = this.#newest.get(id);
    const isOlder = newest !== undefined && token < newest.token;
    const text = () => `${id}: ${owner} under ${token}, ${newest?.owner} had a newer`;
    this.#assertions.always("no life goes back", !isOlder, text);
    if (newest !== undefined && token <= newest.token) return;
    this.#assertions.sometimes("an actor moved", newest !== undefined && newest.owner !== owner);
    this.#newest.set(id, { token, owner });
  }

  /**
   * What a process answers from now on is judged in the moment in which it is said: how long it is under way is another matter.
   *
   * @param bus the bus of the process
   */
  listen({ outbox }: MessageBus): void {
    const answer = outbox.answer.bind(outbox);
    outbox.answer = (call, said) => {
      const turn = this.#turnOf.get(call.payload);
      if (call.kind === "request" && said.status !== "refused" && turn !== undefined) {
        this.#answers(turn);
      }
      answer(call, said);
    };
  }

  #answers({ owner, context }: Turn): void {
    const { id, token } = context;
    const newest = this.#newest.get(id);
    const isNewest = newest === undefined || newest.token <= token;
    const why = isNewest
      ? "its right is over"
      : `${newest?.owner} has begun under ${newest?.token}`;
    this.#assertions.always(
      "an answer is given by right",
      isNewest && context.mayAct(),
      () => `${id}: ${owner} answers under ${token}, and ${why}`,
    );
  }
}
