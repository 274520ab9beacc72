/**
 * One bucket as the server keeps it: the last state of each key, one sequence of revisions, and expiry that is late. Every rule here was
 * seen on nats-server 2.10.27 and 2.15.1.
 *
 * @module
 */
import type { Timer } from "../../ports/clock.ts";
import type { KvBucketOptions, KvEntry } from "../../ports/kv.ts";
import { Draws } from "../draw.ts";
import { refusal } from "./refusal.ts";
import type { ModelServer } from "./server.ts";
import type { SubjectMatcher } from "./subject_match.ts";

/** How late an expiry is at most on servers that leave markers (2.11 and newer), and on older ones, in milliseconds. */
export const EXPIRY_LATE_MAX_MS = { withMarkers: 305, withoutMarkers: 1_008 } as const;
/** The shortest life of an expiry marker, in milliseconds. */
const MIN_MARKER_TTL_MS = 1_000;
/** How many changes are remembered for stale reads. */
const REMEMBERED = 2_000;
const EMPTY = new Uint8Array(0);

/** Who is told of changes, such as a reader behind a watch. */
export interface BucketFollower {
  /** A state was stored. */
  stored(entry: KvEntry): void;
  /** The bucket is gone. */
  gone(): void;
  /** A key has expired and left no marker. No client is ever told of it: this is for whoever watches the simulation. */
  expired?(key: string): void;
  /** A key was erased. No client is ever told of that, either. */
  erased?(key: string): void;
}

interface Stored {
  readonly entry: KvEntry;
  /** When it is due to vanish, in milliseconds of the server; infinite if it never is. */
  readonly dueMs: number;
  /** It was left by the server for a key that expired; it vanishes without a trace. */
  readonly isMarker: boolean;
}

/** A bucket. */
export class BucketModel {
  /** The bucket's name. */
  readonly name: string;
  /** Tells it from others of the same name before and after it. */
  readonly created: number;
  /** Its settings, which never change. */
  readonly settings: KvBucketOptions;
  readonly #server: ModelServer;
  readonly #leavesMarkers: boolean;
  readonly #lateness: Draws;
  /** By key, in the order of their revisions: a write puts its key last. */
  readonly #stored = new Map<string, Stored>();
  /** What was erased since the server's process began, and not written since. */
  readonly #erased = new Map<string, Stored>();
  readonly #revived = new Set<string>();
  readonly #revivals: Draws;
  readonly #followers = new Set<BucketFollower>();
  #past: { readonly key: string; readonly entry: KvEntry | undefined }[] = [];
  #lastRevision = 0;
  #expiry: Timer | undefined;

  /**
   * @param server where it is
   * @param name its name
   * @param created tells it from others of the same name
   * @param settings its settings
   */
  constructor(server: ModelServer, name: string, created: number, settings: KvBucketOptions) {
    this.#server = server;
    this.name = name;
    this.created = created;
    this.settings = settings;
    // Our adapter asks for markers wherever keys expire and the server knows how to leave them.
    this.#leavesMarkers = server.capabilities.markers && settings.ttlMs > 0;
    this.#lateness = new Draws(server.kernel.seed, "expiry", name);
    this.#revivals = new Draws(server.kernel.seed, "revival", name);
  }

  /** The revision of the last write. */
  get lastRevision(): number {
    return this.#lastRevision;
  }

  /** The keys that were erased, and are there again since the server crashed. */
  get revived(): ReadonlySet<string> {
    return this.#revived;
  }

  /** How many are told of changes: whoever has ended must not be among them. */
  get followerCount(): number {
    return this.#followers.size;
  }

  /**
   * Writes a key.
   *
   * @param key the key
   * @param value its value; undefined removes it, which leaves a state of its own
   * @param expected what the key's last revision must be, a removal's included, and 0 for none; undefined compares nothing
   * @returns the new revision
   * @throws {PartiError} `PARTI_CONFLICT` if the revision is another; none is consumed then
   */
  write(key: string, value: Uint8Array | undefined, expected?: number): number {
    const actual = this.#stored.get(key)?.entry.revision ?? 0;
    if (expected !== undefined && expected !== actual) {
      throw refusal(10071, `write ${key} on ${expected}, which is at ${actual}`);
    }
    const { ttlMs, removalsTtlMs } = this.settings;
    let lifeMs = ttlMs > 0 ? ttlMs : Infinity;
    if (value === undefined && removalsTtlMs !== undefined && this.#server.capabilities.perKeyTtl) {
      lifeMs = Math.min(lifeMs, Math.ceil(removalsTtlMs / 1_000) * 1_000);
    }
    return this.#store(key, value, this.#server.nowMs + lifeMs, false);
  }

