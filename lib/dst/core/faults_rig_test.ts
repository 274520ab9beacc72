/**
 * For tests: a small group in good health, to which a test does something.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Tallies } from "../assertions/tally.ts";
import type { JsonObject, Plan } from "../plan/plan.ts";
import { runPlan } from "../run_plan.ts";
import { defineWorkload, expandPlan } from "../workload.ts";
import { type CoreCatalog, coreCatalog } from "./catalog.ts";
import { CoreCluster } from "./cluster.ts";
import { FaultInjector } from "./faults.ts";
import { plainParameters } from "./plain_parameters_test.ts";
import { coreWorkload } from "./workload.ts";

/** How many partitions the group has. */
export const PARTITIONS = 6;
const MACHINES = 3;
const QUIET_MS = 10_000;

/** The group, as a test has it in hand. */
export class TestGroup {
  /** Everything. */
  readonly cluster: CoreCluster;
  /** What heals it. */
  readonly injector: FaultInjector;
  readonly #sleep: (ms: number) => Promise<void>;

  /**
   * @param cluster everything
   * @param injector what hurts it
   * @param sleep lets virtual time pass
   */
  constructor(
    cluster: CoreCluster,
    injector: FaultInjector,
    sleep: (ms: number) => Promise<void>,
  ) {
    this.cluster = cluster;
    this.injector = injector;
    this.#sleep = sleep;
  }

  /** Lets virtual time pass. */
  sleep(ms: number): Promise<void> {
    return this.#sleep(ms);
  }

  /** Does harm. */
  hurt(kind: string, args: JsonObject): void {
    this.injector.inject({ id: "fault", atMs: 0, kind, args });
  }

  /** The worker on a machine. */
  on(node: number) {
    const member = this.cluster.fleet.find(node);
    assert.ok(member, `nobody lives on ${node}`);
    return member;
  }

  /** How many partitions are held on these machines. */
  held(...nodes: number[]): number {
    return nodes.map((node) => this.cluster.fleet.find(node)?.manager.assignment?.partitions.length)
      .reduce<number>((sum, count) => sum + (count ?? 0), 0);
  }

  /** Whether anybody believes to be connected. */
  get isAnybodyConnected(): boolean {
    return this.cluster.fleet.alive.some(({ link }) => link.connected);
  }
}

/** What was seen of a group. */
export interface Seen {
  /** Which faults were noted. */
  readonly noted: readonly string[];
  /** What the assertions saw. */
  readonly tallies: Tallies;
}

/**
 * Runs a group that has all its partitions, with producers at work.
 *
 * @param workers how many are there already, of three
 * @param act what happens to it; what it throws is thrown
 * @returns what was seen
 */
export async function withGroup(
  workers: number,
  act: (group: TestGroup) => Promise<void>,
): Promise<Seen> {
  const parameters = {
    ...plainParameters("2.15.1"),
    ...{ workers, maxWorkers: MACHINES, partitions: PARTITIONS, ids: 9, ratePerSecond: 20 },
  };
  let error: unknown;
  const workload = defineWorkload<CoreCatalog>({
    ...coreWorkload,
    assertions: coreCatalog,
    async run(simulation) {
      const { kernel } = simulation;
      const cluster = new CoreCluster(simulation, parameters);
      await cluster.open();
      const injector = new FaultInjector(simulation, cluster);
      const group = new TestGroup(cluster, injector, (ms) => kernel.sleep(ms, "the test"));
      const producing = simulation.awaiting("the producers", cluster.producers.run());
      for (let node = 0; node < workers; node++) await cluster.fleet.start(node);
      await group.sleep(QUIET_MS);
      try {
        assert.equal(group.held(0, 1, 2), PARTITIONS, "the group is not well to begin with");
        await act(group);
      } catch (caught) {
        error = caught;
      }
      injector.heal();
      cluster.producers.stop();
      await producing;
    },
  });
  const plan: Plan = {
    ...expandPlan(coreWorkload, 1),
    ...{ parameters, operations: [], faults: [], buggify: {}, swarm: { buggify: false } },
  };
  const { failure, tallies } = await runPlan(workload, plan, { now: () => 0 });
  if (error !== undefined) throw error;
  assert.equal(failure, null, `${failure?.check}: ${failure?.message}`);
  return { noted: Object.keys(tallies["faults that strike"]?.keys ?? {}).sort(), tallies };
}
