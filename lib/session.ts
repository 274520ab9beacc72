/**
 * A session: one life of a worker in its group, from winning a stable ID to losing or giving back its lease. A worker that loses its
 * lease never goes on; it starts a new session as a new instance.
 *
 * @module
 */
import { settled, unlessAborted } from "./abort.ts";
import { AssignmentFollower } from "./assignment/assignment_follower.ts";
import type { LeaderPhase } from "./assignment/group_leader.ts";
import type { Partition } from "./assignment/partition.ts";
import { ownersOf, type Snapshot, type SnapshotWorker } from "./assignment/snapshot.ts";
import { Candidate } from "./candidate.ts";
import type { WorkerConsumer } from "./consumption/worker_consumer.ts";
import { isPartiError, PartiError } from "./errors.ts";
import type { Assignment } from "./hooks.ts";
import type { Lease, LeaseOptions } from "./membership/lease.ts";
import { answerProbes, isGone } from "./membership/prober.ts";
import { claimStableId } from "./membership/stable_id.ts";
import { decodeWorkerRecord, encodeWorkerRecord } from "./membership/worker_lease.ts";
import { WORKER_KEYS, workerKey } from "./names.ts";
import { sleep } from "./ports/clock.ts";
import type { Subscription } from "./ports/messaging.ts";
import type { SessionOptions } from "./session_options.ts";

const LEAVE_LOOK_MS = 250;
const CONFIRM_AGAIN_MS = 100;

/** One life of a worker. */
export class Session {
  readonly #options: SessionOptions;
  readonly #probeAnswers: Subscription;
  #idNumber = -1;
  #lease: Lease | undefined;
  #candidate: Candidate | undefined;
  #follower: AssignmentFollower | undefined;
  #consumer: WorkerConsumer | undefined;
  #assignment: Assignment | undefined;
  #gate: PromiseWithResolvers<void> | undefined;
  #settled = false;
  #applied = 0;
  #leaving = false;
  #closing = false;
  #onEmpty: () => void = () => {};
  readonly #end = new AbortController();

