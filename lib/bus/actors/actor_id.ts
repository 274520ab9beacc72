/**
 * What an actor is called: `namespace::type/key`.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";

/** An actor's name, such as `shop::cart/4711`. */
export type ActorId = string;

/** The parts of an actor's name. */
export interface ActorName {
  /** Its type with its namespace, such as `shop::cart`. */
  readonly type: string;
  /** What tells it from others of its type. */
  readonly key: string;
}

const TYPE = /^[A-Za-z0-9_-]{1,64}::[A-Za-z0-9_-]{1,64}$/;
/** A KV key and a subject have room for it, written in hexadecimal at worst. */
const KEY_MAX_BYTES = 200;
/** A unit of a string takes no more bytes than that in UTF-8. */
const BYTES_PER_UNIT_MAX = 3;
const PLAIN = /^[A-Za-z0-9_-]+$/;
const encoder = new TextEncoder();

/**
 * Reads an actor's name.
 *
 * @param id the name
 * @returns its parts
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is none
 */
export function parseActorId(id: ActorId): ActorName {
  const slash = id.indexOf("/");
  const type = id.slice(0, Math.max(0, slash));
  const key = id.slice(slash + 1);
  // Half a character has no bytes of its own: on its way it would become another actor's name.
  const isKey = key !== "" && hasRoom(key) && key.isWellFormed();
  if (slash > 0 && TYPE.test(type) && isKey) return { type, key };
  throw new PartiError("PARTI_INVALID_CONFIG", `"${id}" is no actor's name`, {
    value: id,
    hint:
      "namespace::type/key, such as shop::cart/4711; the key has 1 to 200 bytes of whole characters",
  });
}

/** Nearly every key is short, and need not be encoded to be known to be. */
function hasRoom(key: string): boolean {
  if (key.length * BYTES_PER_UNIT_MAX <= KEY_MAX_BYTES) return true;
  return encoder.encode(key).length <= KEY_MAX_BYTES;
}

/**
 * Checks the name of a type of actors.
 *
 * @param type such as `shop::cart`
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is none
 */
export function checkActorType(type: string): void {
  if (TYPE.test(type)) return;
  throw new PartiError("PARTI_INVALID_CONFIG", `"${type}" is no type of actors`, {
    value: type,
    hint: "namespace::type, such as shop::cart: letters, digits, _ and -",
  });
}

/**
 * An actor's key in a bucket: what NATS does not take there is written in hexadecimal.
 *
 * @param id the actor
 * @returns the key, another one for each actor
 */
export function bucketKey(id: ActorId): string {
  const { type, key } = parseActorId(id);
  const [space, name] = type.split("::");
  if (PLAIN.test(key)) return `${space}.${name}.${key}`;
  const plain = key.replaceAll(
    /[^A-Za-z0-9_-]/gu,
    (char) =>
      [...encoder.encode(char)].map((byte) => `=${byte.toString(16).padStart(2, "0")}`).join(""),
  );
  return `${space}.${name}.${plain}`;
}
