/**
 * Everything that leaders publish, as it happens: observed at the key itself, so that no worker's word is taken for it. Only tests
 * import this.
 *
 * @module
 */
import { decodeJsonObject } from "../codec.ts";
import { assignmentBucket, CURRENT_KEY } from "../names.ts";
import type { KvEntry, KvWatch } from "../ports/kv.ts";
import type { World } from "../ports/world.ts";

/** One state of `current`. */
export interface PublicationSeen {
  /** The leader's epoch. */
  readonly epoch: number;
  /** The generation. */
  readonly generation: number;
  /** Why it was made. */
  readonly reason: string;
  /** The leader's instance. */
  readonly leader: string;
  /** Partitions by instance. */
  readonly workers: ReadonlyMap<string, readonly string[]>;
}

/** Watches `current`. */
export class Publications {
  /** All that was seen, oldest first. */
  readonly all: PublicationSeen[] = [];
  /** Everything that must not happen and did. */
  readonly violations: string[] = [];
  #watch: KvWatch | undefined;
  #revision = 0;

  /**
   * Begins to watch.
   *
   * @param world a world of its own
   * @param group the group
   */
  static async watch(world: World, group: string): Promise<Publications> {
    const publications = new Publications();
    const bucket = await world.kv.open(assignmentBucket(group), {
      ttlMs: 0,
      replicas: 1,
      storage: "file",
    });
    publications.#watch = await bucket.watch(CURRENT_KEY, {
      onEntry: (entry) => publications.take(entry),
      onLost: (error) => publications.violations.push(`the watch was lost: ${error}`),
    });
    return publications;
  }

  /** The last one. */
  get latest(): PublicationSeen | undefined {
    return this.all.at(-1);
  }

  /** Those that changed something; a new leader's first word, which only takes over, is left out. */
  get generations(): PublicationSeen[] {
    return this.all.filter((seen, index) =>
      index === 0 ? seen.generation > 0 : seen.generation !== this.all[index - 1]!.generation
    );
  }

  /** Takes one state of the key. */
  take(entry: KvEntry): void {
    const raw = decodeJsonObject(entry.value);
    if (raw === undefined) {
      this.violations.push(`revision ${entry.revision} is no assignment`);
      return;
    }
    const workers = raw["workers"] as { instance: string; partitions: string[] }[];
    const seen: PublicationSeen = {
      epoch: Number(raw["epoch"]),
      generation: Number(raw["generation"]),
      reason: String(raw["reason"]),
      leader: (raw["leader"] as { instance: string }).instance,
      workers: new Map(workers.map((worker) => [worker.instance, worker.partitions])),
    };
    this.#check(seen, entry.revision === this.#revision + 1);
    this.#revision = entry.revision;
    this.all.push(seen);
  }

  /** Ends it. */
  async close(): Promise<void> {
    await this.#watch?.close();
  }

  /** A watch that begins anew after a server's restart may leave out what was overwritten: then only the order is checked. */
  #check(seen: PublicationSeen, gapless: boolean): void {
    const text = `epoch ${seen.epoch}, generation ${seen.generation}`;
    const owners = new Map<string, string>();
    for (const [instance, partitions] of seen.workers) {
      for (const id of partitions) {
        if (owners.has(id)) this.violations.push(`${text}: ${id} has two owners`);
        owners.set(id, instance);
      }
    }
    const before = this.latest;
    if (before === undefined) return;
    if (seen.epoch < before.epoch) this.violations.push(`${text} after epoch ${before.epoch}`);
    if (seen.generation < before.generation) {
      this.violations.push(`${text} after generation ${before.generation}`);
    }
    if (seen.epoch === before.epoch && seen.leader !== before.leader) {
      this.violations.push(`${text}: ${seen.leader} and ${before.leader} wrote in one epoch`);
    }
    if (!gapless) return;
    if (seen.epoch === before.epoch && seen.generation !== before.generation + 1) {
      this.violations.push(`${text} after generation ${before.generation} of the same epoch`);
    }
    if (seen.epoch !== before.epoch && seen.generation !== before.generation) {
      this.violations.push(`${text}: a new leader changed the assignment before taking it over`);
    }
  }
}
