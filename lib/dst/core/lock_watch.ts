/**
 * Watches locks: a lane on the server is the lock on the partitions that it reads, and what is handled has to be locked from the
 * handler's beginning to its end.
 *
 * @module
 */
import type { Assertions } from "../assertions/assertions.ts";
import type { CoreCatalog } from "./catalog.ts";
import type { Excuses } from "./excuses.ts";
import { describeStart, type HandlerStart, type WorkerView } from "./handler_start.ts";

/** A lane as it is on the server. */
export interface LaneFacts {
  /** Whose it is. */
  readonly instance: string;
  /** What it reads: partitions, or the shard. */
  readonly units: readonly string[];
}

/** What the watch needs. */
export interface LockWatchOptions {
  /** Where it tells what it finds. */
  readonly assertions: Assertions<CoreCatalog>;
  /** Whom the others may take for dead. */
  readonly excuses: Excuses;
  /** Who holds a stable ID, as the bucket of leases says. */
  readonly holderOf: (worker: string) => string | undefined;
  /** What of the group's a partition is in: itself, or its shard. */
  readonly unitOf: (partition: string) => string;
}

/** Sees all lanes, and what is handled. */
export class LockWatch {
  readonly #options: LockWatchOptions;
  /** Which instance has the lane of each partition, or shard. */
  readonly #holders = new Map<string, string>();
  readonly #running = new Set<HandlerStart>();

  /** @param options what it needs */
  constructor(options: LockWatchOptions) {
    this.#options = options;
  }

  /**
   * A lane was made, has shrunk or was deleted.
   *
   * @param before how it was; undefined if there was none
   * @param after how it is; undefined if there is none any more
   */
  changed(before: LaneFacts | undefined, after: LaneFacts | undefined): void {
    const kept = new Set(after?.units);
    for (const id of before?.units ?? []) if (!kept.has(id)) this.#unlocked(id);
    for (const id of kept) this.#holders.set(id, after!.instance);
  }

  /** Which instance has the lane of a partition. */
  holderOf(partition: string): string | undefined {
    return this.#holders.get(this.#options.unitOf(partition));
  }

  /** The server has forgotten all lanes with its process. */
  forgotten(): void {
    this.#holders.clear();
  }

  /**
   * A handler starts.
   *
   * @param start the handler
   * @param view what its worker knows
   * @returns to be called when it has ended
   */
  begin(start: HandlerStart, { connectedAtMs }: Pick<WorkerView, "connectedAtMs">): () => void {
    const { assertions, excuses, holderOf } = this.#options;
    const { partitionId, instance, worker } = start.right;
    const holder = this.holderOf(partitionId);
    const isBound = holderOf(worker) === instance && excuses.isProven(instance, connectedAtMs);
    assertions.always(
      "what is handled is locked",
      holder === instance || !isBound,
      () => `${describeStart(start)} started; the lane is ${holder ?? "nobody"}'s`,
    );
    this.#running.add(start);
    return () => void this.#running.delete(start);
  }

  #unlocked(unit: string): void {
    this.#holders.delete(unit);
    for (const start of this.#running) {
      const { partitionId, signal } = start.right;
      if (this.#options.unitOf(partitionId) !== unit) continue;
      if (signal.aborted || !this.#mayRely(start)) continue;
      this.#options.assertions.always(
        "what is handled is locked",
        false,
        () => `${describeStart(start)} runs, and its lane has gone`,
      );
    }
  }

  /** Nobody may take away what its worker holds: that has its lease, and nobody may take it for dead. */
  #mayRely({ right: { worker, instance } }: HandlerStart): boolean {
    const { excuses, holderOf } = this.#options;
    return holderOf(worker) === instance && !excuses.has(instance);
  }
}
