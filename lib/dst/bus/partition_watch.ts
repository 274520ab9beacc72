/**
 * Watches actors by partition where they take their turns: in the processes.
 *
 * @module
 */
import type { ActorContext } from "../../bus/actors/actor.ts";
import type { MessageBus } from "../../bus/bus.ts";
import type { SimProcess } from "../kernel/node.ts";
import type { Simulation } from "../workload.ts";
import type { PartitionCatalog } from "./partition_catalog.ts";
import type { StoredCalls } from "./stored_calls.ts";
import { type Turn, TurnWatch } from "./turn_watch.ts";

/** Watches. */
export class PartitionWatch {
  readonly #assertions: Simulation<PartitionCatalog>["assertions"];
  readonly #turns: TurnWatch;
  /** By the payload of the call, which is one object from its arrival to its answer. */
  readonly #turnOf = new WeakMap<Uint8Array, Turn>();
  readonly #stored: StoredCalls;

  /**
   * @param assertions of the run
   * @param stored told of what is answered
   */
  constructor(assertions: Simulation<PartitionCatalog>["assertions"], stored: StoredCalls) {
    this.#assertions = assertions;
    this.#stored = stored;
    this.#turns = new TurnWatch(assertions, true);
  }

  /** A life was made. */
  made(owner: SimProcess, context: ActorContext): void {
    this.#turns.made(owner, context);
  }

  /**
   * A turn begins.
   *
   * @param turn the turn
   * @param payload of its call
   */
  begin(turn: Turn, payload: Uint8Array): void {
    this.#turnOf.set(payload, turn);
    this.#assertions.sometimes("an actor moved", this.#turns.begin(turn, turn.context.mayAct()));
  }

  /** A turn is over. */
  end(turn: Turn): void {
    this.#turns.end(turn);
  }

  /** A hook of a life was called; resolves when it has come to its end. With the shard its right may be over by then. */
  hooked(
    hook: "activate" | "deactivate",
    context: ActorContext,
    run: () => Promise<void>,
  ): Promise<void> {
    return this.#turns.hooked(hook, context, run);
  }

  /** When all is over. */
  checkEnds(): void {
    this.#turns.checkEnds();
  }

  /**
   * What a process answers from now on is judged in the moment in which it is said: how long it is under way is another matter.
   *
   * @param bus the bus of the process
   */
  listen({ outbox }: MessageBus): void {
    const answer = outbox.answer.bind(outbox);
    outbox.answer = (call, said) => {
      this.#stored.answered(call, said);
      const turn = this.#turnOf.get(call.payload);
      if (call.kind === "request" && said.status !== "refused" && turn !== undefined) {
        this.#answers(turn);
      }
      answer(call, said);
    };
  }

  #answers({ owner, context }: Turn): void {
    const { id, token } = context;
    const newest = this.#turns.newestOf(id);
    const isNewest = newest === undefined || newest.token <= token;
    const why = isNewest
      ? "its right is over"
      : `${newest?.owner.name} has begun under ${newest?.token}`;
    this.#assertions.always(
      "an answer is given by right",
      isNewest && context.mayAct(),
      () => `${id}: ${owner.name} answers under ${token}, and ${why}`,
    );
  }
}
