/**
 * The manager: one worker's life in a group, as the application sees it.
 *
 * @module
 */
import { follow, settled, unlessAborted } from "../abort.ts";
import { SourceView } from "../assignment/leader/source_view.ts";
import type { PartitionSource } from "../assignment/partition.ts";
import { staticSource } from "../assignment/sources/static_source.ts";
import { configWarnings, type GroupConfig, resolveConfig } from "../config/config.ts";
import type { ConsumerHealth, WorkerConsumer } from "../consumption/worker_consumer.ts";
import { DegradedMonitor } from "./degraded.ts";
import { isPartiError, PartiError } from "../errors.ts";
import { type Assignment, HookQueue, type ManagerEvent } from "./hooks.ts";
import type { Lives } from "./lives.ts";
import { makeLives } from "./make_lives.ts";
import type { ManagerOptions } from "./manager_options.ts";
import { noMetrics } from "../metrics/collector.ts";
import { guardedMetrics } from "../metrics/guarded_metrics.ts";
import { Notifier } from "./notifier.ts";
import type { ConnectionStatus, Subscription } from "../ports/messaging.ts";
import { shardPartitions } from "../sharding/shards.ts";
import type { CopyHealth } from "../session/leader_copy.ts";
import { closedForGood, startFailure } from "./start_failure.ts";
import { type ManagerState, StateMachine, stateOf } from "./state.ts";
import { Telemetry } from "./telemetry.ts";

/** The part of the shutdown timeout for handing over and draining; the rest is for giving back leadership and lease. */
const HAND_OVER_SHARE = 0.8;

/** A worker of a group. */
export class Manager implements AsyncDisposable {
  readonly #options: ManagerOptions;
  readonly #config: GroupConfig;
  readonly #hooks: HookQueue;
  readonly #telemetry: Telemetry;
  readonly #notifier: Notifier;
  readonly #state: StateMachine;
  readonly #degraded: DegradedMonitor;
  readonly #source: SourceView;
  readonly #lives: Lives;
  readonly #stop = new AbortController();
  #connection: readonly Subscription[] = [];
  #reconnectedAtMs: number | undefined;
  /** It has held exactly what an assignment gave it. */
  #hasHeld = false;
  #started = false;
  #stopping: Promise<void> | undefined;

