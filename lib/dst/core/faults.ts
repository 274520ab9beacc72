/**
 * Carries out what goes wrong, and heals all of it at the end.
 *
 * @module
 */
import type { JsonValue, PlanStep } from "../plan/plan.ts";
import { Draws } from "../draw.ts";
import { FaultBoard } from "../nats/fault_board.ts";
import { drawFaults, NO_FAULTS } from "../nats/faults.ts";
import type { Simulation } from "../workload.ts";
import type { CoreCatalog } from "./catalog.ts";
import type { CoreCluster, Target } from "./cluster.ts";
import type { Member } from "./member.ts";

/** Does harm. */
export class FaultInjector {
  readonly #simulation: Simulation<CoreCatalog>;
  readonly #cluster: CoreCluster;
  /** What undoes each fault that lasts, and has not been undone. */
  readonly #heals = new Set<() => void>();

  /**
   * @param simulation the run
   * @param cluster whom it hurts
   */
  constructor(simulation: Simulation<CoreCatalog>, cluster: CoreCluster) {
    this.#simulation = simulation;
    this.#cluster = cluster;
  }

  /**
   * Carries out a fault.
   *
   * @param step the fault
   */
  inject({ id, kind, args }: PlanStep): void {
    const forMs = Number(args["forMs"] ?? 0);
    switch (kind) {
      case "server-crash":
        return this.#crashServer(forMs);
      case "server-pause":
        this.#cluster.server.pause();
        return this.#healAfter(forMs, () => this.#cluster.server.resume());
      case "split":
        return this.#split(id, Number(args["share"]), forMs);
      case "nats-faults":
        return this.#disturb(id, forMs);
    }
    const member = this.#cluster.find(targetOf(args["node"]));
    if (member !== undefined) this.#hurt(member, kind, args, forMs);
  }

  /** Undoes everything that lasts. */
  heal(): void {
    for (const heal of [...this.#heals]) heal();
    FaultBoard.of(this.#cluster.server).set(NO_FAULTS);
  }

  #hurt(member: Member, kind: string, args: PlanStep["args"], forMs: number): void {
    switch (kind) {
      case "crash":
        return this.#cluster.crash(member);
      case "pause":
        return this.#pause(member, forMs);
      case "cut":
        this.#cluster.excuse(member);
        return member.link.cut();
      case "block":
        return this.#block(member, args["direction"] as "both" | "up" | "down", forMs);
      case "clock":
        return member.owner.setClock({
          rate: Number(args["rate"]),
          wallOffsetMs: Number(args["wallOffsetMs"]),
        });
    }
    throw new Error(`there is no fault called ${kind}`);
  }

  #pause(member: Member, forMs: number): void {
    if (member.manager.isLeader) {
      this.#simulation.assertions.reachable("the leader was paused");
    }
    this.#cluster.excuse(member);
    member.owner.pause();
    this.#healAfter(forMs, () => {
      // It may have been at work until this moment, as far as others can know.
      this.#cluster.excuse(member);
      member.owner.resume();
    });
  }

  #block(member: Member, direction: "both" | "up" | "down", forMs: number): void {
    this.#cluster.excuse(member);
    member.link.block(direction);
    this.#healAfter(forMs, () => {
      this.#cluster.excuse(member);
      member.link.unblock();
    });
  }

  #split(id: string, share: number, forMs: number): void {
    const draws = new Draws(this.#simulation.plan.seed, "split", id);
    for (const member of this.#cluster.alive) {
      if (draws.chance(share)) this.#block(member, "both", forMs);
    }
  }

  #crashServer(forMs: number): void {
    for (const member of this.#cluster.alive) this.#cluster.excuse(member);
    this.#cluster.server.crash();
    this.#simulation.assertions.sometimes("the server was away", true);
    this.#healAfter(forMs, () => this.#cluster.restartServer());
  }

  #disturb(id: string, forMs: number): void {
    const board = FaultBoard.of(this.#cluster.server);
    board.set(drawFaults(new Draws(this.#simulation.plan.seed, "disturb", id)));
    this.#healAfter(forMs, () => board.set(NO_FAULTS));
  }

  #healAfter(forMs: number, undo: () => void): void {
    const heal = (): void => {
      if (this.#heals.delete(heal)) undo();
    };
    this.#heals.add(heal);
    this.#simulation.kernel.schedule(forMs, "heal", heal);
  }
}

function targetOf(node: JsonValue | undefined): Target {
  return node === "leader" ? "leader" : Number(node);
}