  private constructor(options: SessionOptions) {
    this.#options = options;
    const { world, config, instance } = options;
    // Answers before anybody can know the instance: a lease without an answerer would look dead.
    this.#probeAnswers = answerProbes(world.messaging, config.group, instance, () => ({
      worker: this.worker,
      leader: this.isLeader,
      applied: this.#applied,
    }));
  }

  /**
   * Joins the group: claims a stable ID, runs for leadership, follows the assignment.
   *
   * @param options what it needs
   * @returns the session, before its first assignment; its lease may be lost again by now
   * @throws {PartiError} what the buckets or the election say, `PARTI_NO_FREE_ID`, or `PARTI_ABORTED`; nothing is then left behind
   */
  static async join(options: SessionOptions): Promise<Session> {
    const session = new Session(options);
    try {
      await session.#claim();
      options.events.onClaimed(session.worker, session.idNumber);
      if (options.signal.aborted) throw new PartiError("PARTI_ABORTED", "given up while joining");
      await session.#enter();
      return session;
    } catch (error) {
      session.#end.abort();
      session.#consumer?.fence("joining failed");
      await session.#cleanUp("resign");
      await session.#lease?.release();
      throw error;
    }
  }

  /** The instance. */
  get instance(): string {
    return this.#options.instance;
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
    return !this.#over && (this.#candidate?.isLeader ?? false);
  }

  /** What the leader in it is busy with. */
  get leaderPhase(): LeaderPhase {
    return this.#candidate?.phase ?? "idle";
  }

  /** The assignment in force for this worker; frozen. */
  get assignment(): Assignment | undefined {
    return this.#assignment;
  }

  /** The newest assignment of the group that this worker has seen, in this life or before. */
  get latest(): Snapshot | undefined {
    return this.#follower?.latest ?? this.#options.remembered;
  }

  /** Whether it holds exactly the partitions that the assignment gives it. */
  get isSettled(): boolean {
    return this.#settled;
  }

  /** The consumer, if there is one. */
  get consumer(): WorkerConsumer | undefined {
    return this.#consumer;
  }

  /** Whether the lease is in force at this moment. */
  get mayAct(): boolean {
    return !this.#over && (this.#lease?.valid ?? false);
  }

  /** Whether it has ended, or is about to say its last word. */
  get #over(): boolean {
    return this.#end.signal.aborted;
  }

  /** The connection is gone: no new message is begun until {@linkcode reconnected} has proven that the lease is still held. */
  disconnected(): void {
    this.#gate ??= Promise.withResolvers<void>();
  }

  /** Looks after everything once the connection is back. */
  reconnected(): void {
    if (this.#over) return;
    this.#background(this.#openGate());
    this.#candidate?.excuseAll();
    this.#background(this.#follower?.reread());
    this.#background(this.#consumer?.reconnected());
  }

  /** See {@linkcode Candidate.refresh}. */
  refresh(): Promise<number> {
    if (this.#over || this.#candidate === undefined) {
      return Promise.reject(new PartiError("PARTI_NOT_STARTED", "this worker is not in its group"));
    }
    return this.#candidate.refresh();
  }

  /**
   * Ends at once without a word: the lease is gone. Handlers are aborted, nothing is acknowledged any more.
   *
   * @param reason why, for the handlers
   */
  async fence(reason: string): Promise<void> {
    if (this.#over) return;
    this.#end.abort();
    this.#lease?.abandon();
    this.#consumer?.fence(reason);
    await this.#cleanUp("abandon");
  }

  /**
   * Leaves: announces it, waits until others have the partitions, finishes what runs, gives back leadership and lease. Never throws.
   *
   * @param handOverBy fires when waiting for others and for running handlers must end; those that still run are aborted
   * @param endBy fires when nothing is waited for any more
   */
  async leave(handOverBy: AbortSignal, endBy: AbortSignal): Promise<void> {
    if (this.#over) return;
    this.#leaving = true;
    const handedOver = await this.#tryHandOver(handOverBy) || this.#holdsNothing();
    if (this.#over) return;
    this.#end.abort();
    this.#consumer?.fence("the worker is shut down");
    // A lease that is given back says that nothing is held any more. Where that is not so, it is left: nobody answers for it, so the
    // leader finds it dead at once and frees what it held.
    if (!handedOver) this.#lease?.abandon();
    try {
      await unlessAborted(this.#giveBack(), endBy);
    } catch {
      // Out of time: what is left expires by itself, and the others notice before.
    } finally {
      this.#lease?.abandon();
    }
  }

  #holdsNothing(): boolean {
    if (this.#consumer === undefined) return (this.#assignment?.partitions.length ?? 0) === 0;
    const { lanes, running, waiting } = this.#consumer.health();
    return lanes === 0 && running === 0 && waiting.length === 0;
  }

  /** True if nothing is held any more. */
  async #tryHandOver(deadline: AbortSignal): Promise<boolean> {
    try {
      await unlessAborted(this.#handOver(deadline), deadline);
      return true;
    } catch (error) {
      this.#options.events.onError(
        isPartiError(error, "PARTI_ABORTED")
          ? new PartiError("PARTI_SHUTDOWN_TIMEOUT", "not everything was handed over in time", {
            hint: "raise shutdownTimeout, or let handlers heed their abort signal",
          })
          : error,
      );
      return false;
    }
  }

  async #claim(): Promise<void> {
    const { world, config, instance, leases, preferredId, formerInstances, signal } = this.#options;
    const { clock, messaging } = world;
    const claim = await claimStableId({
      bucket: leases,
      clock,
      minId: config.workerIdMin,
      maxId: config.workerIdMax,
      ...(preferredId === undefined ? {} : { preferredId }),
      onError: this.#options.events.onError,
      formerInstances,
      isGone: (other) => isGone({ group: config.group, clock, messaging, ...config.probe }, other),
      ttlMs: config.heartbeatTtlMs,
      signal,
      leaseOptions: (idNumber): LeaseOptions => ({
        bucket: leases,
        key: workerKey(idNumber),
        instance,
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
    const { config, host, instance } = this.#options;
    return encodeWorkerRecord({
      worker: `${config.workerIdPrefix}-${idNumber}`,
      instance,
      host,
      capacity: config.capacity,
      labels: config.labels,
      leaving: this.#leaving,
      applied: this.#applied,
    });
  }

  async #enter(): Promise<void> {
    const { world, config, assignments, makeConsumer, events } = this.#options;
    const { worker, instance } = this;
    this.#consumer = makeConsumer({ group: config.group, worker, instance }, {
      mayAct: () => this.mayAct,
      mayBegin: (signal) => this.#gate && settled(this.#gate.promise, signal),
    });
    const follower = new AssignmentFollower({
      bucket: assignments,
      clock: world.clock,
      random: world.random,
      rereadEveryMs: config.heartbeatTtlMs * 2,
      onSnapshot: (snapshot, before) => this.#take(snapshot, before),
      onError: events.onError,
    });
    this.#follower = follower;
    this.#candidate = new Candidate({
      session: this.#options,
      self: { worker, instance },
      latest: () => this.latest,
    });
    await this.#candidate.start();
  }

  #take(snapshot: Snapshot, before: Snapshot | undefined): void {
    if (this.#over) return;
    const mine = snapshot.workers.find((worker) => worker.instance === this.instance);
    if (mine === undefined && this.#assignment === undefined) return;
    const last = this.#assignment;
    const assignment = assignmentOf(snapshot, mine);
    const samePartitions = last !== undefined && sameIds(last, assignment);
    this.#assignment = assignment;
    // Whoever keeps what it has is not disturbed by what others get.
    if (!samePartitions) this.#settled = false;
    this.#updateConsumer(snapshot, before, assignment);
    if (assignment.partitions.length === 0) this.#onEmpty();
    // A new leader's first word has its epoch and the old generation: nothing to apply.
    if (samePartitions && last.generation === assignment.generation) return;
    this.#options.events.onProgress();
    this.#background(this.#apply(assignment));
  }

  #updateConsumer(
    snapshot: Snapshot,
    before: Snapshot | undefined,
    assignment: Assignment,
  ): void {
    // Closing, it has let go of everything for good.
    if (this.#closing) return;
    const known = new Set(snapshot.workers.map((worker) => worker.instance));
    const owners = before === undefined ? undefined : ownersOf(before);
    const successors = ownersOf(snapshot);
    this.#consumer?.update({
      ...assignment,
      isKnown: (instance) => known.has(instance),
      contenderOf: (id) => {
        const owner = owners?.get(id)?.instance;
        return owner !== undefined && owner !== this.instance && known.has(owner)
          ? owner
          : undefined;
      },
      successorOf: (id) => successors.get(id)?.instance,
    });
  }

  /** A renewal that succeeds now proves that nobody has taken the lease meanwhile. One that is refused ends the session. */
  async #openGate(): Promise<void> {
    const { clock, messaging } = this.#options.world;
    while (!this.#over && messaging.connected) {
      if (await this.#lease?.confirm()) {
        this.#gate?.resolve();
        this.#gate = undefined;
        return;
      }
      await sleep(clock, CONFIRM_AGAIN_MS, this.#end.signal);
    }
  }

  async #apply(assignment: Assignment): Promise<void> {
    await this.#options.events.onAssignment(assignment);
    await this.#consumer?.settled();
    // A newer one has come meanwhile: that one is acknowledged instead.
    if (this.#over || this.#assignment?.generation !== assignment.generation) return;
    this.#applied = assignment.generation;
    this.#settled = true;
    this.#options.events.onProgress();
    await this.#lease?.touch();
  }

  /** Everything a leaver waits for. */
  async #handOver(deadline: AbortSignal): Promise<void> {
    await this.#lease?.touch();
    await this.#untilOthersHaveIt(deadline);
    this.#closing = true;
    await this.#consumer?.close();
    // Nobody was there to take them, or not in time: the application is told before the lease goes.
    const last = this.#assignment;
    if (last === undefined || this.#over) return;
    await this.#options.events.onAssignment(freezeAssignment({ ...last, partitions: [] }));
  }

  /** Waits until the assignment gives this worker nothing any more, or nobody is left to give it to. */
  async #untilOthersHaveIt(deadline: AbortSignal): Promise<void> {
    const { world, leases, events } = this.#options;
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
        events.onError(error);
        if (isPartiError(error, "PARTI_DISCONNECTED")) return;
      }
      await sleep(world.clock, LEAVE_LOOK_MS, either);
    }
  }

  async #giveBack(): Promise<void> {
    await this.#cleanUp("resign");
    await this.#lease?.release();
  }

  #lost(reason: string): void {
    if (this.#over) return;
    this.#background(this.fence(reason));
    this.#options.events.onLost(reason);
  }

  /** Ends every part, each whatever becomes of the others. */
  async #cleanUp(how: "resign" | "abandon"): Promise<void> {
    const ends = await Promise.allSettled([
      this.#candidate?.close(how),
      this.#follower?.close(),
      Promise.resolve().then(() => this.#probeAnswers.close()),
    ]);
    for (const end of ends) {
      if (end.status === "rejected") this.#options.events.onError(end.reason);
    }
  }

  /** What nobody waits for must not end the process when it fails. */
  #background(work: Promise<unknown> | undefined): void {
    work?.catch((error) => this.#options.events.onError(error));
  }
}

function assignmentOf(snapshot: Snapshot, mine: SnapshotWorker | undefined): Assignment {
  const partitions = (mine?.partitions ?? []).map((id): Partition => ({
    keys: id.split("."),
    weight: snapshot.weights[id] ?? 1,
  }));
  return freezeAssignment({
    epoch: snapshot.epoch,
    generation: snapshot.generation,
    partitions,
  });
}

/** It goes to hooks, events and getters: nobody may change it for the others. */
function freezeAssignment(assignment: Assignment): Assignment {
  for (const partition of assignment.partitions) {
    Object.freeze(partition.keys);
    Object.freeze(partition);
  }
  Object.freeze(assignment.partitions);
  return Object.freeze(assignment);
}

/** Whether two assignments name the same partitions. Both are sorted by identity. */
function sameIds(a: Assignment, b: Assignment): boolean {
  const ids = (assignment: Assignment) =>
    assignment.partitions.map((partition) => partition.keys.join(".")).join(" ");
  return ids(a) === ids(b);
}
