/**
 * An open bucket over a simulated connection.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../errors.ts";
import type { Timer } from "../../ports/clock.ts";
import type { KvBucket, KvEntry, KvWatch, KvWatchHandler } from "../../ports/kv.ts";
import { refuseLong } from "../../ports/subject_length.ts";
import { checkKey, checkPattern } from "../../ports/nats/kv_format.ts";
import { API_TIMEOUT_MS, type KvWire } from "./kv_wire.ts";
import { checkPayload } from "./payload.ts";
import { SimKvWatch } from "./sim_kv_watch.ts";
import { subjectMatcher } from "./subject_match.ts";

/** How often a create is tried against removal markers that come and go. */
const CREATE_ATTEMPTS = 4;

/** See {@linkcode KvBucket}. */
export class SimKvBucket implements KvBucket {
  /** The bucket's name. */
  readonly name: string;
  readonly #wire: KvWire;

  /**
   * @param wire the connection
   * @param name the bucket, which exists
   */
  constructor(wire: KvWire, name: string) {
    this.#wire = wire;
    this.name = name;
  }

  /** See {@linkcode KvBucket.create}. */
  async create(key: string, value: Uint8Array): Promise<number> {
    let expected = 0;
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#write("kv create", key, value, expected);
      } catch (error) {
        if (!isPartiError(error, "PARTI_CONFLICT") || attempt === CREATE_ATTEMPTS) throw error;
        // A removal leaves a marker, and the marker is the key's last state: the key is free, but not at 0.
        const last = await this.#last(key);
        if (last?.operation === "put") throw error;
        expected = last?.revision ?? 0;
      }
    }
  }

  /** See {@linkcode KvBucket.update}. */
  async update(key: string, value: Uint8Array, revision: number): Promise<number> {
    if (!(revision > 0)) {
      throw new PartiError("PARTI_CONFLICT", `no revision ${revision} of ${key} can exist`, {
        value: revision,
        hint: "use create for a key that does not exist",
      });
    }
    return await this.#write("kv update", key, value, revision);
  }

  /** See {@linkcode KvBucket.put}. */
  put(key: string, value: Uint8Array): Promise<number> {
    return this.#write("kv put", key, value, undefined);
  }

  /** See {@linkcode KvBucket.get}. */
  async get(key: string): Promise<KvEntry | undefined> {
    const last = await this.#last(key);
    return last?.operation === "put" ? last : undefined;
  }

  /** See {@linkcode KvBucket.remove}. */
  async remove(key: string, revision?: number): Promise<void> {
    await this.#write("kv remove", key, undefined, revision);
  }

  /** See {@linkcode KvBucket.erase}. */
  async erase(key: string): Promise<void> {
    const { model } = this.#wire;
    checkKey(key);
    await this.#wire.write("kv erase", () => model.bucket(this.name).erase(key), API_TIMEOUT_MS);
  }

  /** See {@linkcode KvBucket.list}. */
  list(pattern: string): Promise<KvEntry[]> {
    return this.#wire.link.count(() => this.#list(pattern));
  }

  /** See {@linkcode KvBucket.watch}. */
  async watch(pattern: string, handler: KvWatchHandler): Promise<KvWatch> {
    const watch = this.#watch(pattern, handler);
    try {
      await watch.start();
    } catch (error) {
      await watch.close();
      throw error;
    }
    return watch;
  }

  async #list(pattern: string): Promise<KvEntry[]> {
    const entries = new Map<string, KvEntry>();
    let timer: Timer | undefined;
    let watch: KvWatch | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        timer = this.#wire.link.owner.clock.setTimer(API_TIMEOUT_MS, () => {
          reject(new PartiError("PARTI_TIMEOUT", `no listing within ${API_TIMEOUT_MS} ms`));
        });
        const opened = this.#watch(pattern, {
          onEntry: (entry) => void entries.set(entry.key, entry),
          onInitialized: resolve,
          onLost: reject,
        });
        watch = opened;
        opened.start().catch(reject);
      });
    } finally {
      timer?.cancel();
      await watch?.close();
    }
    return [...entries.values()].filter((entry) => entry.operation === "put");
  }

  #watch(pattern: string, handler: KvWatchHandler): SimKvWatch {
    return new SimKvWatch(this.#wire, this.name, subjectMatcher(checkPattern(pattern)), handler);
  }

  async #write(
    label: string,
    key: string,
    value: Uint8Array | undefined,
    expected: number | undefined,
  ): Promise<number> {
    const { model } = this.#wire;
    refuseLong(`$KV.${this.name}.${checkKey(key)}`, "write");
    const headers: Record<string, string> = expected === undefined
      ? {}
      : { "Nats-Expected-Last-Subject-Sequence": String(expected) };
    const copy = value && checkPayload(value, `write ${key}`, headers);
    return await this.#wire.write(
      label,
      () => model.writable(this.name).write(key, copy, expected),
      API_TIMEOUT_MS,
    );
  }

  async #last(key: string): Promise<KvEntry | undefined> {
    const { model } = this.#wire;
    checkKey(key);
    const last = await this.#wire.ask(
      "kv get",
      () => this.#wire.read(model.bucket(this.name), key),
    );
    // Each client has bytes of its own: what it does to them must not reach the server.
    return last && { ...last, value: last.value.slice() };
  }
}
