/**
 * Acquiring: new lanes for partitions that are wanted and not held. What a live worker still holds is tried when it has announced the
 * release, with a poll behind it in case the notice is lost; notices that come together are acted on together.
 *
 * @module
 */
import type { PartitionId } from "../../assignment/partition.ts";
import { isPartiError, PartiError } from "../../errors.ts";
import { laneMetadata, laneName } from "../../names.ts";
import type { Timer } from "../../ports/clock.ts";
import type { ConsumerConfig, ConsumerInfo } from "../../ports/feed.ts";
import { jitter } from "../../ports/random.ts";
import { ackPendingOf } from "./ack_pending.ts";
import type { LaneKeeperOptions } from "./keeper_options.ts";
import type { LaneTable } from "./lane_table.ts";
import type { Orphans } from "./orphans.ts";
import { OUTRANKED_MS } from "./outranked.ts";
import { PREFETCH_MOST } from "./prefetch.ts";
import type { Slot } from "../dispatch/slot.ts";
import { surveyHolders } from "./survey.ts";

/** The first pause after a refusal: a release notice usually comes sooner. */
const REFUSED_MS = 50;
const REFUSED_MAX_MS = 1_000;
const REFUSED_GROWTH = 1.5;
/** Refused so often: look who holds it. */
const SURVEY_AFTER_REFUSALS = 2;
/** Growing further than this makes no difference. */
const REFUSALS_MAX = 20;
/**
 * Partitions in one lane at most. The server's work for each change of a filter grows faster than the filter: with 6,000 partitions and
 * a backlog a shrink took 40 ms on lanes of 100, 85 ms on 300, 400 ms on 1,200 and 1.2 s on 2,000 (nats-server 2.15.1, two cores).
 */
export const LANE_PARTITIONS_MAX = 200;
/** The same where a simulation wants many lanes. */
const NARROW_PARTITIONS = 2;
/**
 * A partition with a live holder is tried after this long without a notice. Sooner it would usually be refused; later, a notice that is lost,
 * or a holder that went before it knew of its luck, would be felt.
 */
const EXPECTED_MS = 100;
/** Notices that come within this time are acted on together: one lane instead of one for each former owner. */
const GATHER_MS = 8;
/** Whoever was not allowed what lanes ask for asks for less, so long: limits are raised, and lanes that are made later may have more. */
const NARROW_MS = 60_000;
/** A notice may come before the assignment that makes it matter; so long it is remembered. */
const NOTICE_MEMORY_MS = 2_000;
const NOTICES_MAX = 20_000;

/** Gets lanes. */
export class Acquirer {
  readonly #options: LaneKeeperOptions;
  readonly #table: LaneTable;
  readonly #orphans: Orphans;
  readonly #creating = new Set<string>();
  readonly #hinted = new Set<Slot>();
  readonly #announced = new Map<PartitionId, number>();
  #retryTimer: Timer | undefined;
  #serial = 0;
  #narrowUntilMs = -Infinity;
  #gatherUntilMs = 0;
  #closed = false;

  /**
   * @param options what it needs
   * @param table where new lanes go
   * @param orphans where lanes go of which nobody knows whether they were made
   */
  constructor(options: LaneKeeperOptions, table: LaneTable, orphans: Orphans) {
    this.#options = options;
    this.#table = table;
    this.#orphans = orphans;
  }

