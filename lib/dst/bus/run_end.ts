/**
 * How a run on the bus ends, whatever ran in it, and what must hold then.
 *
 * @module
 */
import type { Always } from "../assertions/assertions.ts";
import { CoreModel } from "../nats/core_model.ts";
import type { Simulation } from "../workload.ts";
import type { BusCluster, BusMember } from "./bus_cluster.ts";
import { type Ledger, type OutcomeName, OUTCOMES } from "./ledger.ts";

/** What every run asserts at its end. */
export type EndNames =
  | "one outcome per call"
  | "a value was handled"
  | "what was refused was not handled"
  | "nothing is pending at the end"
  | "nothing leaks";

/** What ends. */
export interface RunEnd<Member extends BusMember> {
  /** The run. */
  readonly simulation: Pick<Simulation, "kernel"> & {
    readonly assertions: Always<EndNames>;
  };
  /** The processes. */
  readonly cluster: BusCluster<Member>;
  /** The books. */
  readonly ledger: Ledger;
  /** Looks at what there is while all still run. */
  readonly look?: () => Promise<void>;
  /** Stops what a process has beside its bus. */
  readonly stop?: (member: Member) => Promise<void>;
}

/** Who is told one of these of a call that is tried once knows that nobody has handled it. */
const REFUSED: readonly OutcomeName[] = ["send error", "overloaded"];
const LOOK_MS = 100;
/** How long the server may take a connection for open of which it was not told that it has ended, in milliseconds. */
const STALE_MS = 31_000;

/**
 * Ends all processes in order, and looks at what is left.
 *
 * @param end what ends
 */
export async function endRun<Member extends BusMember>(end: RunEnd<Member>): Promise<void> {
  const { simulation: { kernel, assertions }, cluster, ledger, look, stop } = end;
  cluster.close();
  for (const { bus } of cluster.alive) {
    const text = `${bus.address}: ${bus.pending}`;
    assertions.always("nothing is pending at the end", bus.pending === 0, text);
  }
  await look?.();
  for (const member of cluster.alive) {
    const { bus, owner, link } = member;
    await stop?.(member);
    await bus.stop();
    // What was asked of the server and got no answer is given up after its time.
    while (link.inFlight > 0) await kernel.sleep(LOOK_MS, "what is in flight");
    const left = owner.pendingTimers;
    assertions.always("nothing leaks", left === 0, `${owner.name}: ${left} timers`);
    link.close();
  }
  await kernel.sleep(STALE_MS, "the server notices");
  const { subscriptionCount: left } = CoreModel.of(cluster.server);
  assertions.always("nothing leaks", left === 0, `${left} subscriptions`);
  checkOutcomes(assertions, cluster, ledger);
}

function checkOutcomes(
  assertions: Always<EndNames>,
  cluster: { readonly alive: readonly BusMember[] },
  ledger: Ledger,
): void {
  // Whoever has died was told nothing.
  const alive = new Set(cluster.alive.map(({ owner }) => owner.name));
  for (const { token, once, outcomes, executions, caller } of ledger.calls) {
    const isOne = outcomes.length === 1 && OUTCOMES.includes(outcomes[0]!);
    const isNone = outcomes.length === 0 && !alive.has(caller);
    const text = `${token}: ${outcomes.join(", ")}`;
    assertions.always("one outcome per call", isOne || isNone, text);
    const isHandled = outcomes[0] !== "value" || executions >= 1;
    assertions.always("a value was handled", isHandled, `${token} was not`);
    const isRefused = once && REFUSED.includes(outcomes[0]!);
    const how = `${token} was told ${outcomes[0]}, and handled ${executions} times`;
    assertions.always("what was refused was not handled", !isRefused || executions === 0, how);
  }
}

/**
 * Looks for calls that were handled twice although they have no key.
 *
 * @param assertions the run's
 * @param ledger the books
 */
export function checkAtMostOnce(
  assertions: Always<"at most once">,
  ledger: Ledger,
): void {
  for (const { token, once, executions } of ledger.calls) {
    const isOnce = !once || executions <= 1;
    assertions.always("at most once", isOnce, `${token} was handled ${executions} times`);
  }
}
