/**
 * What actors keep beyond their lives, behind a port, and its implementation in a bucket.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../errors.ts";
import type { KvBucket } from "../../ports/kv.ts";
import type { ActorState } from "./actor.ts";
import { type ActorId, bucketKey } from "./actor_id.ts";
import { lifeOver } from "./guarded_state.ts";

/** Where actors' states are. */
export interface StateStore {
  /**
   * Loads the state of an actor for a new life, and makes sure that no earlier one can save any more.
   *
   * @param id the actor
   * @param token the fencing token of the new life. Of earlier ones under a higher one there is none, and those under the same are over
   * @param mayAct whether the life has its right in this instant: asked before each write, so that a save that has waited for another one
   * writes nothing for a life that is over
   * @returns its state
   * @throws {PartiError} `PARTI_FENCED` if a newer life has loaded it, or what the store says
   */
  open(id: ActorId, token: bigint, mayAct: () => boolean): Promise<ActorState>;
}

/** A saved state is the token it was saved under, eight bytes long, then its kind, then the value. */
const TOKEN_BYTES = 8;
const KIND_BYTES = 1;
const HEAD_BYTES = TOKEN_BYTES + KIND_BYTES;
/** No value was saved yet; 0 and 1 are of a format with tokens of another kind, which must not be taken for these. */
const KIND_EMPTY = 2;
const KIND_VALUE = 3;
/** So often it is tried again to write over somebody who was quicker: earlier lives save at most once each after that. */
const TRIES = 5;

/** What the server says of a bucket that is not there: of a read, and of a write. */
const NO_BUCKET = ["PARTI_NOT_FOUND", "PARTI_NO_RESPONDERS"] as const;

/** States in a bucket. */
export class KvStateStore implements StateStore {
  readonly #bucket: KvBucket;
  readonly #reopen: (() => Promise<unknown>) | undefined;
  #reopening: Promise<unknown> | undefined;

  /**
   * Nothing is read yet.
   *
   * @param bucket where they are kept
   * @param reopen makes the bucket anew where somebody has deleted it; unless given, nothing can be kept then
   */
  constructor(bucket: KvBucket, reopen?: () => Promise<unknown>) {
    this.#bucket = bucket;
    this.#reopen = reopen;
  }

  /** See {@linkcode StateStore.open}. */
  async open(id: ActorId, token: bigint, mayAct: () => boolean): Promise<ActorState> {
    const key = bucketKey(id);
    for (let tries = 1;; tries++) {
      const entry = await this.#withBucket(() => this.#bucket.get(key));
      const kept = entry === undefined || entry.operation === "removed"
        ? undefined
        : decodeState(entry.value);
      if (kept !== undefined && kept.token > token) throw outranked(id, kept.token, token);
      try {
        const bytes = encode(token, kept?.value);
        // Written once more under the new token, so that whoever has the old revision can save no more.
        const revision = kept === undefined
          ? await this.#bucket.create(key, bytes)
          : await this.#bucket.update(key, bytes, entry!.revision);
        const withBucket = <T>(work: () => Promise<T>): Promise<T> => this.#withBucket(work);
        const first = { token, revision, value: kept?.value };
        return new KvState(this.#bucket, id, mayAct, withBucket, first);
      } catch (error) {
        if (!isPartiError(error, "PARTI_CONFLICT") || tries === TRIES) throw error;
      }
    }
  }

  /** Where the bucket is not there it is made anew, once for all who miss it, and what was to be done is done then. */
  async #withBucket<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (this.#reopen === undefined || !isPartiError(error, ...NO_BUCKET)) throw error;
      this.#reopening ??= this.#reopen().finally(() => this.#reopening = undefined);
      await this.#reopening;
      return await work();
    }
  }
}

interface Kept {
  readonly token: bigint;
  readonly revision: number;
  readonly value: Uint8Array | undefined;
}

class KvState implements ActorState {
  readonly #bucket: KvBucket;
  readonly #id: ActorId;
  readonly #mayAct: () => boolean;
  readonly #withBucket: <T>(work: () => Promise<T>) => Promise<T>;
  #kept: Kept;
  /** The last save, when it has come to its end. */
  #saved: Promise<void> = Promise.resolve();

  constructor(
    bucket: KvBucket,
    id: ActorId,
    mayAct: () => boolean,
    withBucket: <T>(work: () => Promise<T>) => Promise<T>,
    kept: Kept,
  ) {
    this.#bucket = bucket;
    this.#id = id;
    this.#mayAct = mayAct;
    this.#withBucket = withBucket;
    this.#kept = kept;
  }

