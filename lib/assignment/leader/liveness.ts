/**
 * Who of the group lives, as its leader sees it: leases are watched and instances probed; the dead lose their lease, and what they
 * held is freed.
 *
 * @module
 */
import { announceRelease } from "../../consumption/lanes/release_notices.ts";
import { Prober } from "../../membership/prober.ts";
import { probeSubject } from "../../names.ts";
import type { DepartureWatch } from "../../ports/departures.ts";
import { type Member, Roster } from "../../membership/roster.ts";
import { Evictor } from "./evictor.ts";
import type { GroupLeaderOptions } from "./group_leader_options.ts";
import { LaneReaper } from "./lane_reaper.ts";
import { LaneSweeper } from "./lane_sweeper.ts";
import { feedStreams } from "../../sharding/shards.ts";
import type { PartitionId } from "../partition.ts";

/** What watching needs: that of the leader's. */
export type LivenessOptions = Pick<
  GroupLeaderOptions,
  | "world"
  | "config"
  | "self"
  | "leases"
  | "holdForMs"
  | "onEvicted"
  | "onProbeMiss"
  | "onError"
>;

/** What the leader has to know at once. Must not throw. */
export interface LivenessEvents {
  /** Somebody came, went, lapsed, or says something new of itself. */
  readonly onChange: () => void;
  /** Somebody was found dead; it is to be evicted at the next look. */
  readonly onVerdict: () => void;
}

/** Lanes are looked at without a reason once in so many TTLs. */
const SWEEP_TTLS = 5;

/** Watches over the living and ends the dead. */
export class Liveness {
  readonly #options: LivenessOptions;
  readonly #roster: Roster;
  readonly #prober: Prober;
  /** Says at once that somebody has gone, where the server can: with many workers the prober's rounds are long. */
  readonly #departures: DepartureWatch | undefined;
  readonly #evictor: Evictor;
  readonly #sweeper: LaneSweeper;
  /** Evicted by this leader and not buried yet. */
  readonly #proven = new Set<string>();
  /** Dead, and known from elsewhere to have been there since this worker's own connection was back. */
  readonly #back = new Set<string>();

  /**
   * Begins to watch.
   *
   * @param options what it needs
   * @param events what the leader has to know
   */
  constructor(options: LivenessOptions, events: LivenessEvents) {
    this.#options = options;
    const { world, config, self, leases, onError } = options;
    const { clock, random, messaging, feed } = world;
    const { group } = config;
    this.#roster = new Roster({
      bucket: leases,
      clock,
      random,
      ttlMs: config.heartbeatTtlMs,
      relistEveryMs: config.heartbeatTtlMs * 2,
      onChange: () => {
        this.#prober.wake();
        this.#expectOthers();
        events.onChange();
      },
      onError,
    });
    this.#evictor = new Evictor({
      roster: this.#roster,
      self: self.instance,
      isConnected: () => messaging.connected,
      onEvicted: (member, reason) => {
        this.#proven.add(member.record.instance);
        options.onEvicted?.(member, reason);
      },
      onError,
    });
    this.#prober = new Prober({
      group,
      clock,
      random,
      messaging,
      ...config.probe,
      targets: () => this.#expectOthers(),
      revisionOf: (instance) => this.#evictor.revisionOf(instance),
      onGone: (instance, revision) => {
        this.#evictor.condemn(instance, "no responders", revision);
        events.onVerdict();
      },
      onMiss: (instance, kind) => options.onProbeMiss?.(instance, kind),
    });
    this.#prober.hold(options.holdForMs ?? 0);
    this.#departures = world.departures?.watch(
      leases.name,
      (subject) => this.#prober.suspect(subject.slice(probeSubject(group, "").length)),
      onError,
    );
    const { consumer } = config;
    const streams = consumer === undefined ? [] : feedStreams(consumer.stream, consumer.shards);
    const lookAgain = () => this.#roster.relist();
    const reaper = new LaneReaper({ feed, group, streams, lookAgain, onError });
    this.#sweeper = new LaneSweeper({
      clock,
      random,
      everyMs: config.heartbeatTtlMs * SWEEP_TTLS,
      reap: (isAlive, isOver) => reaper.reap(isAlive, isOver),
      isAlive: (instance) => instance === self.instance || this.#others().includes(instance),
      // On behalf of the dead: what they held is free.
      onFreed: (instance, partitions) =>
        announceRelease({ messaging, group, instance }, partitions),
    });
  }

  /** Whether everybody who was there at the beginning has been seen. */
  get initialized(): boolean {
    return this.#roster.initialized;
  }

  /** Everybody whose lease is in the bucket, by ID number. */
  get members(): Member[] {
    return this.#roster.members;
  }

  /**
   * Takes it as known that an instance is dead; {@linkcode evictAll} ends its lease, unless it was renewed since.
   *
   * @param instance whose death it is
   * @param reason for people
   * @param revision of its lease, when it was known to be dead
   * @param wasBack whether it had been there since this worker's own connection was back
   */
  condemn(instance: string, reason: string, revision: number, wasBack = false): void {
    if (wasBack) this.#back.add(instance);
    this.#evictor.condemn(instance, reason, revision);
  }

  /**
   * Whether somebody had been there since this worker's own connection was back: whoever is gone then is not on the way back from the outage.
   *
   * @param instance who
   */
  wasBack(instance: string): boolean {
    return this.#back.has(instance) || this.#prober.wasBack(instance);
  }

  /** After the leader's own connection was away: silence of others proves nothing for a while. */
  excuseAll(): void {
    this.#roster.excuseAll();
    this.#evictor.pardonAll();
    this.#back.clear();
    this.#prober.hold(this.#options.config.heartbeatTtlMs);
    void this.#roster.relist().catch(this.#options.onError);
  }

  /**
   * Ends the leases of all who are dead.
   *
   * @returns true if nothing is left to be done; false if it has to be tried again
   */
  evictAll(): Promise<boolean> {
    return this.#evictor.evictAll();
  }

  /**
   * Somebody has gone: its lanes are freed in the background, and their messages deliverable at once. Proven dead is whoever was
   * evicted by a verdict; anybody else may not know yet that its lease is gone, and is given the time to learn of it.
   *
   * @param instance who
   * @param partitions what it held
   * @param isKnownDead whether there is another proof of its death
   */
  bury(instance: string, partitions: readonly PartitionId[], isKnownDead: boolean): void {
    const isProven = this.#proven.delete(instance) || isKnownDead;
    // By the next renewal at the latest a worker knows that its lease is gone.
    const graceMs = isProven ? 0 : this.#options.config.heartbeatIntervalMs;
    this.#sweeper.bury(instance, partitions, graceMs);
  }

  /** Frees the lanes of whoever is not alive, at once and in the background. */
  sweep(): void {
    this.#sweeper.sweep();
  }

  /** Nobody is judged, evicted or freed any more but who is at this moment. */
  end(): void {
    this.#prober.close();
    this.#departures?.close();
    this.#sweeper.close();
    this.#evictor.close();
  }

  /** Ends the watching. */
  close(): Promise<void> {
    return this.#roster.close();
  }

  /** The same; whoever is new among them is watched over from now on. */
  #expectOthers(): string[] {
    const others = this.#others();
    const { group } = this.#options.config;
    this.#departures?.expect(others.map((instance) => probeSubject(group, instance)));
    return others;
  }

  /** Every other instance with a lease. */
  #others(): string[] {
    const { instance: self } = this.#options.self;
    return this.#roster.members.map((member) => member.record.instance).filter((instance) =>
      instance !== self
    );
  }
}
