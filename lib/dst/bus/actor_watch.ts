/**
 * Watches the lives of actors where they take place: in the processes, not in the directory.
 *
 * @module
 */
import type { Activation } from "../../bus/actors/activation.ts";
import type { ActivationState } from "../../bus/actors/activation_state.ts";
import type { ActorId } from "../../bus/actors/actor_id.ts";
import type { Directory } from "../../bus/actors/directory.ts";
import type { Call, Said } from "../../bus/envelope.ts";
import type { SimProcess } from "../kernel/node.ts";
import type { Simulation } from "../workload.ts";
import type { ActorCatalog } from "./actor_catalog.ts";

/** One turn of an actor. */
export interface Turn {
  readonly actor: ActorId;
  readonly owner: SimProcess;
  readonly token: bigint;
  /** Fires when its right is over. */
  readonly signal: AbortSignal;
}

/** What has become of one life. */
interface Life {
  readonly owner: SimProcess;
  state: ActivationState;
}

/** Watches. */
export class ActorWatch {
  readonly #assertions: Simulation<ActorCatalog>["assertions"];
  readonly #turns = new Map<ActorId, Set<Turn>>();
  readonly #newest = new Map<ActorId, { token: bigint; owner: string }>();
  readonly #lives = new Map<string, Life>();
  readonly #hooked = new Set<string>();
  readonly #failedLookups = new Set<string>();
  /** The revision of the newest place of each actor that was confirmed. */
  readonly #places = new Map<ActorId, number>();
  /** By the payload of the call, which is one object from its arrival to its answer. */
  readonly #turnOf = new WeakMap<Uint8Array, Turn>();

  /** @param assertions of the run */
  constructor(assertions: Simulation<ActorCatalog>["assertions"]) {
    this.#assertions = assertions;
  }

  /** Where an actor began last; undefined if it never did. */
  placeOf(actor: ActorId): string | undefined {
    return this.#newest.get(actor)?.owner;
  }

  /** A turn begins. */
  begin(turn: Turn, hops: number, payload: Uint8Array): void {
    this.#turnOf.set(payload, turn);
    const { actor, owner, token } = turn;
    const open = this.#turns.get(actor) ?? new Set<Turn>();
    this.#turns.set(actor, open);
    for (const other of open) {
      const isOwn = other.owner === owner && other.token === token;
      this.#assertions.always("one turn at a time", !isOwn, () => `${actor} at ${owner.name}`);
      const text = () => `${actor}: ${owner.name} begins while ${other.owner.name} is at it`;
      this.#assertions.always("single activation", isOwn || !hasRight(other), text);
    }
    this.#assertions.always("single activation", true);
    this.#assertions.always("one turn at a time", true);
    const newest = this.#newest.get(actor);
    const isOlder = newest !== undefined && token < newest.token;
    const text = () => `${actor}: ${owner.name} under ${token}, ${newest?.owner} had a newer`;
    this.#assertions.always("no life goes back", !isOlder, text);
    if (newest === undefined || token > newest.token) {
      const isMoved = newest !== undefined && newest.owner !== owner.name;
      this.#assertions.sometimes("an actor moved", isMoved);
      this.#newest.set(actor, { token, owner: owner.name });
    }
    this.#assertions.sometimes("remote_forward", hops > 0);
    this.#assertions.sometimes("stale_entry_forwarded", hops > 0 && newest !== undefined);
    this.#assertions.always("hops are few", hops <= 2, `${hops} hops`);
    open.add(turn);
  }

  /** A turn is over. */
  end(turn: Turn): void {
    this.#turns.get(turn.actor)?.delete(turn);
  }

