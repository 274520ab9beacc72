/**
 * The ground truth on actors, however they are placed: their turns and hooks, as they take place in the processes.
 *
 * @module
 */
import type { ActorContext } from "../../bus/actors/actor.ts";
import type { ActorId } from "../../bus/actors/actor_id.ts";
import type { Always } from "../assertions/assertions.ts";
import type { SimProcess } from "../kernel/node.ts";

/** What is asserted of it. */
export type TurnNames =
  | "single activation"
  | "one turn at a time"
  | "no life goes back"
  | "a turn begins by right"
  | "hooks come once, by right"
  | "whoever ends is told";

/** One turn of an actor. */
export interface Turn {
  /** The process. */
  readonly owner: SimProcess;
  /** The life that takes it. */
  readonly context: ActorContext;
  /** Fires when its right is over. */
  readonly signal: AbortSignal;
}

/** The newest life of an actor that has begun a turn. */
interface Newest {
  readonly token: bigint;
  readonly owner: SimProcess;
  readonly context: ActorContext;
}

/** What has become of one life. */
interface Life {
  readonly owner: SimProcess;
  readonly hooks: { activate: number; deactivate: number };
  /** Whether its last hook has come to its end. */
  isOver: boolean;
}

/** By partition a hook may go on without the shard: it counts in its own process alone. */
const NO_RIGHT = AbortSignal.abort();

/** Watches. */
export class TurnWatch {
  readonly #assertions: Always<TurnNames>;
  readonly #isInFile: boolean;
  /** In progress: turns, and hooks with them. */
  readonly #turns = new Map<ActorId, Set<Turn>>();
  readonly #newest = new Map<ActorId, Newest>();
  readonly #lives = new Map<ActorContext, Life>();
  /** The last life of each actor that has begun in each process. */
  readonly #last = new Map<string, Life>();

  /**
   * @param assertions of the run
   * @param isInFile whether no life begins in a process before the last one there has come to its end, even where its right is over
   */
  constructor(assertions: Always<TurnNames>, isInFile: boolean) {
    this.#assertions = assertions;
    this.#isInFile = isInFile;
  }

  /** The newest life of an actor that has begun a turn: its token, and its process. */
  newestOf(actor: ActorId): Newest | undefined {
    return this.#newest.get(actor);
  }

  /** A life was made. */
  made(owner: SimProcess, context: ActorContext): void {
    this.#lives.set(context, { owner, hooks: { activate: 0, deactivate: 0 }, isOver: false });
  }

  /**
   * A turn begins.
   *
   * @param turn the turn
   * @param mayAct whether its process may act, by whatever gives it the right
   * @returns whether its actor has begun where it was not before
   */
  begin(turn: Turn, mayAct: boolean): boolean {
    const { owner, context } = turn;
    const { id, token } = context;
    const open = this.#openOf(id);
    for (const other of open) {
      const isOwn = this.#clash(other, owner, token);
      this.#assertions.always("one turn at a time", !isOwn, () => `${id} at ${owner.name}`);
      const text = () => `${id}: ${owner.name} begins while ${other.owner.name} is at it`;
      this.#assertions.always("single activation", isOwn || !hasRight(other), text);
    }
    this.#assertions.always("single activation", true);
    this.#assertions.always("one turn at a time", true);
    const isRight = hasRight(turn) && mayAct;
    this.#assertions.always("a turn begins by right", isRight, () => `${id} at ${owner.name}`);
    const newest = this.#newest.get(id);
    const isOlder = newest !== undefined && token < newest.token;
    const text = () => `${id}: ${owner.name} under ${token}, ${newest?.owner.name} had a newer`;
    this.#assertions.always("no life goes back", !isOlder, text);
    open.add(turn);
    if (newest !== undefined && token <= newest.token) return false;
    if (newest !== undefined) this.#checkOver(newest, owner);
    this.#newest.set(id, { token, owner, context });
    return newest !== undefined && newest.owner !== owner;
  }

  /** By its own word, too, a life may act no more when the next one begins: its clock is asked, also where its process stands still. */
  #checkOver({ owner, context }: Newest, next: SimProcess): void {
    // By partition whoever was cut off may not know yet that somebody else has its shard.
    if (this.#isInFile && owner !== next) return;
    const text = () => `${context.id}: ${next.name} begins, and ${owner.name} says that it may act`;
    this.#assertions.always("single activation", owner.dead || !context.mayAct(), text);
  }

  /** A turn is over. */
  end(turn: Turn): void {
    this.#turns.get(turn.context.id)?.delete(turn);
  }

  /**
   * A hook of a life was called: once, and in no turn and no other hook of its actor in that process; and where lives come in file, the first
   * one not before the end of the last of the life before. Until it has come to its end it is judged as a turn.
   *
   * @param hook which
   * @param context the life
   * @param run what it does
   * @param isRight whether it may be called now
   */
  async hooked(
    hook: "activate" | "deactivate",
    context: ActorContext,
    run: () => Promise<void>,
    isRight = true,
  ): Promise<void> {
    const { id, token } = context;
    const life = this.#lives.get(context)!;
    const { owner, hooks } = life;
    hooks[hook]++;
    const isBehind = hook === "deactivate" || this.#isBehindTheLast(id, life);
    const isInTurn = [...this.#turns.get(id) ?? []].some((other) =>
      this.#clash(other, owner, token)
    );
    const isOnce = hooks[hook] === 1;
    const holds = isOnce && !isInTurn && isBehind && isRight && !owner.dead && !owner.paused;
    this.#assertions.always(
      "hooks come once, by right",
      holds,
      () =>
        `${hook} ${id} under ${token} at ${owner.name}, ${hooks[hook]} times` +
        `${isInTurn ? ", in a turn" : ""}${isBehind ? "" : ", in another life"}${
          isRight ? "" : ", without right"
        }`,
    );
    const turn: Turn = { owner, context, signal: this.#isInFile ? NO_RIGHT : context.signal };
    this.#openOf(id).add(turn);
    try {
      await run();
    } finally {
      this.end(turn);
      life.isOver ||= hook === "deactivate";
    }
  }

  /**
   * When all is over: whoever has begun was told of its end, or its process has died.
   *
   * @param isExcused whether a life has come to another end
   */
  checkEnds(isExcused: (context: ActorContext) => boolean = () => false): void {
    for (const [context, { owner, hooks }] of this.#lives) {
      const hasDied = owner.dead && !owner.exited;
      const isTold = hooks.activate === 0 || hooks.deactivate > 0;
      this.#assertions.always(
        "whoever ends is told",
        isTold || hasDied || isExcused(context),
        () => `${context.id} under ${context.token} at ${owner.name} was not`,
      );
    }
  }

  /** Whether the life before a new one has come to its end, where it must have. */
  #isBehindTheLast(id: ActorId, life: Life): boolean {
    const key = `${life.owner.name} ${id}`;
    const last = this.#last.get(key);
    this.#last.set(key, life);
    return !this.#isInFile || last === undefined || last.isOver;
  }

  #openOf(id: ActorId): Set<Turn> {
    const open = this.#turns.get(id) ?? new Set<Turn>();
    this.#turns.set(id, open);
    return open;
  }

  /** Whether a turn, or a hook, is one that nothing else of its actor may meet in its process. */
  #clash({ owner, context }: Turn, here: SimProcess, token: bigint): boolean {
    return owner === here && (this.#isInFile || context.token === token);
  }
}

/** A dead process and one that stands still do nothing; one whose right is over has been told. */
export function hasRight({ owner, signal }: Turn): boolean {
  return !owner.dead && !owner.paused && !signal.aborted;
}
