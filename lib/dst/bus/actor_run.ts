/**
 * Nodes with actors, and calls to them: what phases 4 and 5 have in common.
 *
 * @module
 */
import type { ActorId } from "../../bus/actors/actor_id.ts";
import { ActorSystem } from "../../bus/actors/actor_system.ts";
import { PLACEMENTS } from "../../bus/actors/placement.ts";
import { RECENT_MS } from "../../bus/actors/recent_places.ts";
import type { MessageBus } from "../../bus/bus.ts";
import { stateBucket } from "../../bus/names.ts";
import { isPartiError } from "../../errors.ts";
import type { LinkOptions } from "../nats/link.ts";
import type { Simulation } from "../workload.ts";
import { disagreement, leftOnServer } from "./actor_agreement.ts";
import { type ActorCatalog, type ActorSite, CONVERGENCE_LEASES } from "./actor_catalog.ts";
import { type ActorCallStep, writePayload } from "./actor_payload.ts";
import { ActorWatch } from "./actor_watch.ts";
import { BUS, BusCluster, type BusMember } from "./bus_cluster.ts";
import { CallWatch } from "./call_watch.ts";
import { cancelAfter } from "./cancelling.ts";
import { KeptBooks } from "./kept_books.ts";
import { type CallRecord, echoOf, Ledger, tokenOf } from "./ledger.ts";
import { MemoryWatch } from "./memory_watch.ts";
import { isCalm } from "./mood.ts";
import { checkAtMostOnce, endRun } from "./run_end.ts";
import { type ActorStage, simActor } from "./sim_actor.ts";

/** A node with actors. */
export interface ActorMember extends BusMember {
  /** Its actors. */
  readonly actors: ActorSystem;
}

/** What a run is made from. */
export interface ActorRunOptions {
  /** How many nodes. */
  readonly nodes: number;
  /** How many actors. */
  readonly actors: number;
  /** How long a node's lease lasts, in milliseconds. */
  readonly leaseTtlMs: number;
  /** After how long actors that nobody calls end, in milliseconds. */
  readonly idleMs: number;
  /** How many calls may wait for an actor. */
  readonly mailboxMax: number;
  /** How many places of actors a node remembers. */
  readonly cacheMax: number;
  /** How connections behave. */
  readonly network: (owner: string) => LinkOptions;
}

const LOOK_MS = 100;
const PING_TIMEOUT_MS = 20_000;
/** So long before a call its actor may have moved without everybody knowing: what was read counts so long, and had to come. */
const MOVED_MS = RECENT_MS + 500;
const KEPT = "kept";

/** A run. */
export class ActorRun {
  /** The books. */
  readonly ledger: Ledger = new Ledger();
  /** Who watches. */
  readonly watch: ActorWatch;
  /** The nodes. */
  readonly cluster: BusCluster<ActorMember>;
  /** The calls that were sent on as often as they may be while their actors had just moved, which is no fault. */
  readonly far = new Set<string>();
  /** The actors that something was told which was sent on as often: which of several, nobody says. */
  readonly farTold = new Set<unknown>();
  readonly #simulation: Simulation<ActorCatalog>;
  readonly #options: ActorRunOptions;
  /** What actors have said they keep. */
  readonly #kept = new KeptBooks(stateBucket(BUS));
  readonly #called = new Set<ActorId>();
  readonly #calls: CallWatch;
  readonly #memory: MemoryWatch;
  /** How many calls each bus had made when it was looked at last. */
  readonly #issued = new Map<string, number>();
  /** How often each call was sent on. */
  readonly #forwards = new Map<string, number>();

