/**
 * A session: one life of a worker in its group, from winning a stable ID to losing or giving back its lease. A worker that loses its
 * lease never goes on; it starts a new session as a new instance.
 *
 * @module
 */
import { AssignmentFollower } from "./assignment/assignment_follower.ts";
import { GroupLeader, type LeaderPhase } from "./assignment/group_leader.ts";
import type { AssignmentStrategy, Partition } from "./assignment/partition.ts";
import { ownersOf, type Snapshot } from "./assignment/snapshot.ts";
import type { SourceView } from "./assignment/source_view.ts";
import { decodeJsonObject, encodeJson } from "./codec.ts";
import type { GroupConfig } from "./config.ts";
import type { WorkerConsumer } from "./consumption/worker_consumer.ts";
import { describeError, isPartiError, PartiError } from "./errors.ts";
import type { Assignment } from "./hooks.ts";
import type { Candidacy, Candidate, ElectionAgent, Term } from "./leadership/election_agent.ts";
import type { Lease } from "./membership/lease.ts";
import { answerProbes, isGone, Prober } from "./membership/prober.ts";
import { claimStableId } from "./membership/stable_id.ts";
import { decodeWorkerRecord, encodeWorkerRecord } from "./membership/worker_lease.ts";
import { refreshSubject, WORKER_KEYS, workerKey } from "./names.ts";
import { sleep } from "./ports/clock.ts";
import type { KvBucket } from "./ports/kv.ts";
import type { Subscription } from "./ports/messaging.ts";
import type { World } from "./ports/world.ts";

/** What a session needs. */
export interface SessionOptions {
  /** The world. */
  readonly world: World;
  /** The group's configuration. */
  readonly config: GroupConfig;
  /** Where it runs, for people. */
  readonly host: string;
  /** The number to claim first. */
  readonly preferredId: number | undefined;
  /** This process's former lives. */
  readonly formerInstances: ReadonlySet<string>;
  /** The lease bucket. */
  readonly leases: KvBucket;
  /** The assignment bucket. */
  readonly assignments: KvBucket;
  /** The election. */
  readonly election: ElectionAgent;
  /** Where partitions come from. */
  readonly source: SourceView;
  /** Who gets what. */
  readonly strategy: AssignmentStrategy;
  /** Makes the consumer, if the application consumes through the library. */
  readonly makeConsumer: (
    owner: { group: string; worker: string; instance: string },
    mayAct: () => boolean,
  ) => WorkerConsumer | undefined;
  /** Who is told. */
  readonly events: SessionEvents;
  /** Ends the claim of a stable ID early. */
  readonly signal: AbortSignal;
}

/** What a session tells its manager. */
export interface SessionEvents {
  /** The first step of joining is done: it has a stable ID. */
  onClaimed(worker: string): void;
  /** A newer assignment is in force for this worker. Awaited before the generation is acknowledged. */
  onAssignment(assignment: Assignment): Promise<void>;
  /** Something that shows in the state has changed. */
  onProgress(): void;
  /** Leadership was won or lost. */
  onLeadership(isLeader: boolean, epoch: number | undefined): void;
  /** A leader's publication, how many partitions change hands by it, and how long it took in milliseconds. */
  onPublished(snapshot: Snapshot, movedCount: number, durationMs: number): void;
  /** A leader's try to rebalance failed. */
  onRebalanceFailed(reason: string, error: unknown): void;
  /** A renewal of the lease. */
  onRenewed(ok: boolean): void;
  /** Nobody answered a probe. */
  onProbeMiss(instance: string, kind: "no-responders" | "timeout"): void;
  /** A worker was judged dead. */
  onEvicted(worker: string, instance: string, reason: string): void;
  /** Something failed and is tried again. */
  onError(error: unknown): void;
  /** The lease is gone; the session is over. */
  onLost(reason: string): void;
}

/** So many workers besides the leader keep an eye on it: enough to notice, too few to be a load. */
const LEADER_WATCHERS = 3;
const LEAVE_LOOK_MS = 250;