  /**
   * Purges a key: its last state is gone, a removal too. That is no state of its own, and no client is told. After a crash it may be there
   * again, or what it was before.
   *
   * @param key the key
   */
  erase(key: string): void {
    const stored = this.#stored.get(key);
    if (stored === undefined) return;
    this.#stored.delete(key);
    this.#erased.set(key, stored);
    this.#revived.delete(key);
    this.#remember(key, undefined);
    for (const follower of [...this.#followers]) follower.erased?.(key);
  }

  /**
   * The last state of a key, as the leader has it.
   *
   * @param key the key
   * @returns its state, which may be a removal; undefined if there is none
   */
  last(key: string): KvEntry | undefined {
    return this.#stored.get(key)?.entry;
  }

  /**
   * What a key was before, as far as it is remembered: the last 2,000 changes of the bucket.
   *
   * @param key the key
   * @returns its earlier states, oldest first; undefined stands for "not there", which every key was once
   */
  earlier(key: string): readonly (KvEntry | undefined)[] {
    const states = this.#past.filter((state) => state.key === key).map((state) => state.entry);
    return [undefined, ...states.slice(0, -1)];
  }

  /**
   * The present states in the order of their revisions, removals included.
   *
   * @param revision the first revision that counts
   * @param matches which keys
   * @returns the states
   */
  from(revision: number, matches: SubjectMatcher): KvEntry[] {
    const entries: KvEntry[] = [];
    for (const { entry } of this.#stored.values()) {
      if (entry.revision >= revision && matches(entry.key)) entries.push(entry);
    }
    return entries;
  }

  /** Tells a follower of everything from now on. */
  follow(follower: BucketFollower): void {
    this.#followers.add(follower);
  }

  /** Tells a follower of nothing more. */
  unfollow(follower: BucketFollower): void {
    this.#followers.delete(follower);
  }

  /** The server's process is gone, and the followers with it. What is stored stays. */
  stop(): void {
    this.#followers.clear();
    this.#expiry = undefined;
  }

  /**
   * The server has a new process. Without markers it clears away what is due before it lets anybody in; with markers it does so only
   * when its timer fires, so that for a moment clients read what should be gone.
   */
  start(): void {
    this.#revive();
    if (!this.#leavesMarkers) this.#expire();
    this.#arm();
  }

  /** The bucket is removed. */
  remove(): void {
    this.#expiry?.cancel();
    const followers = [...this.#followers];
    this.#followers.clear();
    for (const follower of followers) follower.gone();
  }

  #store(key: string, value: Uint8Array | undefined, dueMs: number, isMarker: boolean): number {
    const entry: KvEntry = {
      key,
      value: value ?? EMPTY,
      revision: ++this.#lastRevision,
      operation: value === undefined ? "removed" : "put",
    };
    this.#server.noteWritten(key, entry.value);
    this.#stored.delete(key);
    this.#erased.delete(key);
    this.#revived.delete(key);
    this.#stored.set(key, { entry, dueMs, isMarker });
    this.#remember(key, entry);
    if (dueMs !== Infinity && this.#expiry === undefined) this.#arm();
    for (const follower of [...this.#followers]) follower.stored(entry);
    return entry.revision;
  }

  /** The server makes no hurry with writing down what it has purged, nor that a key's older states were gone before. */
  #revive(): void {
    for (const [key, stored] of this.#erased) {
      if (!this.#revivals.chance(0.5)) continue;
      const states = this.#past.flatMap(({ entry }) => entry?.key === key ? [entry] : []);
      this.#stored.set(key, { ...stored, entry: this.#revivals.pick([...states, stored.entry]) });
      this.#revived.add(key);
    }
    this.#erased.clear();
    const inOrder = [...this.#stored].sort(([, a], [, b]) => a.entry.revision - b.entry.revision);
    this.#stored.clear();
    for (const [key, stored] of inOrder) this.#stored.set(key, stored);
  }

  #remember(key: string, entry: KvEntry | undefined): void {
    this.#past.push({ key, entry });
    if (this.#past.length > 2 * REMEMBERED) this.#past = this.#past.slice(-REMEMBERED);
  }

  /** The server looks at its oldest message, some time after that is due, and takes away all that are due then. */
  #arm(): void {
    let dueMs = Infinity;
    for (const stored of this.#stored.values()) dueMs = Math.min(dueMs, stored.dueMs);
    this.#expiry = undefined;
    if (dueMs === Infinity) return;
    const { withMarkers, withoutMarkers } = EXPIRY_LATE_MAX_MS;
    const lateMaxMs = this.#leavesMarkers ? withMarkers : withoutMarkers;
    const delayMs = Math.max(0, dueMs - this.#server.nowMs) + this.#lateness.between(0, lateMaxMs);
    this.#expiry = this.#server.schedule(delayMs, "kv expiry", () => {
      this.#expire();
      this.#arm();
    });
  }

  #expire(): void {
    const nowMs = this.#server.nowMs;
    const due = [...this.#stored.values()].filter((stored) => stored.dueMs <= nowMs);
    for (const { entry: { key, operation }, isMarker } of due) {
      if (this.#leavesMarkers && !isMarker) {
        this.#store(key, undefined, nowMs + this.#markerLifeMs(), true);
      } else {
        this.#stored.delete(key);
        this.#remember(key, undefined);
        // The end of a marker is no news: its key ended when the marker was left.
        if (isMarker || operation === "removed") continue;
        for (const follower of [...this.#followers]) follower.expired?.(key);
      }
    }
  }

  /** A marker has a life of its own, in whole seconds, but no more than any message of its bucket. */
  #markerLifeMs(): number {
    const { ttlMs } = this.settings;
    const ownMs = Math.floor(Math.max(MIN_MARKER_TTL_MS, ttlMs) / 1_000) * 1_000;
    return Math.min(ownMs, ttlMs);
  }
}