  /** Tries whatever is due. */
  start(): void {
    // While the connection is down every try would fail; the check after the reconnect comes here again.
    if (this.#closed || !this.#options.world.messaging.connected || !this.#options.mayAct()) return;
    const now = this.#options.world.clock.monotonicMs();
    const batches = new Map<string, Slot[]>();
    const later: Slot[] = [];
    for (const slot of this.#options.slots.values()) {
      if (!slot.wanted || slot.lane !== undefined || slot.moving) continue;
      if (slot.dueAtMs <= now) addTo(batches, slot);
      else later.push(slot);
    }
    let nextMs = Infinity;
    for (const slot of later) {
      // Those refused often are looked up with one question to the server, not each at a time of its own; so are those outranked.
      const key = batchKey(slot);
      if ((key === REFUSED || key === OUTRANKED) && batches.has(key)) addTo(batches, slot);
      else nextMs = Math.min(nextMs, slot.dueAtMs);
    }
    this.#armRetry(nextMs - now);
    const widest = this.#widest();
    for (const batch of batches.values()) {
      for (let from = 0; from < batch.length; from += widest) {
        void this.#acquire(batch.slice(from, from + widest));
      }
    }
  }

  /**
   * A partition is wanted from now on. If a live instance holds it, its notice is waited for a moment.
   *
   * @param slot the partition's slot
   * @param contender the live instance that held it before, if any
   */
  expect(slot: Slot, contender: string | undefined): void {
    const now = this.#options.world.clock.monotonicMs();
    const announcedAtMs = this.#announced.get(slot.id);
    // It told of one release. If the partition comes back later, somebody else holds it meanwhile.
    this.#announced.delete(slot.id);
    const isFree = contender === undefined ||
      (announcedAtMs !== undefined && now - announcedAtMs < NOTICE_MEMORY_MS);
    slot.believedFree = isFree;
    slot.batch = isFree ? undefined : contender;
    slot.refusals = 0;
    slot.nextTryAtMs = isFree ? 0 : now + EXPECTED_MS;
  }

  /**
   * Somebody let these go: those wanted here are tried as soon as what else is let go at the same time is known.
   *
   * @param ids the partitions
   * @returns whether any is wanted here
   */
  hint(ids: readonly PartitionId[]): boolean {
    const { world } = this.#options;
    if (world.buggify("notice-lost")) return false;
    const now = world.clock.monotonicMs();
    if (now >= this.#gatherUntilMs) this.#gatherUntilMs = now + GATHER_MS;
    this.#forgetNotices(now);
    let any = false;
    for (const id of ids) {
      const slot = this.#options.slots.get(id);
      if (slot === undefined || !slot.wanted) {
        this.#announced.delete(id);
        this.#announced.set(id, now);
        continue;
      }
      if (slot.lane !== undefined) continue;
      // A try may be under way that the server has refused already: the next one must not wait.
      if (slot.moving) this.#hinted.add(slot);
      slot.nextTryAtMs = this.#gatherUntilMs;
      slot.refusals = 0;
      slot.batch = NOTICED;
      slot.believedFree = true;
      any = true;
    }
    return any;
  }

  /** The oldest come first in a map; a notice is as good a time as any to look at them. */
  #forgetNotices(now: number): void {
    for (const [id, atMs] of this.#announced) {
      if (now - atMs < NOTICE_MEMORY_MS && this.#announced.size <= NOTICES_MAX) break;
      this.#announced.delete(id);
    }
  }

  /** Tries nothing more. A create under way is undone when its answer comes. */
  close(): void {
    this.#closed = true;
    this.#retryTimer?.cancel();
  }

  /** How many partitions go on one lane: a shard is alone on its. */
  #widest(): number {
    if (this.#options.config.shards !== undefined) return 1;
    return this.#options.world.buggify("narrow-lane") ? NARROW_PARTITIONS : LANE_PARTITIONS_MAX;
  }

  /** What a lane is to have room for. */
  get #roomMost(): number {
    const { config: { prefetch }, world: { clock } } = this.#options;
    if (clock.monotonicMs() < this.#narrowUntilMs) return prefetch;
    return Math.max(prefetch, PREFETCH_MOST);
  }

  #armRetry(delayMs: number): void {
    this.#retryTimer?.cancel();
    if (delayMs === Infinity) return;
    this.#retryTimer = this.#options.world.clock.setTimer(
      Math.max(1, delayMs),
      () => this.#options.onChange(),
    );
  }