/** One life of a worker. */
export class Session {
  /** The instance. */
  readonly instance: string;
  readonly #options: SessionOptions;
  readonly #probeAnswers: Subscription;
  #idNumber = -1;
  #lease!: Lease;
  #candidacy: Candidacy | undefined;
  #follower: AssignmentFollower | undefined;
  #leader: GroupLeader | undefined;
  #leaderPhase: LeaderPhase = "idle";
  #knownLeader: Candidate | undefined;
  #deadLeader: string | undefined;
  #leaderProber: Prober | undefined;
  #consumer: WorkerConsumer | undefined;
  #refreshRequests: Subscription | undefined;
  #assignment: Assignment | undefined;
  #applied = 0;
  #leaving = false;
  #onEmpty: () => void = () => {};
  #over = false;

  private constructor(options: SessionOptions) {
    this.#options = options;
    const { world, config } = options;
    this.instance = world.random.uuid();
    // Answers before anybody can know the instance: a lease without an answerer would look dead.
    this.#probeAnswers = answerProbes(world.messaging, config.group, this.instance, () => ({
      worker: this.worker,
      leader: this.#leader !== undefined,
      applied: this.#applied,
    }));
  }

  /**
   * Joins the group: claims a stable ID, runs for leadership, follows the assignment.
   *
   * @param options what it needs
   * @returns the session, before its first assignment
   * @throws {PartiError} what the buckets say, or `PARTI_NO_FREE_ID`
   */
  static async join(options: SessionOptions): Promise<Session> {
    const session = new Session(options);
    try {
      await session.#claim();
      options.events.onClaimed(session.worker);
      await session.#enter();
      return session;
    } catch (error) {
      await session.#cleanUp("abandon");
      if (session.#lease !== undefined) await session.#lease.release();
      throw error;
    }
  }

  /** The stable ID. */
  get worker(): string {
    return `${this.#options.config.workerIdPrefix}-${this.#idNumber}`;
  }

  /** The number of the stable ID. */
  get idNumber(): number {
    return this.#idNumber;
  }

  /** Whether it leads now: its term is in force at this moment. */
  get isLeader(): boolean {
    return this.#leader !== undefined;
  }

  /** What the leader in it is busy with. */
  get leaderPhase(): LeaderPhase {
    return this.#leader === undefined ? "idle" : this.#leaderPhase;
  }

  /** The assignment in force for this worker. */
  get assignment(): Assignment | undefined {
    return this.#assignment;
  }

  /** Whether it holds exactly what the assignment gives it. */
  get isApplied(): boolean {
    return this.#assignment !== undefined && this.#applied === this.#assignment.generation;
  }

  /** The consumer, if there is one. */
  get consumer(): WorkerConsumer | undefined {
    return this.#consumer;
  }

  /** Whether the lease is in force at this moment. */
  get mayAct(): boolean {
    return !this.#over && this.#lease.valid;
  }

  /** Looks after everything once the connection is back. */
  reconnected(): void {
    if (this.#over) return;
    this.#leaderProber?.hold(this.#options.config.heartbeatTtlMs);
    void this.#lease.touch();
    void this.#follower?.reread();
    this.#leader?.excuseAll();
    void this.#consumer?.reconnected();
  }

  /**
   * Asks the leader, whoever it is, to read the partitions again.
   *
   * @returns the generation in force afterwards
   * @throws {PartiError} `PARTI_NOT_LEADER` if there is no leader at the moment, or what the request throws
   */
  async refresh(): Promise<number> {
    if (this.#leader !== undefined) return await this.#leader.refresh();
    const { world, config } = this.#options;
    const answer = await world.messaging.request(
      refreshSubject(config.group),
      new Uint8Array(),
      config.operationTimeoutMs,
    );
    const generation = decodeJsonObject(answer)?.["generation"];
    if (typeof generation !== "number") {
      throw new PartiError("PARTI_NOT_LEADER", "the leader could not refresh the partitions", {
        value: decodeJsonObject(answer)?.["error"],
      });
    }
    return generation;
  }

  /** Ends at once without a word: the lease is gone. Handlers are aborted, nothing is acknowledged any more. */
  async fence(reason: string): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#consumer?.fence(reason);
    await this.#cleanUp("abandon");
    this.#lease.abandon();
  }

  /**
   * Leaves: announces it, waits until others have the partitions, finishes what runs, gives back leadership and lease.
   *
   * @param deadline fires when waiting must end
   */
  async leave(deadline: AbortSignal): Promise<void> {
    if (this.#over) return;
    this.#leaving = true;
    await this.#lease.touch();
    await this.#untilHandedOver(deadline);
    await this.#consumer?.close();
    this.#over = true;
    await this.#cleanUp("resign");
    await this.#lease.release();
  }

  async #claim(): Promise<void> {
    const { world, config, leases, preferredId, formerInstances, signal } = this.#options;
    const { clock, messaging } = world;
    const claim = await claimStableId({
      bucket: leases,
      clock,
      minId: config.workerIdMin,
      maxId: config.workerIdMax,
      ...(preferredId === undefined ? {} : { preferredId }),
      formerInstances,
      isGone: (instance) =>
        isGone({ group: config.group, clock, messaging, ...config.probe }, instance),
      ttlMs: config.heartbeatTtlMs,
      signal,
      leaseOptions: (idNumber) => ({
        bucket: leases,
        key: workerKey(idNumber),
        instance: this.instance,
        clock,
        ttlMs: config.heartbeatTtlMs,
        renewEveryMs: config.heartbeatIntervalMs,
        value: () => this.#record(idNumber),
        onLost: (reason) => this.#lost(reason),
        onRenewed: (ok) => this.#options.events.onRenewed(ok),
      }),
    });
    this.#idNumber = claim.idNumber;
    this.#lease = claim.lease;
  }

  #record(idNumber: number): Uint8Array {
    const { config, host } = this.#options;
    return encodeWorkerRecord({
      worker: `${config.workerIdPrefix}-${idNumber}`,
      instance: this.instance,
      host,
      capacity: config.capacity,
      labels: config.labels,
      leaving: this.#leaving,
      applied: this.#applied,
    });
  }

  async #enter(): Promise<void> {
    const { world, config, assignments, election, makeConsumer, events } = this.#options;
    const { worker, instance } = this;
    this.#consumer = makeConsumer(
      { group: config.group, worker, instance },
      () => this.mayAct,
    );
    this.#follower = new AssignmentFollower({
      bucket: assignments,
      clock: world.clock,
      random: world.random,
      rereadEveryMs: config.heartbeatTtlMs * 2,
      onSnapshot: (snapshot, before) => this.#take(snapshot, before),
      onError: events.onError,
    });
    this.#leaderProber = new Prober({
      group: config.group,
      clock: world.clock,
      random: world.random,
      messaging: world.messaging,
      ...config.probe,
      targets: () => this.#leaderTargets(),
      onGone: (gone) => {
        this.#deadLeader = gone;
        this.#candidacy?.suspect(gone);
      },
      onMiss: (missed, kind) => events.onProbeMiss(missed, kind),
    });
    this.#candidacy = await election.run({ worker, instance }, {
      onElected: (term) => this.#lead(term),
      onDeposed: (reason) => void this.#stepDown(reason),
      onLeader: (leader) => this.#knownLeader = leader,
      onError: events.onError,
    });
  }

  /** The leader, if this worker is one of the few that watch it. */
  #leaderTargets(): readonly string[] {
    const leader = this.#knownLeader;
    if (leader === undefined || this.#leader !== undefined || leader.instance === this.instance) {
      return [];
    }
    const others = (this.#follower?.latest?.workers ?? [])
      .filter((worker) => worker.instance !== leader.instance)
      .map((worker) => worker.instance);
    const place = others.indexOf(this.instance);
    // Nobody listed, or not listed oneself: at the beginning everybody watches.
    return place < 0 || place < LEADER_WATCHERS ? [leader.instance] : [];
  }

  #lead(term: Term): void {
    if (this.#over) return;
    const { world, config, leases, assignments, source, strategy, events } = this.#options;
    const { worker, instance } = this;
    const leader = new GroupLeader({
      world,
      config,
      self: { worker, instance },
      term,
      leases,
      assignments,
      source,
      strategy,
      onPhase: (phase) => {
        this.#leaderPhase = phase;
        events.onProgress();
      },
      onPublished: (snapshot, movedCount, durationMs) =>
        events.onPublished(snapshot, movedCount, durationMs),
      onRebalanceFailed: (reason, error) => events.onRebalanceFailed(reason, error),
      onProbeMiss: (missed, kind) => events.onProbeMiss(missed, kind),
      onStale: (error) => void this.#stepDown(describeError(error)),
      onError: events.onError,
      onEvicted: (member, reason) =>
        events.onEvicted(member.record.worker, member.record.instance, reason),
    });
    this.#leader = leader;
    if (this.#deadLeader !== undefined) leader.markDead(this.#deadLeader, "no responders");
    this.#deadLeader = undefined;
    this.#refreshRequests = world.messaging.subscribe(refreshSubject(config.group), (notice) => {
      leader.refresh().then(
        (generation) => notice.respond(encodeJson({ generation })),
        (error) => notice.respond(encodeJson({ error: describeError(error) })),
      );
    });
    events.onLeadership(true, term.epoch);
  }

  async #stepDown(reason: string): Promise<void> {
    const leader = this.#leader;
    if (leader === undefined) return;
    this.#leader = undefined;
    this.#leaderPhase = "idle";
    this.#refreshRequests?.close();
    this.#options.events.onLeadership(false, undefined);
    this.#options.events.onError(
      new PartiError("PARTI_NOT_LEADER", `no longer the leader: ${reason}`),
    );
    await leader.close();
  }

  #take(snapshot: Snapshot, before: Snapshot | undefined): void {
    if (this.#over) return;
    const mine = snapshot.workers.find((worker) => worker.instance === this.instance);
    if (mine === undefined && this.#assignment === undefined) return;
    const partitions = (mine?.partitions ?? []).map((id): Partition => ({
      keys: id.split("."),
      weight: snapshot.weights[id] ?? 1,
    }));
    const { epoch, generation } = snapshot;
    const assignment: Assignment = { epoch, generation, partitions };
    const unchanged = this.#assignment?.generation === generation;
    this.#assignment = assignment;
    const known = new Set(snapshot.workers.map((worker) => worker.instance));
    const owners = before === undefined ? undefined : ownersOf(before);
    this.#consumer?.update({
      epoch,
      generation,
      partitions,
      isKnown: (instance) => known.has(instance),
      contenderOf: (id) => {
        const owner = owners?.get(id)?.instance;
        return owner !== undefined && owner !== this.instance && known.has(owner)
          ? owner
          : undefined;
      },
    });
    if (partitions.length === 0) this.#onEmpty();
    // A new leader's first word has its epoch and the old generation: nothing to apply.
    if (unchanged) return;
    this.#options.events.onProgress();
    void this.#apply(assignment);
  }

  async #apply(assignment: Assignment): Promise<void> {
    await this.#options.events.onAssignment(assignment);
    await this.#consumer?.settled();
    // A newer one has come meanwhile: that one is acknowledged instead.
    if (this.#over || this.#assignment?.generation !== assignment.generation) return;
    this.#applied = assignment.generation;
    this.#options.events.onProgress();
    await this.#lease.touch();
  }

  /** Waits until the assignment gives this worker nothing any more, or nobody is left to give it to. */
  async #untilHandedOver(deadline: AbortSignal): Promise<void> {
    const { world, leases } = this.#options;
    const empty = new AbortController();
    this.#onEmpty = () => empty.abort();
    const either = AbortSignal.any([deadline, empty.signal]);
    while (!deadline.aborted && !this.#over) {
      if ((this.#assignment?.partitions.length ?? 0) === 0) return;
      try {
        const entries = await leases.list(WORKER_KEYS);
        const heirs = entries.map(decodeWorkerRecord).filter((record) =>
          record !== undefined && !record.leaving && record.instance !== this.instance
        );
        if (heirs.length === 0) return;
      } catch (error) {
        this.#options.events.onError(error);
        if (isPartiError(error, "PARTI_DISCONNECTED")) return;
      }
      await sleep(world.clock, LEAVE_LOOK_MS, either);
    }
  }

  #lost(reason: string): void {
    if (this.#over) return;
    void this.fence(reason);
    this.#options.events.onLost(reason);
  }

  async #cleanUp(how: "resign" | "abandon"): Promise<void> {
    this.#probeAnswers.close();
    this.#leaderProber?.close();
    this.#refreshRequests?.close();
    const leader = this.#leader;
    this.#leader = undefined;
    await leader?.close();
    await this.#candidacy?.[how]();
    await this.#follower?.close();
    if (leader !== undefined) this.#options.events.onLeadership(false, undefined);
  }
}
