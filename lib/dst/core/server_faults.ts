/**
 * What goes wrong at the server, and with what is asked of it.
 *
 * @module
 */
import { FaultBoard } from "../nats/fault_board.ts";
import { type FaultName, type NatsFaults, NO_FAULTS } from "../nats/faults.ts";
import type { SimLink } from "../nats/link.ts";
import type { Simulation } from "../workload.ts";
import type { CoreCatalog } from "./catalog.ts";
import type { CoreCluster } from "./cluster.ts";
import { noteStrike } from "./fault_kinds.ts";
import type { Healing } from "./healing.ts";
import type { Member } from "./member.ts";

/** How long a watch may have stood still after the last fault that made it do so, in milliseconds. */
const AFTERMATH_MS = 10_000;
/** Whatever was delivered while messages come too early may come too early for so long, which is longer than any ack wait, in milliseconds. */
const EARLY_MS = 35_000;
/** Both the death and the standstill of the server's process: one takes the place of the other. */
const SERVER = "the server";

/** Does harm to the server, and to what is on its way there and back. */
export class ServerFaults {
  readonly #simulation: Simulation<CoreCatalog>;
  readonly #cluster: CoreCluster;
  readonly #healing: Healing;
  readonly #board: FaultBoard;
  /** Who was there when the server began to stand still. */
  readonly #standing = new Set<Member>();
  /** As what the faults are noted that a connection has of its own. */
  readonly #ailments = new WeakMap<SimLink, "mute" | "doubt" | "deaf">();
  /** Whose watch stands still although it has news. */
  readonly #deaf = new WeakSet<SimLink>();

  /**
   * @param simulation the run
   * @param cluster whose server it is
   * @param healing what undoes it
   */
  constructor(simulation: Simulation<CoreCatalog>, cluster: CoreCluster, healing: Healing) {
    this.#simulation = simulation;
    this.#cluster = cluster;
    this.#healing = healing;
    this.#board = FaultBoard.of(cluster.server);
    this.#board.tell((fault, link) => this.#struck(fault, link));
  }

