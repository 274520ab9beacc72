/**
 * A session: one life of a worker in its group, from winning a stable ID to losing or giving back its lease. A worker that loses its
 * lease never goes on; it starts a new session as a new instance.
 *
 * @module
 */
import { unlessAborted } from "../abort.ts";
import { AssignmentApplier } from "./assignment_applier.ts";
import { AssignmentFollower, rereadEveryMs } from "../assignment/assignment_follower.ts";
import type { LeaderPhase } from "../assignment/leader/group_leader.ts";
import type { Snapshot } from "../assignment/snapshot.ts";
import { withDeadline } from "../assignment/sources/deadline.ts";
import { Candidate } from "./candidate.ts";
import type { WorkerConsumer } from "../consumption/worker_consumer.ts";
import { PartiError } from "../errors.ts";
import type { CopyHealth } from "./leader_copy.ts";
import { HandOver } from "./hand_over.ts";
import type { Assignment } from "../manager/hooks.ts";
import type { Lease } from "../membership/lease.ts";
import { emptied } from "./own_assignment.ts";
import { answerProbes } from "../membership/prober.ts";
import type { Subscription } from "../ports/messaging.ts";
import { Right } from "./right.ts";
import { claimSessionLease } from "./session_lease.ts";
import type { SessionOptions } from "./session_options.ts";

/** One life of a worker. */
export class Session {
  readonly #options: SessionOptions;
  readonly #probeAnswers: Subscription;
  readonly #applier: AssignmentApplier;
  readonly #right: Right;
  readonly #handOver: HandOver;
  #idNumber = -1;
  #lease: Lease | undefined;
  #candidate: Candidate | undefined;
  #follower: AssignmentFollower | undefined;
  #consumer: WorkerConsumer | undefined;
  #leaving = false;
  #left: Promise<void> | undefined;
  #refusal: PartiError | undefined;
  readonly #end = new AbortController();