  get value(): Uint8Array | undefined {
    return this.#kept.value;
  }

  /** One after another: each is compared with what the one before has written. */
  save(value: Uint8Array): Promise<void> {
    const kept = value.slice();
    const saving = this.#saved.then(() => this.#save(kept));
    this.#saved = saving.catch(() => {});
    return saving;
  }

  async #save(value: Uint8Array): Promise<void> {
    const key = bucketKey(this.#id);
    const { token, revision } = this.#kept;
    const bytes = encode(token, value);
    try {
      const next = await this.#withBucket(() => {
        // The life may have ended while it waited for the save before it.
        if (!this.#mayAct()) throw lifeOver();
        return this.#bucket.update(key, bytes, revision);
      });
      this.#kept = { token, revision: next, value };
    } catch (error) {
      if (!isPartiError(error, "PARTI_CONFLICT")) throw error;
      await this.#judge(key, token, value);
    }
  }

  /** A lost compare is one to a newer life, or to a save of our own whose answer never came. */
  async #judge(key: string, token: bigint, value: Uint8Array): Promise<void> {
    const entry = await this.#bucket.get(key);
    if (entry === undefined || entry.operation === "removed") {
      return await this.#putBack(key, token, value);
    }
    const kept = decodeState(entry.value);
    // A read that is out of date proves nothing.
    if (entry.revision <= this.#kept.revision) throw readTooEarly(this.#id);
    if (kept.token !== token) throw fenced(this.#id, kept.token);
    // Another life under this token begins only when this one is over; until then all that is written under it is this one's, one save
    // after another, and it goes on from where it is.
    if (!this.#mayAct()) throw lifeOver();
    this.#kept = { token, revision: entry.revision, value: kept.value };
    const next = await this.#bucket.update(key, encode(token, value), entry.revision);
    this.#kept = { token, revision: next, value };
  }

  /** It was removed by hand, or with its bucket, if the server takes this. No newer life has begun since: that would have written. */
  async #putBack(key: string, token: bigint, value: Uint8Array): Promise<void> {
    if (!this.#mayAct()) throw lifeOver();
    try {
      const revision = await this.#bucket.create(key, encode(token, value));
      this.#kept = { token, revision, value };
    } catch (error) {
      throw isPartiError(error, "PARTI_CONFLICT") ? readTooEarly(this.#id) : error;
    }
  }
}

function readTooEarly(id: ActorId): PartiError {
  return new PartiError("PARTI_CONFLICT", `the state of ${id} was read too early`);
}

function fenced(id: ActorId, token: bigint): PartiError {
  return new PartiError("PARTI_FENCED", `a newer life of ${id} has begun`, {
    value: token,
    hint: "give up: whatever this one does must not count",
  });
}

/** Usually it is as it says. But it is for ever where tokens have begun anew, and what is kept is of the time before. */
function outranked(id: ActorId, kept: bigint, token: bigint): PartiError {
  const message = `the state of ${id} is kept under token ${kept}, and this life has ${token}`;
  return new PartiError("PARTI_FENCED", message, {
    value: kept,
    hint:
      "a newer life of it has begun; or, if this goes on, the bucket that tokens come from was deleted and this one kept: " +
      "see the bus's README",
  });
}

function encode(token: bigint, value: Uint8Array | undefined): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + (value?.length ?? 0));
  new DataView(bytes.buffer).setBigUint64(0, token);
  bytes[TOKEN_BYTES] = value === undefined ? KIND_EMPTY : KIND_VALUE;
  if (value !== undefined) bytes.set(value, HEAD_BYTES);
  return bytes;
}

/**
 * Reads a saved state.
 *
 * @param bytes what is in the bucket
 * @returns the token it was saved under, and the value; undefined if none was saved
 * @throws {PartiError} `PARTI_REFUSED` if it is none
 */
export function decodeState(bytes: Uint8Array): { token: bigint; value: Uint8Array | undefined } {
  const kind = bytes[TOKEN_BYTES];
  if (kind !== KIND_EMPTY && kind !== KIND_VALUE) {
    throw new PartiError("PARTI_REFUSED", "a state that is not one of parti", {
      hint: "somebody else writes into the bucket: remove the key",
    });
  }
  const token = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
  return { token, value: kind === KIND_EMPTY ? undefined : bytes.slice(HEAD_BYTES) };
}