  /** Kills its process. One that is away already stays away as long as it was to. */
  crash(forMs: number): void {
    const { server } = this.#cluster;
    if (!server.running) return;
    this.#cluster.crashServer();
    if (!server.running) noteStrike(this.#simulation.assertions, "server-crash");
    this.#healing.after(SERVER, forMs, () => this.#cluster.restartServer());
  }

  /** Stops its process where it is, if there is one. */
  pause(forMs: number): void {
    const { server, fleet, observer } = this.#cluster;
    if (!server.running) return;
    for (const member of fleet.alive) this.#standing.add(member);
    server.pause();
    if (!server.answering) noteStrike(this.#simulation.assertions, "server-pause");
    observer.blinkedForLong();
    // Ack waits go on meanwhile, and what it is told is read only afterwards.
    observer.messages.disturbed(this.#simulation.kernel.nowMs + forMs + AFTERMATH_MS);
    this.#healing.after(SERVER, forMs, () => {
      // Who has given the connection up is gone as soon as the server learns of it; who has left meanwhile could confirm nothing.
      for (const member of this.#standing) if (!member.link.connected) fleet.excuse(member);
      this.#standing.clear();
      server.resume();
      this.#cluster.disturbed();
    });
  }

  /** Everything on the way to the server and back may be lost. */
  disturb(faults: NatsFaults, forMs: number): void {
    const { observer } = this.#cluster;
    observer.blinkedForLong();
    observer.messages.disturbed(this.#simulation.kernel.nowMs + forMs + EARLY_MS);
    this.#board.set(faults);
    this.#cluster.disturbed(forMs + AFTERMATH_MS);
    this.#healing.after("all links", forMs, () => this.#board.set(this.#cluster.goodDay));
  }

  /**
   * A worker's requests to buckets are answered late until it has renewed its lease once, and then not at all, while its connection and its
   * probes are well.
   *
   * @param member the worker
   * @param share how late at most, as a share of how long its lease lasts: what is late for one lease is nothing for another
   * @param forMs how long there is no answer then, in milliseconds
   */
  mute(member: Member, share: number, forMs: number): void {
    const { link } = member;
    const { heartbeatIntervalMs, heartbeatTtlMs } = member.manager.config;
    const untilMuteMs = heartbeatIntervalMs;
    this.#cluster.disturbed(untilMuteMs + 3 * forMs + AFTERMATH_MS);
    const late = LATE(share * heartbeatTtlMs);
    const lasts = this.#ail(link, undefined, late, untilMuteMs + forMs);
    this.#simulation.kernel.schedule(untilMuteMs, "mute", () => {
      if (!lasts()) return;
      this.#board.setFor(link, MUTE(forMs));
      this.#ailments.set(link, "mute");
    });
  }

  /** What a worker asks for is carried out, and it is not told. What it only reads is answered. */
  leaveInDoubt({ link }: Member, forMs: number): void {
    this.#cluster.disturbed(forMs + AFTERMATH_MS);
    this.#ail(link, "doubt", DOUBT, forMs);
  }

  /** News of buckets reach a worker late, all of them for so long; what it asks for is answered. */
  stallWatches({ link }: Member, forMs: number): void {
    this.#cluster.disturbed(3 * forMs + AFTERMATH_MS);
    this.#ail(link, "deaf", DEAF(forMs), forMs);
  }

  /** What has just been written reaches a worker late. */
  deafen({ link }: Member, forMs: number): void {
    this.#deaf.delete(link);
    // Only this one piece of news is late.
    this.#ail(link, undefined, DEAF(forMs), 0);
  }

  /** Whether a watch of a worker has stood still because of {@linkcode deafen}. */
  isDeaf({ link }: Member): boolean {
    return this.#deaf.has(link);
  }

  /** Gives a connection faults of its own, in the place of those it has; tells whether they still last. */
  #ail(
    link: SimLink,
    kind: "mute" | "doubt" | "deaf" | undefined,
    faults: NatsFaults,
    forMs: number,
  ): () => boolean {
    this.#ailments.delete(link);
    if (kind !== undefined) this.#ailments.set(link, kind);
    this.#board.setFor(link, faults);
    return this.#healing.after(`requests of ${link.owner.name}`, forMs, () => {
      this.#board.setFor(link, undefined);
      this.#ailments.delete(link);
    });
  }

  #struck(fault: FaultName, link: SimLink | undefined): void {
    const { assertions } = this.#simulation;
    noteStrike(assertions, fault);
    const { common } = this.#board;
    if (link === undefined || this.#board.of(link) === common) {
      // What goes wrong on a good day, too, shows nothing of a bad one.
      if (common !== this.#cluster.goodDay) noteStrike(assertions, "nats-faults");
      return;
    }
    const ailment = this.#ailments.get(link);
    if (ailment !== undefined) noteStrike(assertions, ailment);
    else if (fault === "kv.watchStall") this.#deaf.add(link);
  }
}

/** A watch that has something to report stands still, for twice as long at most: how long is drawn anew each time. */
const DEAF = (forMs: number): NatsFaults => ({
  ...NO_FAULTS,
  kv: { ...NO_FAULTS.kv, watchStall: 1, watchStallMs: 2 * forMs },
});

/** Every write to a bucket and every change of a consumer is done and not answered. */
const DOUBT: NatsFaults = {
  ...NO_FAULTS,
  kv: { ...NO_FAULTS.kv, ackLost: 1 },
  feed: { ...NO_FAULTS.feed, answerLost: 1 },
};

/** Every answer of a bucket is late. */
const LATE = (lateMs: number): NatsFaults => ({
  ...NO_FAULTS,
  kv: { ...NO_FAULTS.kv, answerLate: 1, answerLateMs: lateMs },
});
/** No request reaches a bucket, and no news come from one. */
const MUTE = (forMs: number): NatsFaults => ({
  ...NO_FAULTS,
  kv: { ...NO_FAULTS.kv, requestLost: 1, watchStall: 1, watchStallMs: 2 * forMs },
});
