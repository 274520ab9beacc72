/**
 * Nodes that call each other's handlers, and the books on it: what phases 1 to 3 have in common.
 *
 * @module
 */
import type { BusOptions } from "../../bus/bus_options.ts";
import type { ServiceCall } from "../../bus/incoming.ts";
import { sleep } from "../../ports/clock.ts";
import type { Assertions } from "../assertions/assertions.ts";
import type { LinkOptions } from "../nats/link.ts";
import type { Simulation } from "../workload.ts";
import { BusCluster, type BusMember } from "./bus_cluster.ts";
import { CallWatch } from "./call_watch.ts";
import { cancelAfter } from "./cancelling.ts";
import { type CallRecord, echoOf, Ledger, outcomeOf, tokenBytes, tokenOf } from "./ledger.ts";
import { checkAtMostOnce, endRun } from "./run_end.ts";
import type { CALLS } from "./service_catalog.ts";

/** The catalog that all of them share. */
export type CallsCatalog = typeof CALLS;

/** The nodes of all of them. */
export const NODES = ["node-0", "node-1"] as const;

/** How a call is made. */
export interface ServiceCallStep {
  /** Which node calls the other: 0 or 1. */
  readonly from: number;
  /** How long it may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How long its handler works, in milliseconds. */
  readonly workMs?: number;
  /** Whether its handler throws. */
  readonly fails?: boolean;
  /** Whether it has a key, and is tried again. */
  readonly again?: boolean;
  /** After so long it is given up, in milliseconds. */
  readonly cancelAfterMs?: number;
}

/** What a run is made from. */
export interface ServiceRunOptions {
  /** How connections behave. */
  readonly network: (owner: string) => LinkOptions;
  /** What a bus is made from, beside the world and the names. */
  readonly busOptions?: Partial<BusOptions>;
  /** Told of each outcome in the instant in which the caller is told. */
  readonly onOutcome?: (record: CallRecord, how: ServiceCallStep, tookMs: number) => void;
  /** Told of an answer for which nobody waits. */
  readonly onOrphan?: (record: CallRecord) => void;
  /** Told of each place of the bus that misbehaves. */
  readonly onMisbehaviour?: (site: string) => void;
}

/** The code of the calls' type. */
const ECHO = "echo";

/** A run. */
export class ServiceRun {
  /** The books. */
  readonly ledger: Ledger = new Ledger();
  /** The nodes. */
  readonly cluster: BusCluster;
  /** How many handlers are at work. */
  working = 0;
  readonly #simulation: Simulation<CallsCatalog>;
  readonly #options: ServiceRunOptions;
  readonly #calls: CallWatch;

