/**
 * The manager: one worker's life in a group, as the application sees it.
 *
 * @module
 */
import { unlessAborted } from "./abort.ts";
import { type GroupBuckets, openBuckets } from "./buckets.ts";
import { changeBetween } from "./assignment_change.ts";
import { LaneReaper } from "./assignment/lane_reaper.ts";
import { SourceView } from "./assignment/source_view.ts";
import { stickyBalanced } from "./assignment/sticky_balanced.ts";
import { type GroupConfig, resolveConfig } from "./config.ts";
import { type ConsumerHealth, WorkerConsumer } from "./consumption/worker_consumer.ts";
import { bothEvents } from "./consumption/events.ts";
import { DegradedMonitor } from "./degraded.ts";
import { isPartiError, PartiError } from "./errors.ts";
import { type Assignment, HookQueue, type ManagerEvent } from "./hooks.ts";
import { noMetrics } from "./metrics/collector.ts";
import { consumptionMetrics } from "./metrics/consumption_metrics.ts";
import { kvElection } from "./leadership/kv_election.ts";
import { sleep } from "./ports/clock.ts";
import type { Subscription } from "./ports/messaging.ts";
import { jitter } from "./ports/random.ts";
import type { ManagerOptions } from "./manager_options.ts";
import { Session, type SessionEvents } from "./session.ts";
import { type ManagerState, StateMachine } from "./state.ts";
import { Telemetry } from "./telemetry.ts";

const REJOIN_MS = 100;
const REJOIN_MAX_MS = 5_000;
/** Former instances remembered; older ones have long expired. */
const FORMER_MAX = 100;

/** A worker of a group. */
export class Manager implements AsyncDisposable {
  readonly #options: ManagerOptions;
  readonly #config: GroupConfig;
  readonly #hooks: HookQueue;
  readonly #telemetry: Telemetry;
  readonly #state: StateMachine;
  readonly #degraded: DegradedMonitor;
  readonly #source: SourceView;
  readonly #formerInstances = new Set<string>();
  readonly #stop = new AbortController();
  #buckets: GroupBuckets | undefined;
  #session: Session | undefined;
  #joining: Promise<void> | undefined;
  #connection: Subscription | undefined;
  #preferredId: number | undefined;
  #delivered: Assignment | undefined;
  #started = false;
  #stopping: Promise<void> | undefined;

