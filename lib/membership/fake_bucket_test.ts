/**
 * A bucket in memory whose answers a test can lose, delay or falsify, and a few things that tests of leases share. No test of its
 * own.
 *
 * @module
 */
import { encodeJson } from "../codec.ts";
import { PartiError } from "../errors.ts";
import type { KvBucket, KvEntry, KvWatch, KvWatchHandler } from "../ports/kv.ts";
import type { Random } from "../ports/random.ts";
import type { ManualClock } from "../test_support/manual_clock.ts";
import type { LeaseOptions } from "./lease.ts";

/** What can be done to a bucket. */
export type Operation = "create" | "update" | "put" | "get" | "remove" | "erase" | "list" | "watch";

/** Called around an operation. May throw, and may take its time. */
export type Interference = (operation: Operation, key: string) => void | Promise<void>;

/** A random source without surprises: the longest jitter, and counted identities. */
export function plainRandom(): Random {
  let count = 0;
  return { float: () => 1 - Number.EPSILON, uuid: () => `instance-${++count}` };
}

/**
 * @param what the code's cause
 * @returns an error as the world throws it where an answer never came
 */
export function timeout(what = "answer"): PartiError {
  return new PartiError("PARTI_TIMEOUT", `no ${what} in time`);
}

/** The compare-and-set, the revisions and the watches of a bucket, in memory. */
export class FakeBucket implements KvBucket {
  readonly name = "fake";
  /** Called before an operation is carried out: what it throws means that nothing was done. */
  before: Interference = () => {};
  /** Called after it was carried out and before it is answered: what it throws means that the outcome is unknown. */
  after: Interference = () => {};
  /** Changes what a `get` finds: a stale read. */
  readAs: (entry: KvEntry | undefined) => KvEntry | undefined = (entry) => entry;
  /** Every operation that was carried out, as `update worker.1`. */
  readonly log: string[] = [];
  /** Every entry ever written, in order. */
  readonly history: KvEntry[] = [];
  readonly #entries = new Map<string, KvEntry>();
  readonly #watches = new Set<{ pattern: string; handler: KvWatchHandler }>();
  #revision = 0;

  /** The running watches. */
  get watchCount(): number {
    return this.#watches.size;
  }

  /** The state of a key, behind everybody's back. */
  peek(key: string): KvEntry | undefined {
    const entry = this.#entries.get(key);
    return entry?.operation === "put" ? entry : undefined;
  }

  /** Writes a key, whatever it was, behind everybody's back. */
  poke(key: string, value: unknown): number {
    return this.#store(key, "put", encodeJson(value));
  }

  /** The key is gone and nobody is told: an expiry on a server without markers. */
  expireSilently(key: string): void {
    this.#entries.delete(key);
  }

  /** All watches are lost. */
  loseWatches(error: unknown): void {
    for (const watch of [...this.#watches]) {
      this.#watches.delete(watch);
      watch.handler.onLost(error);
    }
  }

  /** The bucket is deleted and made anew: empty, with revisions from 1. */
  remake(): void {
    this.#entries.clear();
    this.#revision = 0;
    this.loseWatches(new PartiError("PARTI_NOT_FOUND", "the bucket was made anew"));
  }

  create(key: string, value: Uint8Array): Promise<number> {
    return this.#do("create", key, () => {
      if (this.peek(key) !== undefined) throw conflict(key);
      return this.#store(key, "put", value);
    });
  }

  update(key: string, value: Uint8Array, revision: number): Promise<number> {
    return this.#do("update", key, () => {
      if (this.#entries.get(key)?.revision !== revision) throw conflict(key);
      return this.#store(key, "put", value);
    });
  }

  put(key: string, value: Uint8Array): Promise<number> {
    return this.#do("put", key, () => this.#store(key, "put", value));
  }

  get(key: string): Promise<KvEntry | undefined> {
    return this.#do("get", key, () => this.readAs(this.peek(key)));
  }

  async remove(key: string, revision?: number): Promise<void> {
    await this.#do("remove", key, () => {
      if (revision !== undefined && this.#entries.get(key)?.revision !== revision) {
        throw conflict(key);
      }
      return this.#store(key, "removed", new Uint8Array());
    });
  }

  erase(key: string): Promise<void> {
    return this.#do("erase", key, () => void this.#entries.delete(key));
  }

  list(pattern: string): Promise<KvEntry[]> {
    return this.#do("list", pattern, () => {
      return [...this.#entries.values()].filter((entry) =>
        entry.operation === "put" && matches(pattern, entry.key)
      );
    });
  }

  watch(pattern: string, handler: KvWatchHandler): Promise<KvWatch> {
    return this.#do("watch", pattern, () => {
      const watch = { pattern, handler };
      this.#watches.add(watch);
      for (const entry of [...this.#entries.values()]) {
        if (matches(pattern, entry.key)) handler.onEntry(entry);
      }
      handler.onInitialized?.();
      return {
        close: () => {
          this.#watches.delete(watch);
          return Promise.resolve();
        },
      };
    });
  }

  async #do<T>(operation: Operation, key: string, carryOut: () => T): Promise<T> {
    await this.before(operation, key);
    this.log.push(`${operation} ${key}`);
    const result = carryOut();
    await this.after(operation, key);
    return result;
  }

  #store(key: string, operation: "put" | "removed", value: Uint8Array): number {
    const entry: KvEntry = { key, value, revision: ++this.#revision, operation };
    this.#entries.set(key, entry);
    this.history.push(entry);
    for (const { pattern, handler } of [...this.#watches]) {
      if (matches(pattern, key)) handler.onEntry(entry);
    }
    return entry.revision;
  }
}

function conflict(key: string): PartiError {
  return new PartiError("PARTI_CONFLICT", `somebody else wrote ${key}`);
}

function matches(pattern: string, key: string): boolean {
  return /[*>]$/.test(pattern) ? key.startsWith(pattern.slice(0, -1)) : key === pattern;
}

/** Time to live and renewal of leases in unit tests, in milliseconds. */
export const TTL_MS = 6_000;
/** See {@linkcode TTL_MS}. */
export const RENEW_MS = 2_000;

/**
 * Options of a lease in a unit test.
 *
 * @param bucket where it is kept
 * @param clock time
 * @param changes what is special
 * @returns the options, and what was reported
 */
export function leaseOptions(
  bucket: KvBucket,
  clock: ManualClock,
  changes: Partial<LeaseOptions> = {},
): LeaseOptions & { readonly lost: string[]; readonly renewals: boolean[] } {
  const lost: string[] = [];
  const renewals: boolean[] = [];
  const instance = changes.instance ?? "me";
  return {
    bucket,
    key: "worker.0",
    instance,
    clock,
    ttlMs: TTL_MS,
    renewEveryMs: RENEW_MS,
    value: () => encodeJson({ v: 1, worker: "worker-0", instance }),
    onLost: (reason) => void lost.push(reason),
    onRenewed: (ok) => void renewals.push(ok),
    lost,
    renewals,
    ...changes,
  };
}