  /**
   * @param simulation the run
   * @param options what it is made from
   */
  constructor(simulation: Simulation<ActorCatalog>, options: ActorRunOptions) {
    this.#simulation = simulation;
    this.#options = options;
    this.watch = new ActorWatch(simulation.assertions, () => simulation.kernel.nowMs);
    this.#calls = new CallWatch(simulation.assertions);
    this.#memory = new MemoryWatch(simulation.assertions, isCalm(simulation.plan));
    this.cluster = new BusCluster<ActorMember>(simulation as unknown as Simulation, {
      network: options.network,
      busOptions: () => ({
        lookoutMs: 250,
        onError: (error) => this.#heard(error),
        onForwarded: ({ id }) => {
          const count = (this.#forwards.get(id) ?? 0) + 1;
          this.#forwards.set(id, count);
          simulation.assertions.always("hops are few", count <= 2, `${id}: ${count} times`);
        },
      }),
      start: (member) => this.#start(member),
      onDeath: ({ owner }) => this.ledger.died(owner.name),
      onFailedStart: (error) => this.#heard(error),
      onMisbehaviour: (site) => {
        simulation.assertions.sometimesEach("places that misbehave", site as ActorSite);
      },
    });
    simulation.kernel.addInvariant(() => this.#checkPending(), "pending is what is open");
  }

  /** Stops the actors of a node. */
  readonly stop = ({ actors }: ActorMember): Promise<void> => actors.stop();

  /** The names of the nodes. */
  get nodeNames(): string[] {
    return Array.from({ length: this.#options.nodes }, (_, n) => `node-${n}`);
  }

  /** The name of an actor: its type says how it is placed, and whether it keeps anything. */
  actorId(n: number): ActorId {
    const placement = PLACEMENTS[n % PLACEMENTS.length]!;
    const isKept = n % 3 !== 0;
    return `sim::${placement}${isKept ? `-${KEPT}` : ""}/${n}`;
  }

  /** Starts all nodes. */
  async open(): Promise<void> {
    await Promise.all(this.nodeNames.map((node) => this.cluster.start(node)));
  }

  /** Makes a call; resolves when its caller has been told its outcome. */
  async call(token: string, how: ActorCallStep): Promise<CallRecord | undefined> {
    const member = await this.cluster.awake(`node-${how.node}`);
    if (member === undefined) return undefined;
    const { assertions } = this.#simulation;
    const id = this.actorId(how.actor);
    const { again = false, timeoutMs } = how;
    this.#called.add(id);
    const sinceMs = this.#simulation.kernel.nowMs;
    const record = this.ledger.issue(token, member.owner.name, !again, timeoutMs);
    const cancel = cancelAfter(member.world.clock, how.cancelAfterMs);
    const { signal } = cancel;
    const options = { timeoutMs, signal, ...(again ? { idempotencyKey: token } : {}) };
    const payload = writePayload(token, how);
    if (!again) this.#memory.calls(member.owner, id, payload);
    const calling = member.actors.request(id, "add", payload, options);
    const told = await this.ledger.book(record, member, calling, (error) => this.#heard(error));
    cancel.end();
    if (told === undefined) return undefined;
    const [outcome] = record.outcomes;
    assertions.sometimes("cancelled", outcome === "cancelled");
    assertions.sometimes("a mailbox was full", outcome === "overloaded");
    if ("value" in told) {
      const text = tokenOf(told.value);
      assertions.always("the answer is the call's", text === echoOf(token), `${token}: ${text}`);
      if (id.includes(KEPT)) this.#kept.promise(id, token);
      return record;
    }
    const isFar = isPartiError(told.error, "PARTI_TOO_MANY_HOPS");
    assertions.sometimes("hop_limit_hit", isFar);
    if (isFar && this.watch.hasChanged(id, sinceMs - MOVED_MS)) this.far.add(token);
    return record;
  }

  /** Tells an actor something. */
  async tell(token: string, how: ActorCallStep): Promise<void> {
    const member = await this.cluster.awake(`node-${how.node}`);
    if (member === undefined) return;
    const id = this.actorId(how.actor);
    this.#called.add(id);
    const record = this.ledger.issue(token, member.owner.name, true, how.timeoutMs);
    const telling = member.actors.oneway(id, "add", writePayload(token, how), {
      timeoutMs: how.timeoutMs,
    });
    await this.ledger.book(record, member, telling, (error) => this.#heard(error));
  }

  /**
   * Waits until the directory says what is.
   *
   * @param sinceMs when the last fault was over
   */
  async converge(sinceMs: number): Promise<void> {
    const { kernel, assertions } = this.#simulation;
    const leases = () => (kernel.nowMs - sinceMs) / this.#options.leaseTtlMs;
    let problem = await disagreement(this.cluster, this.#options.nodes);
    while (problem !== undefined && leases() <= CONVERGENCE_LEASES) {
      await kernel.sleep(LOOK_MS, "look");
      problem = await disagreement(this.cluster, this.#options.nodes);
    }
    assertions.alwaysAtMost("directory and hosts agree", leases(), problem ?? "");
  }

  /** Calls every actor that has ever been called. */
  async callAll(): Promise<void> {
    const { assertions } = this.#simulation;
    const ids = Array.from({ length: this.#options.actors }, (_, n) => n);
    await Promise.all(
      ids.filter((n) => this.#called.has(this.actorId(n))).map(async (actor) => {
        const node = actor % this.#options.nodes;
        const token = `ping-${actor}`;
        const record = await this.call(token, {
          ...{ node, actor, again: true, timeoutMs: PING_TIMEOUT_MS },
        });
        const [outcome] = record?.outcomes ?? [];
        assertions.always("all actors answer", outcome === "value", `${token}: ${outcome}`);
      }),
    );
  }

  /** Ends all nodes in order, and looks at what is left. */
  async end(): Promise<void> {
    const { assertions } = this.#simulation;
    const { cluster, ledger } = this;
    await endRun({
      ...{ simulation: this.#simulation, cluster, ledger },
      look: () => this.#checkStates(),
      stop: this.stop,
    });
    for (const left of leftOnServer(cluster.server)) {
      assertions.always("nothing leaks", false, left);
    }
    this.watch.checkLives();
    checkAtMostOnce(assertions, ledger);
    for (const { token, outcomes, executions } of ledger.calls) {
      const isHandled = outcomes[0] !== "application error" || executions > 0;
      const text = `${token} failed, and nobody has handled it`;
      assertions.always("a value was handled", isHandled, text);
    }
  }

  async #start(member: BusMember): Promise<ActorMember> {
    const { owner, world, bus } = member;
    const { leaseTtlMs, cacheMax, idleMs, mailboxMax } = this.#options;
    const actors = new ActorSystem({
      ...{ world, bus, leaseTtlMs, cacheMax },
      directory: (own) => {
        const watched = this.watch.watched(owner, own);
        return {
          ...watched,
          lookup: (id) => {
            this.#memory.looksUp(owner, id);
            return watched.lookup(id).finally(() => this.#memory.hasLooked(owner, id));
          },
        };
      },
      onActivation: (activation, to) => {
        this.watch.changed(owner, activation, to, actors.mayAct);
      },
      onError: (error) => this.#heard(error),
    });
    const stage: ActorStage = {
      ...{ owner, actors, simulation: this.#simulation, clock: world.clock },
      ...{ ledger: this.ledger, watch: this.watch, calls: this.#calls },
    };
    for (const placement of PLACEMENTS) {
      for (const state of [false, true]) {
        actors.define(`sim::${placement}${state ? `-${KEPT}` : ""}`, {
          ...{ placement, state, idleMs, mailboxMax },
          create: (context) => simActor(stage, context),
        });
      }
    }
    this.#listenToAnswers(bus, actors);
    this.#calls.listen(bus);
    this.#memory.listen(owner, bus);
    await actors.start();
    return { ...member, actors };
  }

  /** What is answered is judged in the moment in which it is said: how long it is under way is another matter. */
  #listenToAnswers({ outbox }: MessageBus, actors: ActorSystem): void {
    const answer = outbox.answer.bind(outbox);
    outbox.answer = (call, said) => {
      this.watch.answers(call, said, actors.mayAct && actors.address === said.at);
      answer(call, said);
    };
  }

  async #checkStates(): Promise<void> {
    const { assertions } = this.#simulation;
    for (const [key, kept] of await this.#kept.check(this.cluster.admin, assertions)) {
      const made = kept.every((token) => this.ledger.find(token) !== undefined);
      assertions.always("what is kept was called", made, key);
    }
  }

  #checkPending(): void {
    for (const { bus, owner } of this.cluster.alive) {
      const { count, issued, settled } = bus.caller.pending;
      const { once, again } = this.ledger.openOf(owner.name);
      // Of those that are open, some look for their actor, or wait for their next try.
      const holds = count === issued - settled && count <= once + again;
      // Counted where it changes: it is looked at after each event.
      if (holds && this.#issued.get(bus.address) === issued) continue;
      this.#issued.set(bus.address, issued);
      this.#simulation.assertions.always(
        "pending is what is open",
        holds,
        () =>
          `${owner.name}: ${count} wait, ${issued} less ${settled}, ${once} + ${again} are open`,
      );
    }
  }

  #heard(error: unknown): void {
    const { assertions } = this.#simulation;
    const isBug = isPartiError(error, "PARTI_INVARIANT");
    assertions.always(
      "no invariant of parti breaks",
      !isBug,
      () => error instanceof Error ? error.message : "",
    );
    assertions.sometimes("a lease was lost", isPartiError(error, "PARTI_LEASE_LOST"));
    if (isPartiError(error, "PARTI_TOO_MANY_HOPS")) this.farTold.add(error.value);
  }
}