  /**
   * @param options what it is made from
   * @throws {PartiError} `PARTI_INVALID_CONFIG`
   */
  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#config = resolveConfig(options.config);
    if (options.handler !== undefined && this.#config.consumer === undefined) {
      throw new PartiError(
        "PARTI_INVALID_CONFIG",
        "a handler needs `consumer` in the configuration",
        {
          hint: "set consumer.stream and consumer.subjectTemplate, or leave the handler out",
        },
      );
    }
    const { clock } = options.world;
    this.#preferredId = this.#config.preferredId;
    this.#hooks = new HookQueue(options.hooks ?? {});
    this.#telemetry = new Telemetry(
      this.#config.group,
      options.metrics ?? noMetrics,
      () => this.workerId,
    );
    this.#state = new StateMachine(() => clock.monotonicMs(), (from, to, durationMs) => {
      this.#telemetry.stateChanged(from, to, durationMs);
      void this.#hooks.emit({ type: "state", from, to });
    });
    this.#degraded = new DegradedMonitor({
      clock,
      behavior: this.#config.degradedBehavior,
      alerts: this.#config.degradedAlert,
      onChange: (degraded, durationMs) => {
        this.#telemetry.degradedChanged(degraded, durationMs);
        this.#showState();
      },
      onAlert: (level, durationMs) => {
        this.#telemetry.alert(level, durationMs);
        void this.#hooks.emit({ type: "alert", level, durationMs });
      },
    });
    this.#source = new SourceView({
      source: options.source,
      clock,
      timeoutMs: this.#config.operationTimeoutMs,
      allowEmpty: options.allowEmptySource ?? false,
      onProblem: (error) => this.#tell(error),
    });
  }

  /** The state. */
  get state(): ManagerState {
    return this.#state.state;
  }

  /** The complete configuration in force. */
  get config(): GroupConfig {
    return this.#config;
  }

  /** Whether this worker leads. */
  get isLeader(): boolean {
    return this.#session?.isLeader ?? false;
  }

  /** The stable ID, such as `worker-3`; undefined while it has none. */
  get workerId(): string | undefined {
    return this.#session?.worker;
  }

  /** The present instance; a new one after each rejoin. */
  get instance(): string | undefined {
    return this.#session?.instance;
  }

  /** What this worker owns; undefined before the first assignment. A copy. */
  get assignment(): Assignment | undefined {
    const assignment = this.#session?.assignment;
    return assignment === undefined
      ? undefined
      : { ...assignment, partitions: assignment.partitions.map((partition) => ({ ...partition })) };
  }

  /** How well consumption goes; undefined where the application consumes by itself. */
  get consumerHealth(): ConsumerHealth | undefined {
    return this.#session?.consumer?.health();
  }

  /** The consumer of the present session, to pause, resume or inspect. */
  get consumer(): WorkerConsumer | undefined {
    return this.#session?.consumer;
  }

  /**
   * Joins the group and waits until this worker holds its first assignment.
   *
   * @param options `signal` gives up at any phase
   * @throws {PartiError} `PARTI_ALREADY_STARTED`, `PARTI_STARTUP_TIMEOUT`, `PARTI_ABORTED`, or what the server says. After any of
   * them nothing is left behind.
   */
  async start(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#started) {
      throw new PartiError("PARTI_ALREADY_STARTED", "this manager was started before", {
        hint: "make a new Manager for a new life",
      });
    }
    this.#started = true;
    const { world } = this.#options;
    const timeout = new AbortController();
    const timer = world.clock.setTimer(this.#config.startupTimeoutMs, () => timeout.abort());
    const signal = AbortSignal.any([
      timeout.signal,
      this.#stop.signal,
      ...(options.signal === undefined ? [] : [options.signal]),
    ]);
    try {
      this.#state.set("ClaimingID");
      this.#buckets = await unlessAborted(
        openBuckets(world, this.#config, this.#telemetry.metrics, (error) => this.#tell(error)),
        signal,
      );
      this.#connection = world.messaging.onStatus((status) => this.#connectionChanged(status));
      this.#joining = this.#join(signal);
      await unlessAborted(this.#joining, signal);
      await this.#state.reached("Stable", signal);
    } catch (error) {
      const reason = this.#startFailure(error, timeout.signal.aborted, signal.aborted);
      await this.stop();
      throw reason;
    } finally {
      timer.cancel();
    }
  }

  /**
   * Leaves the group: hands over, drains, gives back leadership and stable ID. Safe to call at any time and more than once.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#shutDown();
    return this.#stopping;
  }

  /** As {@linkcode stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * Waits for a state.
   *
   * @param state the state
   * @param timeoutMs how long at most, in milliseconds
   * @throws {PartiError} `PARTI_TIMEOUT`, or `PARTI_STOPPED` if the worker is shut down and never will be in that state
   */
  async waitState(state: ManagerState, timeoutMs: number): Promise<void> {
    const timeout = new AbortController();
    const timer = this.#options.world.clock.setTimer(timeoutMs, () => timeout.abort());
    try {
      await this.#state.reached(state, timeout.signal);
    } catch (error) {
      if (!isPartiError(error, "PARTI_ABORTED")) throw error;
      throw new PartiError(
        "PARTI_TIMEOUT",
        `not ${state} within ${timeoutMs} ms but ${this.state}`,
      );
    } finally {
      timer.cancel();
    }
  }

  /**
   * Has the leader read the partition source again, whichever worker this is.
   *
   * @returns the generation in force afterwards
   * @throws {PartiError} `PARTI_NOT_STARTED`, `PARTI_NOT_LEADER` or `PARTI_NO_RESPONDERS` while there is no leader,
   * `PARTI_SOURCE_FAILED` if the source cannot be read
   */
  async refreshPartitions(): Promise<number> {
    if (this.#session === undefined) {
      throw new PartiError("PARTI_NOT_STARTED", "this worker is not in its group at the moment");
    }
    return await this.#session.refresh();
  }

  /** Everything that happens from now on; ends with the worker. */
  events(): AsyncIterableIterator<ManagerEvent> {
    return this.#hooks.iterate();
  }

  async #join(signal: AbortSignal): Promise<void> {
    const { world, strategy, election } = this.#options;
    const { leases, assignments } = this.#buckets!;
    const session = await Session.join({
      world,
      config: this.#config,
      host: this.#options.host ?? "",
      preferredId: this.#preferredId,
      formerInstances: this.#formerInstances,
      leases,
      assignments,
      election: election?.(leases) ?? kvElection({
        bucket: leases,
        clock: world.clock,
        random: world.random,
        ttlMs: this.#config.electionTimeoutMs,
        renewEveryMs: Math.min(
          this.#config.heartbeatIntervalMs,
          this.#config.electionTimeoutMs / 3,
        ),
        formerInstances: this.#formerInstances,
      }),
      source: this.#source,
      strategy: strategy ?? stickyBalanced(),
      makeConsumer: (owner, mayAct) => this.#makeConsumer(owner, mayAct),
      events: this.#sessionEvents(),
      signal,
    });
    this.#session = session;
    this.#preferredId = session.idNumber;
    this.#state.set("WaitingAssignment");
    if (!session.mayAct) this.#lost();
    else this.#showState();
  }

  #makeConsumer(
    owner: { group: string; worker: string; instance: string },
    mayAct: () => boolean,
  ): WorkerConsumer | undefined {
    const { world, handler, consumptionEvents } = this.#options;
    const { consumer, drainTimeoutMs, operationTimeoutMs } = this.#config;
    if (handler === undefined || consumer === undefined) return undefined;
    let made: WorkerConsumer | undefined = undefined;
    const measured = consumptionMetrics(
      this.#telemetry.metrics,
      () => (made as WorkerConsumer | undefined)?.health(),
    );
    made = new WorkerConsumer({
      world,
      config: consumer,
      owner,
      handler,
      drainTimeoutMs,
      operationTimeoutMs,
      mayAct,
      events: bothEvents(measured, {
        ...consumptionEvents,
        error: (error) => {
          this.#tell(error);
          consumptionEvents?.error?.(error);
        },
      }),
    });
    return made;
  }

  #sessionEvents(): SessionEvents {
    return {
      onClaimed: () => {
        this.#state.set("Election");
        void this.#removeFormerLanes();
      },
      onAssignment: (assignment) => this.#assignmentChanged(assignment),
      onProgress: () => this.#showState(),
      onLeadership: (isLeader, epoch) => {
        this.#telemetry.leadershipChanged(isLeader, epoch);
        void this.#hooks.emit({ type: "leadership", isLeader, epoch });
        this.#showState();
      },
      onPublished: (snapshot, movedCount, durationMs) =>
        this.#telemetry.published(snapshot, movedCount, durationMs),
      onRebalanceFailed: (reason) => this.#telemetry.metrics.rebalanceAttempt(reason, false),
      onRenewed: (ok) => {
        this.#telemetry.metrics.heartbeat(ok);
        if (!ok) this.#degraded.kvError();
      },
      onProbeMiss: (_instance, kind) => this.#telemetry.metrics.probeMiss(kind),
      onEvicted: (worker, instance, reason) => this.#telemetry.evicted(worker, instance, reason),
      onError: (error) => this.#tell(error),
      onLost: (reason) => {
        this.#telemetry.lost(reason);
        this.#lost();
      },
    };
  }

  /** A former life of this process holds nothing by right any more. */
  async #removeFormerLanes(): Promise<void> {
    if (this.#formerInstances.size === 0) return;
    const reaper = new LaneReaper({
      feed: this.#options.world.feed,
      group: this.#config.group,
      stream: this.#config.consumer?.stream,
      onError: (error) => this.#tell(error),
    });
    const former = new Set(this.#formerInstances);
    await reaper.reap((instance) => !former.has(instance) || instance === this.instance);
  }

  #remember(instance: string): void {
    this.#formerInstances.add(instance);
    const oldest = this.#formerInstances.values().next();
    if (this.#formerInstances.size > FORMER_MAX && !oldest.done) {
      this.#formerInstances.delete(oldest.value);
    }
  }

  /** Tells the application the true difference to what it was told last. */
  #assignmentChanged(assignment: Assignment): Promise<void> {
    const change = changeBetween(this.#delivered, assignment);
    const first = this.#delivered === undefined;
    this.#delivered = assignment;
    if (!first && change.added.length === 0 && change.removed.length === 0) {
      return this.#hooks.idle();
    }
    this.#telemetry.assignmentChanged(change);
    return this.#hooks.emit({ type: "assignment", change });
  }

  /** The session is over: what the application held is gone, and a new life begins. */
  #lost(): void {
    const session = this.#session;
    if (session === undefined || this.#stop.signal.aborted) return;
    this.#session = undefined;
    this.#remember(session.instance);
    const { epoch = 0, generation = 0 } = session.assignment ?? {};
    void this.#assignmentChanged({ epoch, generation, partitions: [] });
    this.#delivered = undefined;
    this.#state.set(this.#degraded.degraded ? "Degraded" : "ClaimingID");
    this.#joining = this.#rejoin();
  }

  async #rejoin(): Promise<void> {
    const { clock, random, messaging } = this.#options.world;
    const { signal } = this.#stop;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const pauseMs = Math.min(REJOIN_MS * 2 ** Math.min(attempt, 10), REJOIN_MAX_MS);
      await sleep(clock, jitter(random, pauseMs), signal);
      if (signal.aborted || !messaging.connected) continue;
      try {
        if (this.#state.state !== "ClaimingID") this.#state.set("ClaimingID");
        await this.#join(signal);
        return;
      } catch (error) {
        if (!signal.aborted) this.#tell(error);
      }
    }
  }

  #connectionChanged(status: "disconnected" | "reconnected" | "closed"): void {
    if (status === "reconnected") {
      this.#degraded.reconnected();
      this.#session?.reconnected();
    } else {
      this.#degraded.disconnected();
    }
  }

  /** Shows what the session is doing. The one place that decides between the states of a running worker. */
  #showState(): void {
    const session = this.#session;
    if (session === undefined || this.#stop.signal.aborted) return;
    this.#state.set(this.#stateOf(session));
  }

  #stateOf(session: Session): ManagerState {
    if (this.#degraded.degraded) return "Degraded";
    switch (session.leaderPhase) {
      case "emergency":
        return "Emergency";
      case "scaling":
        return "Scaling";
      case "rebalancing":
        return "Rebalancing";
      case "idle":
        if (session.isApplied) return "Stable";
        return session.assignment === undefined ? "WaitingAssignment" : "Rebalancing";
    }
  }

  async #shutDown(): Promise<void> {
    const wasRunning = this.#state.state !== "Init";
    this.#stop.abort();
    await this.#joining?.catch(() => {});
    const session = this.#session;
    if (session !== undefined && wasRunning) {
      const { clock } = this.#options.world;
      const deadline = new AbortController();
      const timer = clock.setTimer(this.#config.shutdownTimeoutMs, () => deadline.abort());
      try {
        await session.leave(deadline.signal);
      } catch (error) {
        this.#tell(error);
        await session.fence("shutdown");
      } finally {
        timer.cancel();
      }
    }
    this.#session = undefined;
    this.#connection?.close();
    this.#degraded.close();
    this.#state.set("Shutdown");
    await this.#hooks.idle();
    this.#hooks.close();
  }

  #startFailure(error: unknown, timedOut: boolean, aborted: boolean): unknown {
    if (timedOut) {
      return new PartiError(
        "PARTI_STARTUP_TIMEOUT",
        `not in the group within ${this.#config.startupTimeoutMs} ms; the last state was ${this.state}`,
        { cause: error, value: this.#config.startupTimeoutMs },
      );
    }
    if (aborted) {
      return new PartiError("PARTI_ABORTED", `start was given up while ${this.state}`, {
        cause: error,
      });
    }
    return error;
  }

  #tell(error: unknown): void {
    this.#telemetry.error(error);
    void this.#hooks.emit({ type: "error", error });
  }
}
