/**
 * What goes wrong around actors.
 *
 * @module
 */
import type { Healing } from "../core/healing.ts";
import { step } from "../core/expand_step.ts";
import { NO_FAULTS } from "../nats/faults.ts";
import type { PlanStep } from "../plan/plan.ts";
import type { DrawsFor, Simulation } from "../workload.ts";
import type { ACTOR_FAULTS, ActorCatalog } from "./actor_catalog.ts";
import type { BusCluster, BusMember } from "./bus_cluster.ts";
import { Leaving } from "./leaving.ts";

/** Families of faults, each on in every other run. */
export const FAMILIES = ["crash", "pause", "network", "kv", "clock", "server", "loss"] as const;

type Family = typeof FAMILIES[number];
type FaultKind = typeof ACTOR_FAULTS[number];

/** After the last fault it is quiet for so long, within the load, in milliseconds. */
const QUIET_MS = 1_000;

/** The share of those that go which leave in order. */
const LEAVES = 0.3;

/**
 * Draws the faults of a run.
 *
 * @param size of the run
 * @param swarm which families are on
 * @param draws where the numbers come from
 * @returns the faults
 */
export function drawActorFaults(
  { nodes, loadMs }: { readonly nodes: number; readonly loadMs: number },
  swarm: Readonly<Record<string, boolean>>,
  draws: DrawsFor,
): PlanStep[] {
  return FAMILIES.filter((family) => swarm[family]).flatMap((family) => {
    const count = draws("faults", family).integer(1, 5);
    return Array.from({ length: count }, (_, n) => {
      const id = `${family}-${n}`;
      const own = draws("fault", id);
      const atMs = own.between(500, loadMs - QUIET_MS);
      const node = own.integer(0, nodes - 1);
      const forMs = own.pick([100, 1_000, 3_000, 6_000]) * own.between(0.5, 1.5);
      switch (family) {
        case "network": {
          const kind = own.pick(["cut", "block", "split"]);
          const direction = own.pick(["both", "up", "down"]);
          return step(id, atMs, kind, { node, direction, forMs });
        }
        case "kv":
          return own.chance(0.7)
            ? step(id, atMs, "kv", { share: own.pick([0.05, 0.3]), forMs })
            : step(id, atMs, "kv-outage", { forMs });
        case "clock":
          return step(id, atMs, "clock", {
            node,
            rate: 1 + own.between(-0.01, 0.01),
            wallOffsetMs: own.between(-1e7, 1e7),
          });
        case "server":
          return step(id, atMs, "server-crash", { forMs });
        case "loss":
          return step(id, atMs, "loss", { share: own.pick([0.05, 0.3]), forMs });
        default: {
          const leaves = family === "crash" && own.chance(LEAVES);
          return step(id, atMs, leaves ? "leave" : family, { node, forMs });
        }
      }
    });
  });
}

/** Whom faults strike. */
export interface FaultTargets {
  /** The machines and the server. */
  readonly cluster: BusCluster;
  /** The names of the machines. */
  readonly nodeNames: readonly string[];
  /** Stops what a process has beside its bus. */
  readonly stop: (member: BusMember) => Promise<void>;
}

/** What of a catalog is needed to tell of faults. */
export type FaultCatalog = Pick<
  ActorCatalog,
  "faults that strike" | "nothing leaks" | "whoever leaves comes to its end"
>;

/** Does harm. */
export class ActorFaults {
  readonly #simulation: Simulation<FaultCatalog>;
  readonly #run: FaultTargets;
  readonly #healing: Healing;
  readonly #endMs: number;
  readonly #leaving: Leaving;
  #isOver = false;

  /**
   * @param simulation the run
   * @param run whom it hurts
   * @param healing what undoes it
   * @param forMs how long it may do so, in milliseconds
   */
  constructor(
    simulation: Simulation<FaultCatalog>,
    run: FaultTargets,
    healing: Healing,
    forMs: number,
  ) {
    this.#simulation = simulation;
    this.#endMs = simulation.kernel.nowMs + forMs;
    this.#run = run;
    this.#healing = healing;
    this.#leaving = new Leaving(simulation, run.stop);
  }