  /**
   * Makes a worker that does nothing yet.
   *
   * @param options what it is made from
   * @throws {PartiError} `PARTI_INVALID_CONFIG`
   */
  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#config = resolveConfig(options.config);
    checkOptions(options, this.#config);
    const { clock } = options.world;
    this.#hooks = new HookQueue(options.hooks ?? {});
    this.#telemetry = new Telemetry(
      this.#config.group,
      guardedMetrics(options.metrics ?? noMetrics, (error) => this.#notifier.error(error)),
      () => this.workerId,
    );
    this.#notifier = new Notifier(this.#telemetry, this.#hooks);
    this.#state = new StateMachine(() => clock.monotonicMs(), {
      onChange: (from, to, durationMs) => this.#notifier.stateChanged(from, to, durationMs),
      onIllegal: (error) => this.#notifier.error(error),
    });
    this.#degraded = this.#makeDegradedMonitor();
    this.#source = new SourceView({
      source: sourceOf(options, this.#config),
      clock,
      timeoutMs: this.#config.operationTimeoutMs,
      allowEmpty: options.allowEmptySource ?? false,
      onProblem: (error) => this.#notifier.sourceFailed(error, this.#source.known),
    });
    this.#lives = makeLives({
      options,
      config: this.#config,
      source: this.#source,
      metrics: this.#telemetry.metrics,
      degraded: this.#degraded,
      reconnectedAtMs: () => this.#reconnectedAtMs,
      events: this.#notifier.sessionEvents(() => this.#showState()),
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

  /** Whether this worker leads at this moment: judged by the clock too, so never true after its lease has ended. */
  get isLeader(): boolean {
    return this.#lives.session?.isLeader ?? false;
  }

  /** The stable ID, such as `worker-3`; undefined while it has none. */
  get workerId(): string | undefined {
    return this.#lives.session?.worker;
  }

  /** The present instance; a new one after each rejoin. */
  get instance(): string | undefined {
    return this.#lives.session?.instance;
  }

  /** What this worker owns; undefined while no assignment names it. Frozen. */
  get assignment(): Assignment | undefined {
    return this.#lives.session?.assignment;
  }

  /** How well consumption goes; undefined where the application consumes by itself, and while there is no session. */
  get consumerHealth(): ConsumerHealth | undefined {
    return this.#lives.session?.consumer?.health();
  }

  /** How the copy into the group's shards goes; undefined unless this worker leads, and `consumer.from` names what is copied. */
  get copyHealth(): CopyHealth | undefined {
    return this.#lives.session?.copyHealth;
  }

  /**
   * The consumer of the present session, to pause, resume or inspect; that of the next one is paused if this one is. What it holds and when
   * it ends is the manager's affair: closed by anybody else it would leave this worker with partitions that nobody handles.
   */
  get consumer():
    | Pick<
      WorkerConsumer,
      "pause" | "paused" | "resume" | "resumePartition" | "outranked" | "health"
    >
    | undefined {
    return this.#lives.session?.consumer;
  }

  /**
   * Joins the group and waits until this worker holds its first assignment. While the server is out of reach it is tried again.
   *
   * @param options `signal` gives up at any phase
   * @throws {PartiError} `PARTI_ALREADY_STARTED`, `PARTI_STOPPED`, `PARTI_INVALID_CONFIG` if the stream cannot be consumed so (see
   * {@linkcode checkFeed}) or the bucket of leases was made for shorter ones, `PARTI_STARTUP_TIMEOUT` with the last error as its cause,
   * `PARTI_NO_FREE_ID` if all IDs were held for all that time, `PARTI_ABORTED`, or what the server says. After any of them but the first the worker is shut down, and nothing of it is left
   * behind as far as the server can be reached. Given up by the signal it fails at once, before all that is done: {@linkcode stop}
   * waits for it.
   */
  async start(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#started) {
      throw new PartiError("PARTI_ALREADY_STARTED", "this manager was started before", {
        hint: "make a new Manager for a new life",
      });
    }
    if (this.#stopping !== undefined) {
      throw new PartiError("PARTI_STOPPED", "this manager was stopped before it was started");
    }
    this.#started = true;
    this.#telemetry.doubts(configWarnings(this.#config));
    const { signal: given = new AbortController().signal } = options;
    const giveUp = new AbortController();
    const { signal } = giveUp;
    const unfollow = follow(giveUp, this.#stop.signal, given);
    let timedOut = false;
    const { promise: isIn, resolve: comeIn } = Promise.withResolvers<void>();
    const timer = this.#options.world.clock.setTimer(this.#config.startupTimeoutMs, () => {
      // Whoever leads a group that goes on growing is not Stable before it is done; it has long held what is its own.
      if (this.#hasHeld) return comeIn();
      timedOut = true;
      giveUp.abort();
    });
    try {
      this.#listen();
      await this.#lives.begin(signal);
      const stable = this.#state.reached("Stable", signal);
      // It goes on although nobody may wait for it any more.
      stable.catch(() => {});
      await Promise.race([stable, isIn]);
      timer.cancel();
    } catch (error) {
      const found = {
        state: this.state,
        timedOut,
        aborted: signal.aborted,
        startupTimeoutMs: this.#config.startupTimeoutMs,
        lastError: this.#notifier.lastError,
      };
      timer.cancel();
      // Whoever gives it up does not wait for a server that may be silent.
      await settled(this.stop(), given);
      throw startFailure(error, { ...found, joinFailure: this.#lives.joinFailure });
    } finally {
      unfollow();
    }
  }

  /**
   * Leaves the group: hands over, drains, gives back leadership and stable ID. Safe to call at any time and more than once; returns
   * after `shutdownTimeout` at the latest, and never throws.
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
      const found = `not ${state} within ${timeoutMs} ms but ${this.state}`;
      throw new PartiError("PARTI_TIMEOUT", found);
    } finally {
      timer.cancel();
    }
  }

  /**
   * Has the leader read the partition source again, whichever worker this is.
   *
   * @returns the generation in force afterwards
   * @throws {PartiError} `PARTI_NOT_STARTED`, `PARTI_NOT_LEADER` or `PARTI_NO_RESPONDERS` while there is no leader,
   * `PARTI_SOURCE_FAILED` if the source cannot be read, `PARTI_INVALID_ASSIGNMENT` if the strategy fails, `PARTI_TIMEOUT`
   */
  async refreshPartitions(): Promise<number> {
    const { session } = this.#lives;
    if (session === undefined) {
      throw new PartiError("PARTI_NOT_STARTED", "this worker is not in its group at the moment");
    }
    return await session.refresh();
  }

  /**
   * Everything that happens from now on; ends with the worker. Who falls behind by more than 1,000 events loses the oldest.
   */
  events(): AsyncIterableIterator<ManagerEvent> {
    return this.#hooks.iterate();
  }

  #makeDegradedMonitor(): DegradedMonitor {
    return new DegradedMonitor({
      clock: this.#options.world.clock,
      behavior: this.#config.degradedBehavior,
      alerts: this.#config.degradedAlert,
      onChange: (degraded, durationMs) => {
        this.#telemetry.degradedChanged(degraded, durationMs);
        this.#showState();
      },
      onAlert: (level, durationMs) => this.#notifier.alert(level, durationMs),
    });
  }

  #listen(): void {
    const { messaging } = this.#options.world;
    this.#connection = [
      messaging.onStatus((status) => this.#connectionChanged(status)),
      messaging.onRefused((error) => this.#notifier.error(error)),
    ];
  }

  #connectionChanged(status: ConnectionStatus): void {
    if (status === "reconnected") {
      this.#reconnectedAtMs = this.#options.world.clock.monotonicMs();
      this.#degraded.reconnected();
      this.#lives.reconnected();
      return;
    }
    this.#degraded.disconnected();
    this.#lives.disconnected();
    if (status === "disconnected") return;
    this.#lives.closedForGood();
    this.#notifier.error(closedForGood());
  }

  #showState(): void {
    if (this.#stop.signal.aborted) return;
    const { step, session } = this.#lives;
    const facts = {
      degraded: this.#degraded.degraded,
      step,
      leaderPhase: session?.leaderPhase ?? "idle",
      assigned: session?.assignment !== undefined,
      settled: session?.isSettled ?? false,
    };
    this.#hasHeld ||= facts.assigned && facts.settled;
    this.#state.set(stateOf(facts));
  }

  async #shutDown(): Promise<void> {
    this.#stop.abort();
    const { clock } = this.#options.world;
    const { shutdownTimeoutMs } = this.#config;
    const handOverBy = new AbortController();
    const endBy = new AbortController();
    const timers = [
      clock.setTimer(shutdownTimeoutMs * HAND_OVER_SHARE, () => handOverBy.abort()),
      clock.setTimer(shutdownTimeoutMs, () => endBy.abort()),
    ];
    try {
      await this.#lives.end(handOverBy.signal, endBy.signal);
      for (const subscription of this.#connection) subscription.close();
      this.#degraded.close();
      this.#state.set("Shutdown");
      await unlessAborted(this.#hooks.idle(), endBy.signal);
    } catch {
      // A hook does not come back. Everything else has ended, and nothing is told any more.
    } finally {
      for (const timer of timers) timer.cancel();
      this.#hooks.close();
    }
  }
}

function checkOptions(options: ManagerOptions, config: GroupConfig): void {
  if (options.handler === undefined || config.consumer !== undefined) return;
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    "a handler needs `consumer` in the configuration",
    { hint: "set consumer.stream and consumer.subjectTemplate, or leave the handler out" },
  );
}

/** The partitions of a sharded feed are its shards, which nobody need say twice. */
function sourceOf({ source }: ManagerOptions, { consumer }: GroupConfig): PartitionSource {
  const shards = consumer?.shards;
  if ((source === undefined) === (shards !== undefined)) {
    return source ?? staticSource(shardPartitions(shards!));
  }
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    source === undefined
      ? "a manager needs a source of partitions"
      : "a sharded feed's partitions are its shards, and there is a source of others",
    { hint: "give either `source` or `config.consumer.shards`" },
  );
}
