/**
 * Watches the lives of actors where they take place: in the processes, not in the directory.
 *
 * @module
 */
import type { ActorCall, ActorContext } from "../../bus/actors/actor.ts";
import type { Activation } from "../../bus/actors/activation.ts";
import type { ActivationState } from "../../bus/actors/activation_state.ts";
import type { ActorId } from "../../bus/actors/actor_id.ts";
import type { Directory } from "../../bus/actors/directory.ts";
import type { Call, Said } from "../../bus/envelope.ts";
import type { SimProcess } from "../kernel/node.ts";
import type { Simulation } from "../workload.ts";
import type { ActorCatalog } from "./actor_catalog.ts";
import { hasRight, type Turn, TurnWatch } from "./turn_watch.ts";

/** What has become of one life. */
interface Life {
  readonly owner: SimProcess;
  state: ActivationState;
}

/** Watches. */
export class ActorWatch {
  readonly #assertions: Simulation<ActorCatalog>["assertions"];
  readonly #turns: TurnWatch;
  readonly #lives = new Map<string, Life>();
  readonly #failedLookups = new Set<string>();
  /** The revision of the newest place of each actor that was confirmed. */
  readonly #places = new Map<ActorId, number>();
  /** By the payload of the call, which is one object from its arrival to its answer. */
  readonly #turnOf = new WeakMap<Uint8Array, Turn>();

  /** When a life of each actor began or ended last. */
  readonly #changedMs = new Map<ActorId, number>();
  readonly #nowMs: () => number;

  /**
   * @param assertions of the run
   * @param nowMs the time of the run
   */
  constructor(assertions: Simulation<ActorCatalog>["assertions"], nowMs: () => number) {
    this.#assertions = assertions;
    this.#nowMs = nowMs;
    this.#turns = new TurnWatch(assertions, false);
  }

  /** A life was made. */
  made(owner: SimProcess, context: ActorContext): void {
    this.#turns.made(owner, context);
  }

  /**
   * A turn begins.
   *
   * @param turn the turn
   * @param call its call
   * @param mayAct whether the node's lease is valid; the life is not asked, which may be wrong
   */
  begin(turn: Turn, { hops, payload }: ActorCall, mayAct: boolean): void {
    this.#turnOf.set(payload, turn);
    const isKnown = this.#turns.newestOf(turn.context.id) !== undefined;
    this.#assertions.sometimes("an actor moved", this.#turns.begin(turn, mayAct));
    this.#assertions.sometimes("remote_forward", hops > 0);
    this.#assertions.sometimes("stale_entry_forwarded", hops > 0 && isKnown);
    this.#assertions.always("hops are few", hops <= 2, `${hops} hops`);
  }

  /** A turn is over. */
  end(turn: Turn): void {
    this.#turns.end(turn);
  }

  /** A process is about to answer a call. */
  answers({ kind, payload }: Call, { status }: Said, mayAct: boolean): void {
    const turn = this.#turnOf.get(payload);
    if (kind !== "request" || status === "refused" || turn === undefined) return;
    const { owner, context: { id, token } } = turn;
    const newest = this.#turns.newestOf(id);
    const isNewest = newest === undefined || newest.token <= token;
    const text = () =>
      `${id}: ${owner.name} answers under ${token}` +
      (isNewest
        ? ", and its right is over"
        : `, ${newest?.owner.name} has begun under ${newest?.token}`);
    this.#assertions.always(
      "an answer is given by right",
      isNewest && mayAct && hasRight(turn),
      text,
    );
  }

  /**
   * The state of a life has changed.
   *
   * @param owner the process
   * @param activation the life
   * @param to its state
   * @param mayAct whether its node's lease is valid
   */
  changed(
    owner: SimProcess,
    activation: Activation,
    to: ActivationState,
    mayAct: boolean,
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
    // In order it ends by its hook.
    const isCutShort = life.state === "valid" && to === "invalid";
    this.#assertions.always(
      "only without a lease is a life cut short",
      !isCutShort || !mayAct,
      () => `${id} at ${owner.name}`,
    );
    // Whoever only looks for its place is nowhere yet.
    if (to !== "invalid" || life.state !== "creating") this.#changedMs.set(id, this.#nowMs());
    life.state = to;
  }

  /** Whether a life of an actor has begun or ended since then. */
  hasChanged(id: ActorId, sinceMs: number): boolean {
    return (this.#changedMs.get(id) ?? -Infinity) >= sinceMs;
  }

  /** A hook of a life was called, while the node's lease was valid or not; resolves when it has come to its end. */
  hooked(
    hook: "activate" | "deactivate",
    context: ActorContext,
    mayAct: boolean,
    run: () => Promise<void>,
  ): Promise<void> {
    return this.#turns.hooked(hook, context, run, mayAct && !context.signal.aborted);
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
    // Whose right is lost is told by its signal, and by nothing else.
    this.#turns.checkEnds(({ signal }) => signal.aborted);
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