  /** Nobody is hurt any more; resolves when whoever was about to leave has left. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#leaving.settled();
  }

  /** Carries out a fault. */
  inject({ kind, args }: PlanStep): void {
    const { cluster, nodeNames } = this.#run;
    const forMs = Number(args["forMs"] ?? 0);
    const node = nodeNames[Number(args["node"] ?? 0)]!;
    const member = cluster.find(node);
    switch (kind) {
      case "kv":
        return this.#disturb(Number(args["share"]), forMs);
      case "kv-outage":
        return this.#outage(forMs);
      case "loss":
        return this.#lose(Number(args["share"]), forMs);
      case "server-crash":
        return this.#crashServer(forMs);
      case "split":
        return this.#split(node, forMs);
    }
    if (member !== undefined) this.#hurt(member, kind, args, forMs);
  }

  #hurt(member: BusMember, kind: string, args: PlanStep["args"], forMs: number): void {
    const { owner, link, node } = member;
    switch (kind) {
      case "crash":
        this.#struck("crash", !owner.dead);
        owner.kill();
        return this.#startAgain(node, forMs);
      case "leave":
        return void this.#leaving.leave(member).then((hasLeft) => {
          this.#struck("leave", hasLeft);
          if (hasLeft) this.#startAgain(node, forMs);
        });
      case "pause":
        this.#struck("pause", !owner.paused);
        owner.pause();
        return void this.#healing.after(
          `process of ${owner.name}`,
          forMs,
          () => owner.resume(),
        );
      case "cut":
        this.#struck("cut", link.connected);
        return link.cut();
      case "block":
        this.#struck("block", link.hears);
        link.block(args["direction"] as "both" | "up" | "down");
        return void this.#healing.after(`link of ${owner.name}`, forMs, () => link.unblock());
      case "clock":
        this.#struck("clock", true);
        return owner.setClock({
          rate: Number(args["rate"]),
          wallOffsetMs: Number(args["wallOffsetMs"]),
        });
    }
    throw new Error(`there is no fault called ${kind}`);
  }

  /** Whoever starts it waits for nobody. */
  #startAgain(node: string, forMs: number): void {
    this.#simulation.kernel.schedule(forMs, "start again", () => {
      if (!this.#isOver) void this.#run.cluster.start(node);
    });
  }

  /** This node and those after it hear nothing. */
  #split(first: string, forMs: number): void {
    for (const { link, node, owner } of this.#run.cluster.alive) {
      if (node < first) continue;
      this.#struck("split", link.hears);
      link.block("both");
      this.#healing.after(`link of ${owner.name}`, forMs, () => link.unblock());
    }
  }

  #disturb(share: number, forMs: number): void {
    const { faults } = this.#run.cluster;
    this.#note();
    faults.set({
      ...faults.common,
      kv: {
        ...{ requestLost: share / 3, ackLost: share / 3, answerLate: share, answerLateMs: 500 },
        ...{ staleRead: share, watchStall: share, watchStallMs: 500, watchReset: share / 10 },
      },
    });
    this.#healing.after("buckets", forMs, () => faults.set({ ...faults.common, kv: NO_FAULTS.kv }));
  }

  /** What stands still stands still for a while after it: that is over in the end, too. */
  #outage(longestMs: number): void {
    const { faults } = this.#run.cluster;
    const leftMs = this.#endMs - this.#simulation.kernel.nowMs;
    const forMs = Math.max(0, Math.min(longestMs, leftMs / 3));
    this.#note();
    faults.set({
      ...faults.common,
      kv: { ...NO_FAULTS.kv, requestLost: 1, watchStall: 1, watchStallMs: 2 * forMs },
    });
    this.#struck("kv-outage", true);
    this.#healing.after("buckets", forMs, () => faults.set({ ...faults.common, kv: NO_FAULTS.kv }));
  }

  #lose(share: number, forMs: number): void {
    const { faults } = this.#run.cluster;
    this.#note();
    faults.set({ ...faults.common, messaging: { noticeLost: share } });
    this.#healing.after(
      "notices",
      forMs,
      () => faults.set({ ...faults.common, messaging: NO_FAULTS.messaging }),
    );
  }

  #crashServer(forMs: number): void {
    const { server } = this.#run.cluster;
    this.#struck("server-crash", server.running);
    if (server.running) server.crash();
    this.#healing.after("server", forMs, () => {
      if (!server.running) server.restart();
    });
  }

  #note(): void {
    this.#run.cluster.faults.tell((fault) => {
      if (fault.startsWith("kv.")) this.#struck("kv", true);
      if (fault.startsWith("messaging.")) this.#struck("loss", true);
    });
  }

  #struck(kind: FaultKind, isStruck: boolean): void {
    if (isStruck) this.#simulation.assertions.sometimesEach("faults that strike", kind);
  }
}
