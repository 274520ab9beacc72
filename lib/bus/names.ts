/**
 * Every name of a bus on the server: subjects, buckets, keys. All carry the bus's name, so two buses on one account never meet.
 *
 * @module
 */
import { PartiError } from "../errors.ts";

/** A name that is a token of subjects and keys. */
const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;

/** The subject of one life of a node: what is sent there never reaches another life. */
export function addressSubject(bus: string, address: Address): string {
  return `parti.${bus}.bus.at.${address}`;
}

/** The life of a node whose subject it is; undefined if it is no such subject. */
export function addressIn(bus: string, subject: string): Address | undefined {
  return after(addressSubject(bus, ""), subject);
}

/** The subject of a node, whichever life of it. */
export function nodeSubject(bus: string, node: string): string {
  return `parti.${bus}.bus.node.${node}`;
}

/** The node whose subject it is, whichever life of it; undefined if it is no such subject. */
export function nodeIn(bus: string, subject: string): string | undefined {
  return after(nodeSubject(bus, ""), subject);
}

function after(before: string, subject: string): string | undefined {
  return subject.startsWith(before) ? subject.slice(before.length) : undefined;
}

/** The bucket of the nodes' leases. */
export function nodeBucket(bus: string): string {
  return `parti-${bus}-nodes`;
}

/** The bucket that says which actor is where. */
export function directoryBucket(bus: string): string {
  return `parti-${bus}-directory`;
}

/** The bucket of what actors in a directory keep. */
export function stateBucket(bus: string): string {
  return `parti-${bus}-state`;
}

/** The bucket of what actors by partition keep. Another one, since their tokens are not to be compared with those of a directory. */
export function shardStateBucket(bus: string): string {
  return `parti-${bus}-shardstate`;
}

/** One life of a node: its name and what tells this life from others, such as `node-1_3f2a81c09d4e`. */
export type Address = string;

/** So many characters of an identity tell one life from another. */
const LIFE_LENGTH = 13;

/**
 * The address of a new life.
 *
 * @param node the node's name
 * @param identity a fresh unique identity
 * @returns the address
 */
export function addressOf(node: string, identity: string): Address {
  return `${node}_${identity.replaceAll("-", "").slice(0, LIFE_LENGTH)}`;
}

/**
 * The node of an address.
 *
 * @param address one life of it
 * @returns the node's name
 */
export function nodeOf(address: Address): string {
  return address.slice(0, address.lastIndexOf("_"));
}

/**
 * Checks a name that becomes a part of subjects and keys.
 *
 * @param name the name
 * @param what what it names, for the error
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it cannot be one
 */
export function checkName(name: string, what: string): void {
  if (TOKEN.test(name)) return;
  throw new PartiError("PARTI_INVALID_CONFIG", `"${name}" cannot be the name of ${what}`, {
    value: name,
    hint: "1 to 64 letters, digits, _ and -",
  });
}
