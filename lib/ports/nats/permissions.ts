/**
 * What a user may not publish: which permission is missing, and how often that is said.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";

const ACK_PREFIX = "$JS.ACK.";
const PULL_PREFIX = "$JS.API.CONSUMER.MSG.NEXT.";

/**
 * Subjects that are made up for one lane, watch, worker, key, message or question, and what all of their kind have in common: that is what
 * has to be allowed.
 */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^(\$JS\.API\.CONSUMER\.(?:CREATE|DELETE|INFO|RESET|MSG\.NEXT)\.[^.]+)\..+$/, "$1.*"],
  [/^(\$KV\.[^.]+)\..+$/, "$1.>"],
  [/^(parti\.[^.]+\.(?:probe|released|bus\.at|bus\.node))\.[^.]+$/, "$1.*"],
  [/^(\$JS\.ACK|_INBOX)\..+$/, "$1.>"],
];

/** A permission that is missing is told again after this long. */
const AGAIN_MS = 60_000;
/** So many are remembered; of those that came before they are told again. */
const REMEMBERED_MAX = 100;

/**
 * The error for something that this user may not publish.
 *
 * @param subject where it was published
 * @returns the error, with the permission that is missing as its hint
 */
export function missingPermission(subject: string): PartiError {
  return new PartiError("PARTI_REFUSED", `this user may not publish to ${subject}`, {
    value: subject,
    hint: `allow this user to publish to ${permissionFor(subject)}`,
  });
}

/**
 * The error for a user whom the server does not let connect again.
 *
 * @param text the server's words
 * @returns the error
 */
export function userRefused(text: string): PartiError {
  return new PartiError("PARTI_REFUSED", `this user cannot connect again: ${text}`, {
    value: text,
    hint: "check user, password, token or credentials: have they expired, or been changed?",
  });
}

function permissionFor(subject: string): string {
  const kind = KINDS.find(([pattern]) => pattern.test(subject));
  return kind === undefined ? subject : subject.replace(...kind);
}

/** Tells what may not be published, each permission once in a while. */
export class Refusals {
  readonly #onRefused: (error: PartiError) => void;
  /** When each was told last; made with the first, since most users may do all that they have to. */
  #toldAtMs: Map<string, number> | undefined;

  /** @param onRefused who is told */
  constructor(onRefused: (error: PartiError) => void) {
    this.#onRefused = onRefused;
  }

  /**
   * Tells it unless that was done lately, or somebody else does: a pull says what it is refused, and the confirmation of acks.
   *
   * @param subject where something was published
   * @param nowMs the time, in milliseconds
   */
  tell(subject: string, nowMs: number): void {
    if (subject.startsWith(PULL_PREFIX) || subject.startsWith(ACK_PREFIX)) return;
    this.#tell(permissionFor(subject), nowMs, () => missingPermission(subject));
  }

  /**
   * Tells that the server refuses the user, unless that was done lately.
   *
   * @param text the server's words
   * @param nowMs the time, in milliseconds
   */
  tellUser(text: string, nowMs: number): void {
    // No subject has a space in it.
    this.#tell(`user: ${text}`, nowMs, () => userRefused(text));
  }

  #tell(what: string, nowMs: number, makeError: () => PartiError): void {
    const told = this.#toldAtMs ??= new Map();
    if (nowMs - (told.get(what) ?? -Infinity) < AGAIN_MS) return;
    // The oldest come first in a map.
    told.delete(what);
    told.set(what, nowMs);
    const oldest = told.keys().next();
    if (told.size > REMEMBERED_MAX && !oldest.done) told.delete(oldest.value);
    this.#onRefused(makeError());
  }
}