  /** Never rejects. */
  async #acquire(batch: readonly Slot[]): Promise<void> {
    for (const slot of batch) slot.moving = true;
    try {
      // Whoever is outranked is behind himself, and judges nobody.
      const refused = batch.some((slot) =>
        slot.refusals >= SURVEY_AFTER_REFUSALS && !slot.outranked
      );
      const free = refused || this.#options.world.buggify("survey-early")
        ? await this.#survey(batch)
        : batch;
      if (free.length > 0 && !this.#closed) await this.#create(free);
    } catch (error) {
      if (isPartiError(error, "PARTI_FILTER_OVERLAP")) {
        this.#options.events.refused(batch.map((slot) => slot.id));
      } else {
        this.#options.events.error(error);
      }
    } finally {
      // One spread for all: tried together, they get one lane together.
      const spread = jitter(this.#options.world.random, 1);
      for (const slot of batch) {
        slot.moving = false;
        const hinted = this.#hinted.delete(slot);
        if (slot.lane === undefined && !hinted) this.#postpone(slot, spread);
      }
      if (!this.#closed) this.#options.onChange();
    }
  }

  #postpone(slot: Slot, spread: number): void {
    const pauseMs = Math.min(REFUSED_MS * REFUSED_GROWTH ** slot.refusals, REFUSED_MAX_MS);
    slot.refusals = Math.min(slot.refusals + 1, REFUSALS_MAX);
    const now = this.#options.world.clock.monotonicMs();
    slot.nextTryAtMs = now + pauseMs * spread;
    slot.outrankedUntilMs = now + OUTRANKED_MS * spread;
  }

  async #create(slots: readonly Slot[]): Promise<void> {
    const { world, config, owner, generation, events } = this.#options;
    const { stream } = slots[0]!;
    const { maxAckPending } = await this.#options.checkFeed(stream);
    const { epoch, generation: number } = generation();
    const name = laneName(owner, number, ++this.#serial);
    this.#creating.add(name);
    const consumer: ConsumerConfig = {
      name,
      filterSubjects: config.shards === undefined ? slots.map((slot) => slot.subject) : [],
      ackWaitMs: config.ackWaitMs,
      maxAckPending: ackPendingOf(this.#roomMost, maxAckPending),
      inactiveThresholdMs: config.inactiveThresholdMs,
      metadata: laneMetadata(owner, epoch, number),
    };
    try {
      await world.feed.createConsumer(stream, consumer);
    } catch (error) {
      if (isPartiError(error, "PARTI_NOT_FOUND")) this.#options.doubtFeed(stream);
      // It may be there, unless the server said no.
      if (isPartiError(error, "PARTI_TIMEOUT")) this.#orphans.add(stream, name);
      // The server or the account may allow less than this asks for, and tells that to nobody before.
      if (isPartiError(error, "PARTI_LIMIT_EXCEEDED")) {
        this.#narrowUntilMs = world.clock.monotonicMs() + NARROW_MS;
      }
      throw error;
    } finally {
      this.#creating.delete(name);
    }
    if (this.#closed) return this.#undo(stream, name);
    this.#table.open(consumer, slots);
    const now = world.clock.monotonicMs();
    let waitedMs = 0;
    for (const slot of slots) {
      slot.hold.isAcquired = true;
      slot.refusals = 0;
      slot.batch = undefined;
      // Whoever holds it next is told by this worker.
      slot.believedFree = false;
      waitedMs = Math.max(waitedMs, now - slot.wantedSinceMs);
    }
    events.acquired(slots.map((slot) => slot.id), name, waitedMs);
  }

  /** The end came while a lane was being made: nobody reads it, and it blocks everybody. */
  #undo(stream: string, name: string): void {
    // If this fails, whoever is refused evicts it.
    this.#options.world.feed.deleteConsumer(stream, name).catch(() => {});
  }

  /**
   * Looks who holds the subjects of refused slots: deletes lanes of ours that we do not know (a create whose answer never came) and
   * lanes of instances without any right, and returns the slots that are free.
   */
  async #survey(batch: readonly Slot[]): Promise<readonly Slot[]> {
    const { world, config, owner, isKnown, generation, events } = this.#options;
    const { stream } = batch[0]!;
    const consumers = await world.feed.listConsumers(stream);
    const survey = surveyHolders(config.shards === undefined ? consumers : unfiltered(consumers), {
      subjects: batch.map((slot) => slot.subject),
      owner,
      isOwnLane: (name) => this.#table.has(name) || this.#creating.has(name),
      isKnown,
      present: generation(),
    });
    if (survey.isBehind) this.#options.onBehind();
    for (const lane of survey.unlawful) {
      // Evicting is done in the name of the generation; without a right of its own nobody may.
      if (this.#closed || !this.#options.mayAct()) return [];
      if (await world.feed.deleteConsumer(stream, lane)) events.evicted(lane);
    }
    for (const foreign of survey.foreign) {
      events.error(
        new PartiError("PARTI_FILTER_OVERLAP", `consumer ${foreign} is not of this group`, {
          value: foreign,
          hint:
            "two groups, or another application, read the same partitions of a WorkQueue stream",
        }),
      );
    }
    return batch.filter((slot) => !survey.held.has(slot.subject));
  }
}

/** A shard is read by one consumer without a filter: any other one of its stream stands in the way. */
function unfiltered(consumers: readonly ConsumerInfo[]): ConsumerInfo[] {
  return consumers.map((consumer) => ({ ...consumer, filterSubjects: [] }));
}

/** The batch of those that were announced as free. */
const NOTICED = "noticed";
/** The batch of those refused often. */
const REFUSED = "refused";
/** The batch of those outranked. */
const OUTRANKED = "outranked";

/** Those one holder will let go together are tried together, apart from the rest: a refusal is for the whole lane. */
function batchKey(slot: Slot): string {
  if (slot.stopped) return `stopped ${slot.id}`;
  if (slot.outranked) return OUTRANKED;
  if (slot.refusals >= SURVEY_AFTER_REFUSALS) return REFUSED;
  return slot.batch ?? "";
}

function addTo(batches: Map<string, Slot[]>, slot: Slot): void {
  const key = batchKey(slot);
  const batch = batches.get(key);
  if (batch === undefined) batches.set(key, [slot]);
  else batch.push(slot);
}
