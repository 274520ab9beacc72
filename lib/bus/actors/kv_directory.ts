/**
 * The directory in a bucket: an entry is one key, and its place is taken by compare-and-set.
 *
 * @module
 */
import { decodeJsonObject, encodeJson } from "../../codec.ts";
import { isPartiError, PartiError } from "../../errors.ts";
import type { KvBucket, KvEntry } from "../../ports/kv.ts";
import type { Address } from "../names.ts";
import { type ActorId, bucketKey } from "./actor_id.ts";
import type { Directory, DirectoryEntry, Registration } from "./directory.ts";

/** So many entries are removed at the same time. */
const AT_ONCE = 32;

/** An entry that may have to be removed. */
interface Place {
  readonly key: string;
  readonly revision: number;
}

/** What one life of a node has in the directory. */
class Life {
  /** Undefined once it is known that the life goes on. */
  places: Place[] | undefined = [];
  /** When it is known. */
  readonly judged: Promise<void>;

  constructor(isGone: Promise<boolean>) {
    this.judged = isGone.then((isOver) => {
      if (!isOver) this.places = undefined;
    });
    // It is waited for later.
    this.judged.catch(() => {});
  }
}

/** The directory over a bucket that keeps its entries for ever. */
export class KvDirectory implements Directory {
  readonly #bucket: KvBucket;

  /**
   * Nothing is read yet.
   *
   * @param bucket where it is kept
   */
  constructor(bucket: KvBucket) {
    this.#bucket = bucket;
  }

  /** See {@linkcode Directory.lookup}. */
  async lookup(id: ActorId): Promise<DirectoryEntry | undefined> {
    const entry = await this.#bucket.get(bucketKey(id));
    return entry === undefined ? undefined : decode(entry);
  }

  /** See {@linkcode Directory.register}. */
  async register(
    id: ActorId,
    where: Pick<DirectoryEntry, "address" | "activation">,
    over?: DirectoryEntry,
  ): Promise<Registration> {
    const key = bucketKey(id);
    const { address, activation } = where;
    if (over?.activation === activation) return { kind: "already", entry: over };
    const value = encodeJson({ address, activation });
    try {
      const revision = over === undefined
        ? await this.#bucket.create(key, value)
        : await this.#bucket.update(key, value, over.revision);
      return { kind: "placed", entry: { address, activation, revision } };
    } catch (error) {
      if (isPartiError(error, "PARTI_CONFLICT")) return { kind: "lost" };
      throw error;
    }
  }

  /** See {@linkcode Directory.unregister}. */
  async unregister(id: ActorId, entry: DirectoryEntry): Promise<boolean> {
    return await this.#remove(bucketKey(id), entry.revision);
  }

  /** See {@linkcode Directory.sweep}. */
  async sweep(
    isGone: (address: Address) => Promise<boolean>,
    over?: AbortSignal,
  ): Promise<number> {
    const left = await this.#leftByThose(isGone, over);
    let removed = 0;
    for (let first = 0; first < left.length && !over?.aborted; first += AT_ONCE) {
      const removals = left.slice(first, first + AT_ONCE)
        .map(({ key, revision }) => this.#remove(key, revision));
      removed += (await Promise.all(removals)).filter((isRemoved) => isRemoved).length;
    }
    return removed;
  }

  /** There may be a million entries: they are read as they come, however long that takes, and only what is to be removed is kept. */
  async #leftByThose(
    isGone: (address: Address) => Promise<boolean>,
    over?: AbortSignal,
  ): Promise<Place[]> {
    const { promise: listed, resolve, reject } = Promise.withResolvers<void>();
    const lives = new Map<Address, Life>();
    const onEntry = (entry: KvEntry): void => {
      // What somebody else has written is told to whoever looks that actor up.
      const decoded = entry.operation === "removed" ? undefined : readEntry(entry);
      if (decoded === undefined) return;
      const life = lives.get(decoded.address) ?? new Life(isGone(decoded.address));
      lives.set(decoded.address, life);
      life.places?.push({ key: entry.key, revision: decoded.revision });
    };
    const giveUp = (): void => resolve();
    over?.addEventListener("abort", giveUp, { once: true });
    // It may be lost before anybody waits.
    listed.catch(() => {});
    const watch = await this.#bucket.watch(">", {
      onEntry,
      onInitialized: resolve,
      onLost: reject,
    });
    try {
      if (!over?.aborted) await listed;
    } finally {
      over?.removeEventListener("abort", giveUp);
      await watch.close();
    }
    await Promise.all([...lives.values()].map(({ judged }) => judged));
    return [...lives.values()].flatMap(({ places = [] }) => places);
  }

  async #remove(key: string, revision: number): Promise<boolean> {
    try {
      await this.#bucket.remove(key, revision);
      return true;
    } catch (error) {
      if (isPartiError(error, "PARTI_CONFLICT")) return false;
      throw error;
    }
  }
}

function readEntry(
  { value, revision }: Pick<KvEntry, "value" | "revision">,
): DirectoryEntry | undefined {
  const { address, activation } = decodeJsonObject(value) ?? {};
  return typeof address === "string" && typeof activation === "string"
    ? { address, activation, revision }
    : undefined;
}

function decode({ key, value, revision, operation }: KvEntry): DirectoryEntry | undefined {
  if (operation === "removed") return undefined;
  const entry = readEntry({ value, revision });
  if (entry !== undefined) return entry;
  throw new PartiError("PARTI_REFUSED", `the directory's ${key} is not an entry of parti`, {
    value: key,
    hint: "somebody else writes into the bucket: remove the key",
  });
}
