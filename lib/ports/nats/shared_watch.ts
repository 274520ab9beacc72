/**
 * One watch for all who watch the same key over one connection. Every worker follows the leader's key and the assignment: many workers of
 * one process would else have two readers each on the server, which sends all of them the same.
 *
 * @module
 */
import { isPartiError } from "../../errors.ts";
import type { KvEntry, KvWatch, KvWatchHandler } from "../kv.ts";
import { guarded } from "./guarded.ts";
import type { KvWatcher } from "./kv_watch.ts";
import type { Link } from "./link.ts";

/** One who watches. */
interface Member {
  readonly handler: KvWatchHandler;
  /** Its watch has begun: it has been told what is known, and is told of what comes. */
  ready: boolean;
}

/** The watches of each connection, by what is watched. */
const watches = new WeakMap<Link, Map<string, SharedWatch>>();

/**
 * Watches a key together with all others who do.
 *
 * @param link the connection
 * @param name what is watched, and how: it is shared with those who give the same name
 * @param make makes the watch, if there is none yet; not begun
 * @param read reads the key anew: what has gone without a word is not what whoever comes later is told
 * @param handler what to tell. Whoever comes later is told at first what the others know by then, and is there
 * @returns the part in it; it ends with the last one who closes theirs
 * @throws {PartiError} as {@linkcode KvWatcher.start}
 */
export function shareWatch(
  link: Link,
  name: string,
  make: (handler: KvWatchHandler) => KvWatcher,
  read: () => Promise<KvEntry | undefined>,
  handler: KvWatchHandler,
): Promise<KvWatch> {
  const all = watches.get(link) ?? new Map<string, SharedWatch>();
  watches.set(link, all);
  const found = all.get(name);
  if (found !== undefined) return found.join(handler, read);
  const shared: SharedWatch = new SharedWatch(make, () => {
    if (all.get(name) === shared) all.delete(name);
  });
  all.set(name, shared);
  return shared.join(handler);
}

/** A watch of one key, and all who share it. */
class SharedWatch {
  readonly #members = new Set<Member>();
  readonly #watcher: KvWatcher;
  readonly #started: Promise<void>;
  readonly #onEnd: () => void;
  #last: KvEntry | undefined;
  #initialized = false;

  constructor(make: (handler: KvWatchHandler) => KvWatcher, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#watcher = make({
      onEntry: (entry) => {
        this.#last = entry;
        for (const member of [...this.#members]) this.#tell(member, entry);
      },
      onInitialized: () => {
        this.#initialized = true;
        for (const member of [...this.#members]) this.#tellInitialized(member);
      },
      onLost: (error) => {
        onEnd();
        const members = [...this.#members];
        this.#members.clear();
        for (const { handler } of members) guarded(() => handler.onLost(error));
      },
    });
    this.#started = this.#watcher.start();
    // Whoever comes next begins anew.
    this.#started.catch(onEnd);
  }

  /** Whoever joins a watch that has begun says how the key is read. */
  async join(
    handler: KvWatchHandler,
    read?: () => Promise<KvEntry | undefined>,
  ): Promise<KvWatch> {
    const member: Member = { handler, ready: false };
    this.#members.add(member);
    try {
      await this.#started;
      if (read !== undefined) await this.#forgetIfGone(read);
    } catch (error) {
      await this.#leave(member);
      throw error;
    }
    member.ready = true;
    // It may have been lost by now, which it was told; then it is told nothing any more.
    if (this.#last !== undefined) this.#tell(member, this.#last);
    if (this.#initialized) this.#tellInitialized(member);
    return { close: () => this.#leave(member) };
  }

  /** Where the server leaves no markers nobody is told of an expiry, and nowhere of a key that was erased. */
  async #forgetIfGone(read: () => Promise<KvEntry | undefined>): Promise<void> {
    const known = this.#last;
    if (known?.operation !== "put") return;
    try {
      if (await read() === undefined && this.#last === known) this.#last = undefined;
    } catch (error) {
      // Who may watch a key and not read it is told what the others know.
      if (!isPartiError(error, "PARTI_REFUSED")) throw error;
    }
  }

  /** What a handler throws ends its own part in the watch, as it would end a watch of its own. */
  #tell(member: Member, entry: KvEntry): void {
    if (!member.ready || !this.#members.has(member)) return;
    try {
      member.handler.onEntry(entry);
    } catch (error) {
      this.#lose(member, error);
    }
  }

  #tellInitialized(member: Member): void {
    if (!member.ready || !this.#members.has(member)) return;
    try {
      member.handler.onInitialized?.();
    } catch (error) {
      this.#lose(member, error);
    }
  }

  #lose(member: Member, error: unknown): void {
    void this.#leave(member);
    member.handler.onLost(error);
  }

  async #leave(member: Member): Promise<void> {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#onEnd();
    await this.#watcher.close();
  }
}