  /** A process is about to answer a call. */
  answers({ kind, payload }: Call, { status }: Said, mayAct: boolean): void {
    const turn = this.#turnOf.get(payload);
    if (kind !== "request" || status === "refused" || turn === undefined) return;
    const { actor, owner, token } = turn;
    const newest = this.#newest.get(actor);
    const isNewest = newest === undefined || newest.token <= token;
    const text = () =>
      `${actor}: ${owner.name} answers under ${token}` +
      (isNewest
        ? ", and its right is over"
        : `, ${newest?.owner} has begun under ${newest?.token}`);
    this.#assertions.always(
      "an answer is given by right",
      isNewest && mayAct && hasRight(turn),
      text,
    );
  }

  /** The state of a life has changed. */
  changed(
    owner: SimProcess,
    activation: Activation,
    to: ActivationState,
  ): void {
    const { name, id } = activation;
    const life = this.#lives.get(name) ?? { owner, state: "creating" };
    this.#lives.set(name, life);
    this.#assertions.sometimesEach("transitions", `${life.state} → ${to}` as never);
    // Such an actor begins where its first call comes from, and nowhere else.
    const isLocal = to === "activating" && id.startsWith("sim::local");
    this.#assertions.sometimes(
      "local_activation",
      isLocal && activation.inTurn === undefined &&
        activation.queue[0]?.call.from.startsWith(owner.name.split("#")[0]!) === true,
    );
    life.state = to;
  }

  /** A hook of a life was called: once, by right, and in no turn of that life. */
  hooked(hook: "activate" | "deactivate", turn: Turn): void {
    const { actor, token, owner } = turn;
    const key = `${hook} ${actor} ${token}`;
    const isFirst = !this.#hooked.has(key);
    this.#hooked.add(key);
    const open = [...this.#turns.get(actor) ?? []];
    const isInTurn = open.some((other) => other.owner === owner && other.token === token);
    const text = () =>
      `${key} at ${owner.name}${isFirst ? "" : ", again"}${isInTurn ? ", in a turn" : ""}`;
    this.#assertions.always(
      "hooks come once, by right",
      isFirst && !isInTurn && hasRight(turn),
      text,
    );
  }

  #placed(id: ActorId, revision: number): void {
    this.#places.set(id, Math.max(revision, this.#places.get(id) ?? 0));
  }

  /** When all is over. */
  checkLives(): void {
    for (const [name, { owner, state }] of this.#lives) {
      const isOver = owner.dead && !owner.exited || state === "invalid";
      this.#assertions.always("every life ends once", isOver, `${name} at ${owner.name}: ${state}`);
    }
  }

  /** A directory that is watched: what it says, and what comes of registering. */
  watched(owner: SimProcess, own: Directory): Directory {
    return {
      lookup: async (id) => {
        try {
          const entry = await own.lookup(id);
          this.#assertions.sometimes("directory_hit", entry !== undefined);
          this.#assertions.sometimes("directory_miss", entry === undefined);
          return entry;
        } catch (error) {
          this.#failedLookups.add(`${owner.name} ${id}`);
          throw error;
        }
      },
      register: async (id, where, over) => {
        const registration = await own.register(id, where, over);
        const isPlaced = registration.kind === "placed";
        if (registration.kind === "placed") this.#placed(id, registration.entry.revision);
        this.#assertions.sometimes("register_race_lost", registration.kind === "lost");
        const hasFailed = this.#failedLookups.delete(`${owner.name} ${id}`);
        this.#assertions.sometimes("lookup_failed_then_placed", isPlaced && hasFailed);
        return registration;
      },
      unregister: async (id, entry) => {
        // What was confirmed before this is asked for is at the server already, and must be seen to be newer.
        const newest = this.#places.get(id) ?? 0;
        const isRemoved = await own.unregister(id, entry);
        this.#assertions.always(
          "a place is given back by who has it",
          !isRemoved || entry.revision >= newest,
          () => `${id}: ${owner.name} gave ${entry.revision} back, and ${newest} was gone`,
        );
        return isRemoved;
      },
      sweep: async (isGone) => {
        const removed = await own.sweep(isGone);
        this.#assertions.sometimes("a dead node was swept", removed > 0);
        return removed;
      },
    };
  }
}

/** A dead process and one that stands still do nothing; one whose right is over has been told. */
function hasRight({ owner, signal }: Turn): boolean {
  return !owner.dead && !owner.paused && !signal.aborted;
}
