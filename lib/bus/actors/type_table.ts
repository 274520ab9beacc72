/**
 * What actors do, by type.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import { checkAbove0, checkDuration } from "../bus_options.ts";
import type { ActorType } from "./actor.ts";
import { type ActorId, checkActorType } from "./actor_id.ts";
import { PLACEMENTS } from "./placement.ts";

const DEFAULT_IDLE_MS = 600_000;

/**
 * After how long an actor that nobody calls ends.
 *
 * @param type its type
 * @returns the time, in milliseconds
 */
export function idleMsOf({ idleMs = DEFAULT_IDLE_MS }: ActorType): number {
  return idleMs;
}

/** The types of actors of a node. */
export class TypeTable {
  readonly #types = new Map<string, ActorType>();
  #shortestIdleMs = Infinity;

  /** Their names. */
  get names(): string[] {
    return [...this.#types.keys()];
  }

  /**
   * Says what actors of a type do.
   *
   * @param name the type, such as `shop::cart`
   * @param type what they do
   * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is no name, is defined already, or says what cannot be
   */
  define(name: string, type: ActorType): void {
    checkActorType(name);
    checkDuration("idleMs", type.idleMs);
    checkAbove0("mailboxMax", type.mailboxMax);
    const { placement } = type;
    if (placement !== undefined && !PLACEMENTS.includes(placement)) {
      throw new PartiError("PARTI_INVALID_CONFIG", `there is no placement "${placement}"`, {
        value: placement,
        hint: `one of ${PLACEMENTS.join(", ")}`,
      });
    }
    if (this.#types.has(name)) {
      throw new PartiError("PARTI_INVALID_CONFIG", `${name} is defined already`, { value: name });
    }
    this.#types.set(name, type);
    this.#shortestIdleMs = Math.min(this.#shortestIdleMs, idleMsOf(type));
  }

  /** No actor of any type ends before nobody has called for so long, in milliseconds. */
  get shortestIdleMs(): number {
    return this.#shortestIdleMs;
  }

  /** A type by its name; undefined if there is none here. */
  named(name: string): ActorType | undefined {
    return this.#types.get(name);
  }

  /** The type of an actor; undefined if there is none here, or it is no actor's name. */
  of(id: ActorId): ActorType | undefined {
    const slash = id.indexOf("/");
    return slash > 0 && slash < id.length - 1 ? this.#types.get(id.slice(0, slash)) : undefined;
  }
}