  /**
   * @param simulation the run
   * @param options what it is made from
   */
  constructor(simulation: Simulation<CallsCatalog>, options: ServiceRunOptions) {
    this.#simulation = simulation;
    this.#options = options;
    this.#calls = new CallWatch(simulation.assertions);
    this.cluster = new BusCluster(simulation as unknown as Simulation, {
      network: options.network,
      busOptions: () => ({
        ...options.busOptions,
        onOrphan: ({ payload }) => {
          const record = this.ledger.find(echoOf(tokenOf(payload)));
          if (record !== undefined) options.onOrphan?.(record);
        },
      }),
      start: (member) => Promise.resolve(this.#serve(member)),
      onMisbehaviour: (site) => options.onMisbehaviour?.(site),
    });
    simulation.kernel.addInvariant(() => this.#checkPending(), "pending is what is open");
  }

  get #assertions(): Assertions<CallsCatalog> {
    return this.#simulation.assertions;
  }

  /** Starts both nodes. */
  async open(): Promise<void> {
    for (const node of NODES) await this.cluster.start(node);
  }

  /** Makes a call; resolves when its caller has been told its outcome. */
  async call(token: string, how: ServiceCallStep): Promise<CallRecord | undefined> {
    const member = this.cluster.find(NODES[how.from]!);
    if (member === undefined) return undefined;
    const { bus, owner, world } = member;
    const { timeoutMs, cancelAfterMs, again = false } = how;
    const cancel = cancelAfter(world.clock, cancelAfterMs);
    const record = this.ledger.issue(token, owner.name, !again, timeoutMs);
    this.#assertions.sometimes("request_sent", true);
    const sinceMs = world.clock.monotonicMs();
    const to = NODES[1 - how.from]!;
    try {
      const value = await bus.request({ node: to, type: ECHO }, "echo", payloadOf(token, how), {
        ...{ timeoutMs, signal: cancel.signal },
        ...(again ? { idempotencyKey: token } : {}),
      });
      const text = tokenOf(value);
      const right = text === echoOf(token);
      this.#assertions.sometimes("response_received", true);
      this.#assertions.always("the answer is the call's", right, `${token} was answered ${text}`);
      this.ledger.settle(record, "value");
    } catch (error) {
      if (owner.dead) return undefined;
      const outcome = outcomeOf(error);
      if (outcome === undefined) throw error;
      this.ledger.settle(record, outcome);
    }
    cancel.end();
    this.#told(record, how, world.clock.monotonicMs() - sinceMs);
    return record;
  }

  /** Tells the other node something: nobody waits, and nothing is open. */
  async tell(token: string, how: ServiceCallStep): Promise<CallRecord | undefined> {
    const member = this.cluster.find(NODES[how.from]!);
    if (member === undefined) return undefined;
    const { bus, owner } = member;
    const { timeoutMs } = how;
    const record = this.ledger.issue(token, owner.name, true, timeoutMs);
    this.ledger.settle(record, "maybe delivered");
    const to = { node: NODES[1 - how.from]!, type: ECHO };
    await bus.oneway(to, "echo", payloadOf(token, how), { timeoutMs });
    return record;
  }

  /** Ends both nodes, and looks at what is left. */
  async end(): Promise<void> {
    const { cluster, ledger } = this;
    await endRun({ simulation: this.#simulation, cluster, ledger });
    checkAtMostOnce(this.#assertions, ledger);
  }

  #serve(member: BusMember): BusMember {
    const { bus, world } = member;
    this.#calls.listen(bus);
    bus.handle(ECHO, async (call: ServiceCall) => {
      const { token, workMs, fails } = readPayload(call.payload);
      const record = this.ledger.find(token);
      this.#assertions.always("what is handled was called", record !== undefined, token);
      this.#calls.came(record, call.leftMs());
      if (record !== undefined) record.executions++;
      this.working++;
      try {
        if (workMs > 0) await sleep(world.clock, workMs, call.signal);
      } finally {
        this.working--;
      }
      if (fails) throw new Error("made to fail");
      return tokenBytes(echoOf(token));
    });
    return member;
  }

  #told(record: CallRecord, how: ServiceCallStep, tookMs: number): void {
    const [outcome] = record.outcomes;
    this.#assertions.sometimes("callback_completed", outcome === "value");
    this.#options.onOutcome?.(record, how, tookMs);
  }

  /** Calls with a key do not wait between two tries. */
  #checkPending(): void {
    for (const { bus, owner } of this.cluster.alive) {
      const { once, again } = this.ledger.openOf(owner.name);
      const { pending } = bus;
      const holds = once <= pending && pending <= once + again;
      this.#assertions.always(
        "pending is what is open",
        holds,
        () => `${owner.name}: ${pending} wait, ${once} + ${again} are open`,
      );
      const { issued, settled } = bus.counts;
      this.#assertions.always("pending is what is open", pending === issued - settled);
    }
  }
}

function payloadOf(token: string, { workMs = 0, fails = false }: ServiceCallStep): Uint8Array {
  return tokenBytes(JSON.stringify({ token, workMs, fails }));
}

function readPayload(bytes: Uint8Array): { token: string; workMs: number; fails: boolean } {
  return JSON.parse(tokenOf(bytes));
}