  /**
   * Is to {@linkcode join}; until then only its probes are answered.
   *
   * @param options what it needs
   * @throws {PartiError} `PARTI_DISCONNECTED` if the connection is closed
   */
  constructor(options: SessionOptions) {
    this.#options = options;
    const { world, config, instance, leases, events } = options;
    const { clock, messaging } = world;
    const { signal } = this.#end;
    // Answers before anybody can know the instance: a lease without an answerer would look dead.
    this.#probeAnswers = answerProbes(
      messaging,
      config.group,
      instance,
      () => ({ worker: this.worker, leader: this.isLeader, applied: this.#applier.applied }),
      (error) => {
        this.#refusal = error;
        // Joining ends with it; later on there is nobody to throw it to.
        if (this.#candidate !== undefined) events.onError(error);
      },
    );
    this.#applier = new AssignmentApplier({
      instance,
      consumer: () => this.#consumer,
      events,
      onEmpty: () => this.#handOver.emptied(),
      // The next renewal tells it anyway.
      acknowledge: () => world.buggify("acknowledged-late") ? undefined : this.#lease?.touch(),
      signal,
    });
    this.#right = new Right({
      world,
      graceMs: config.probe.graceMs,
      lease: () => this.#lease,
      consumer: () => this.#consumer,
      events,
      reread: () => this.#background(this.#follower?.reread()),
      signal,
    });
    this.#handOver = new HandOver({
      clock,
      leases,
      instance,
      applier: this.#applier,
      consumer: () => this.#consumer,
      announce: () => this.#lease?.touch(),
      events,
      signal,
    });
  }

  /**
   * Joins the group: claims a stable ID, runs for leadership, follows the assignment. Afterwards there is no assignment yet, and the
   * lease may be lost again.
   *
   * @param signal gives up
   * @throws {PartiError} what the buckets or the election say, `PARTI_NO_FREE_ID`, `PARTI_REFUSED` if it may not answer probes, or
   * `PARTI_ABORTED`; nothing is then left behind
   */
  async join(signal: AbortSignal): Promise<void> {
    const { events } = this.#options;
    try {
      await this.#claim(signal);
      // Nobody could see that it lives: it would be evicted again and again.
      if (this.#refusal !== undefined) throw this.#refusal;
      events.onClaimed(this.worker, this.idNumber);
      if (signal.aborted) throw new PartiError("PARTI_ABORTED", "given up while joining");
      await this.#enter();
      if (this.#refusal !== undefined) throw this.#refusal;
    } catch (error) {
      await this.#letGoBriefly();
      this.#end.abort();
      this.#consumer?.fence("joining failed");
      await this.#cleanUp("resign");
      await this.#lease?.release();
      throw error;
    }
  }

  /** Where joining has taken its time partitions may have come meanwhile: what was handled is confirmed, or their heirs would do it again. */
  async #letGoBriefly(): Promise<void> {
    const { world, config } = this.#options;
    if (this.#lease?.valid !== true || !world.messaging.connected) return;
    try {
      await withDeadline(
        world.clock,
        config.drainTimeoutMs,
        async () => await this.#applier.letGo(),
      );
    } catch (error) {
      this.#options.events.onError(error);
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

  /** How it copies as the leader; undefined unless it leads a group whose shards are made of a stream. */
  get copyHealth(): CopyHealth | undefined {
    return this.#over ? undefined : this.#candidate?.copyHealth;
  }

  /** What the leader in it is busy with. */
  get leaderPhase(): LeaderPhase {
    return this.#candidate?.phase ?? "idle";
  }

  /** The assignment in force for this worker; frozen. */
  get assignment(): Assignment | undefined {
    return this.#applier.assignment;
  }

  /** The newest assignment of the group that this worker has seen, in this life or before. */
  get latest(): Snapshot | undefined {
    return this.#follower?.latest ?? this.#options.remembered;
  }

  /** Whether it holds exactly the partitions that the assignment gives it, and nobody newer has written them. */
  get isSettled(): boolean {
    return this.#applier.isSettled && (this.#consumer?.outranked.length ?? 0) === 0;
  }

  /** The consumer, if there is one. */
  get consumer(): WorkerConsumer | undefined {
    return this.#consumer;
  }

  /** Whether the lease is in force at this moment. */
  get mayAct(): boolean {
    return this.#right.mayAct();
  }

  /** Whether it has ended, or is about to say its last word. */
  get #over(): boolean {
    return this.#end.signal.aborted;
  }

  /** The connection is gone: nothing is begun until {@linkcode reconnected} has proven the lease, and what runs ends after a grace. */
  disconnected(): void {
    this.#right.disconnected();
  }

  /** Looks after everything once the connection is back. */
  reconnected(): void {
    if (this.#over) return;
    this.#background(this.#right.reconnected());
    this.#candidate?.excuseAll();
    this.#background(this.#follower?.reread());
  }

  /** See {@linkcode Candidate.refresh}. */
  refresh(): Promise<number> {
    if (this.#over || this.#candidate === undefined) {
      return Promise.reject(new PartiError("PARTI_NOT_STARTED", "this worker is not in its group"));
    }
    return this.#candidate.refresh();
  }

  /**
   * Leaves: announces it, waits until others have the partitions, finishes what runs, gives back leadership and lease. Never throws.
   * Once: who asks again waits for the first.
   *
   * @param handOverBy fires when waiting for others and for running handlers must end; those that still run are aborted
   * @param endBy fires when nothing is waited for any more
   */
  leave(handOverBy: AbortSignal, endBy: AbortSignal): Promise<void> {
    this.#left ??= this.#leave(handOverBy, endBy);
    return this.#left;
  }

  async #leave(handOverBy: AbortSignal, endBy: AbortSignal): Promise<void> {
    if (this.#over) return;
    this.#leaving = true;
    const handedOver = await this.#handOver.run(handOverBy);
    if (this.#over) return;
    this.#end.abort();
    this.#consumer?.fence("the worker is shut down");
    // Out of time, the application has not been told of it by the hand-over; told already it is not told again.
    const { assignment } = this.#applier;
    if (assignment !== undefined) void this.#options.events.onAssignment(emptied(assignment));
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

  async #claim(signal: AbortSignal): Promise<void> {
    const holder = {
      progress: () => ({ leaving: this.#leaving, applied: this.#applier.applied }),
      onLost: (reason: string) => this.#fence(reason),
    };
    const claim = await claimSessionLease(this.#options, holder, signal);
    this.#idNumber = claim.idNumber;
    this.#lease = claim.lease;
  }

  async #enter(): Promise<void> {
    const { world, config, assignments, makeConsumer, events } = this.#options;
    const { worker, instance } = this;
    this.#consumer = makeConsumer({ group: config.group, worker, instance }, this.#right);
    const follower = new AssignmentFollower({
      bucket: assignments,
      clock: world.clock,
      random: world.random,
      rereadEveryMs: rereadEveryMs(config),
      onSnapshot: (snapshot, before) => {
        this.#candidate?.assignmentChanged();
        this.#applier.take(snapshot, before);
      },
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

  async #giveBack(): Promise<void> {
    await this.#cleanUp("resign");
    await this.#lease?.release();
  }

  /** The lease is gone: ends at once without a word. Handlers are aborted, nothing is acknowledged any more. */
  #fence(reason: string): void {
    if (this.#over) return;
    this.#end.abort();
    this.#lease?.abandon();
    this.#consumer?.fence(reason);
    // Before the parts end, each of which would be told as progress of a worker that is in its group.
    this.#options.events.onLost(reason);
    this.#background(this.#cleanUp("abandon"));
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
