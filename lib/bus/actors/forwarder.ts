/**
 * Sends calls on to where their actors are, and looks after them: one way more is all that costs, where the place was read a moment ago.
 *
 * @module
 */
import { isPartiError, type PartiError } from "../../errors.ts";
import type { World } from "../../ports/world.ts";
import type { MessageBus } from "../bus.ts";
import type { Call } from "../envelope.ts";
import type { Incoming } from "../incoming.ts";
import { type Address, addressIn, addressSubject } from "../names.ts";
import type { ActorId } from "./actor_id.ts";
import { Forwarded } from "./forwarded.ts";
import type { Nodes } from "./nodes.ts";
import { RecentPlaces } from "./recent_places.ts";

/** A call is sent on so often at most. */
export const HOPS_MAX = 2;

/** What a forwarder needs. */
export interface ForwarderOptions {
  /** The world. */
  readonly world: World;
  /** The bus. */
  readonly bus: MessageBus;
  /** Who lives. */
  readonly nodes: Pick<Nodes, "isAlive" | "proveDead">;
  /** Told why a call could not be sent on; its caller is told, too. */
  readonly onError: (error: PartiError) => void;
}

/** Sends calls on from one life of a node. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #recent: RecentPlaces;
  readonly #forwarded: Forwarded;

  /** @param options what it needs */
  constructor(options: ForwarderOptions) {
    const { world, bus, nodes } = options;
    this.#options = options;
    this.#recent = new RecentPlaces(world.clock);
    this.#forwarded = new Forwarded({
      ...{ world, everyMs: bus.lookoutMs },
      isOver: async (subject) => {
        const other = addressIn(bus.name, subject);
        return other !== undefined && await nodes.proveDead(other);
      },
      onGone: (call) => bus.outbox.gone(call),
    });
  }

  /** It was read in the directory where an actor is. */
  learn(id: ActorId, address: Address): void {
    this.#recent.learn(id, address);
  }

  /**
   * Where a call's actor was a moment ago; undefined if that has to be looked up. For a call that was sent on before it is: that may have
   * been by what is out of date, and two nodes that remember each other would send it to and fro.
   */
  recent({ to, hops, placed }: Pick<Call, "to" | "hops" | "placed">): Address | undefined {
    if (hops > 0 || placed) return undefined;
    const address = this.#recent.of(to);
    return address !== undefined && this.#options.nodes.isAlive(address) ? address : undefined;
  }

  /** Sends a call on, unless it was sent on as often as it may be. Never rejects. */
  async send(incoming: Incoming, address: Address, placed: boolean): Promise<void> {
    const { bus, onError } = this.#options;
    const { call, leftMs } = incoming;
    if (call.hops >= HOPS_MAX) return bus.outbox.refuse(call, "too many hops");
    if (leftMs <= 0) return bus.outbox.refuse(call, "late");
    const subject = addressSubject(bus.name, address);
    try {
      await bus.outbox.forward(incoming, subject, placed);
    } catch (error) {
      if (!isPartiError(error)) throw error;
      onError(error);
      return bus.outbox.refuse(call, "stopped", "it could not be sent on");
    }
    if (call.kind === "request") this.#forwarded.add(incoming, subject);
  }

  /** Looks after none any more. */
  async close(): Promise<void> {
    await this.#forwarded.close();
  }
}
