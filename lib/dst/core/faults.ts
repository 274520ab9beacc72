/**
 * Carries out what goes wrong, and heals all of it at the end.
 *
 * @module
 */
import { FaultBoard } from "../nats/fault_board.ts";
import { allFaults, type StrikingFaults } from "../nats/faults.ts";
import type { JsonValue, PlanStep } from "../plan/plan.ts";
import type { Simulation } from "../workload.ts";
import type { CoreCatalog } from "./catalog.ts";
import type { CoreCluster } from "./cluster.ts";
import { type FaultKind, noteStrike } from "./fault_kinds.ts";
import type { Target } from "./fleet.ts";
import type { InFlight, Moment } from "./ambush.ts";
import { Healing } from "./healing.ts";
import type { Member } from "./member.ts";
import type { Mood } from "./moody_source.ts";
import { ServerFaults } from "./server_faults.ts";

/** The slowest network on which a reconnect takes less than the probes' grace, in milliseconds one way. */
const QUICK_MS = 5;
/** A client whose connection has lived for so long comes back at once, in milliseconds. */
const STEADY_MS = 1_000;

type Direction = "both" | "up" | "down";

/** How a connection is cut. */
interface Flaps {
  /** At once, or while a message to it or some acks of it are on their way. */
  readonly when: "now" | InFlight;
  /** How often it is cut again when it is back. */
  readonly again: number;
  /** How long after that, in milliseconds. */
  readonly afterMs: number;
}

/** Does harm. */
export class FaultInjector {
  readonly #simulation: Simulation<CoreCatalog>;
  readonly #cluster: CoreCluster;
  readonly #healing: Healing;
  readonly #server: ServerFaults;
  #isOver = false;

  /**
   * @param simulation the run
   * @param cluster whom it hurts
   */
  constructor(simulation: Simulation<CoreCatalog>, cluster: CoreCluster) {
    this.#simulation = simulation;
    this.#cluster = cluster;
    this.#healing = new Healing(simulation.kernel);
    this.#server = new ServerFaults(simulation, cluster, this.#healing);
  }

  /**
   * Carries out a fault.
   *
   * @param step the fault
   */
  inject({ kind, args }: PlanStep): void {
    const forMs = Number(args["forMs"] ?? 0);
    const { fleet } = this.#cluster;
    switch (kind) {
      case "server-crash":
        return this.#server.crash(forMs);
      case "server-pause":
        return this.#server.pause(forMs);
      case "nats-faults":
        return this.#server.disturb(allFaults(args["faults"] as StrikingFaults), forMs);
      case "split":
        return this.#split(args["nodes"] as readonly number[], forMs);
      case "source":
        return this.#upset(args["mood"] as Mood, forMs);
      case "heir":
        return this.#lieInWaitForHeir(Number(args["delayMs"]), forMs);
      case "ambush":
        return this.#lieInWait(args, forMs);
    }
    const member = fleet.find(targetOf(args["node"]));
    if (member === undefined) return;
    if (kind === "mute") return this.#server.mute(member, Number(args["late"]), forMs);
    const name = kind === "block" ? `block ${directionOf(args)}` : kind;
    if (this.#hurt(member, kind, args, forMs)) this.#note(name as FaultKind);
  }

  /** Undoes everything that lasts, and strikes nobody any more. */
  heal(): void {
    this.#isOver = true;
    this.#cluster.ambushes.end();
    this.#cluster.behave();
    this.#healing.all();
  }

  #note(kind: FaultKind): void {
    noteStrike(this.#simulation.assertions, kind);
  }

  /** Strikes a worker, and tells whether that shows. */
  #hurt(member: Member, kind: string, args: PlanStep["args"], forMs: number): boolean {
    switch (kind) {
      case "crash":
        this.#cluster.fleet.crash(member);
        return member.owner.dead;
      case "pause":
        return this.#pause(member, forMs);
      case "cut":
        return this.#cutSoon(member, flapsOf(args));
      case "block":
        return this.#block(member, directionOf(args), forMs);
      case "doubt":
        // Noted as soon as there is something that it is not told.
        this.#server.leaveInDoubt(member, forMs);
        return false;
      case "deaf":
        this.#server.stallWatches(member, forMs);
        return false;
      case "clock":
        return this.#setClock(member, Number(args["rate"]), Number(args["wallOffsetMs"]));
    }
    throw new Error(`there is no fault called ${kind}`);
  }

  /** At once, or while something is on its way. */
  #cutSoon(member: Member, flaps: Flaps): boolean {
    const { when } = flaps;
    if (when === "now") return this.#cut(member, flaps);
    this.#cluster.ambushes.armInFlight(when, member, () => {
      if (this.#cut(member, flaps)) this.#note("cut");
    });
    return false;
  }

  /** It comes back by itself: at once, where nothing is in its way. Then it may be cut again, so many times. */
  #cut(member: Member, flaps: Flaps): boolean {
    const { fleet, server, observer, goodDay, parameters } = this.#cluster;
    const { latencyMaxMs, slowChance } = parameters;
    const { kernel } = this.#simulation;
    const isQuick = latencyMaxMs <= QUICK_MS && slowChance === 0 && !member.owner.paused &&
      FaultBoard.of(server).of(member.link) === goodDay &&
      member.link.flows && member.link.connectedForMs > STEADY_MS;
    fleet.excuse(member);
    if (isQuick && member.instance !== undefined) observer.blinked(member.instance, kernel.nowMs);
    const wasConnected = member.link.connected;
    member.link.cut();
    const isCut = wasConnected && !member.link.connected;
    if (flaps.again <= 0) return isCut;
    const back = member.link.onStatus((status) => {
      if (status !== "reconnected") return;
      back.close();
      kernel.schedule(flaps.afterMs, "cut again", () => {
        if (!this.#isOver && !member.owner.dead) {
          this.#cutSoon(member, { ...flaps, again: flaps.again - 1 });
        }
      });
    });
    return isCut;
  }

  #setClock({ owner }: Member, rate: number, wallOffsetMs: number): boolean {
    const before = owner.clock.wallMs();
    owner.setClock({ rate, wallOffsetMs });
    return owner.clock.wallMs() !== before;
  }

  #pause(member: Member, forMs: number): boolean {
    const { fleet } = this.#cluster;
    if (member.manager.isLeader) {
      this.#simulation.assertions.reachable("the leader was paused");
    }
    fleet.excuse(member);
    member.owner.pause();
    this.#healing.after(`process of ${member.owner.name}`, forMs, () => {
      // It may have been at work until this moment, as far as others can know.
      fleet.excuse(member);
      member.owner.resume();
    });
    return member.owner.paused;
  }

  #block(member: Member, direction: Direction, forMs: number): boolean {
    const { fleet } = this.#cluster;
    const { link } = member;
    const { hears, flows } = link;
    fleet.excuse(member);
    link.block(direction);
    this.#healing.after(`link of ${member.owner.name}`, forMs, () => {
      fleet.excuse(member);
      link.unblock();
    });
    return direction === "up" ? flows && link.hears && !link.flows : hears && !link.hears;
  }

  /** Nobody here is heard by the server, nor hears it. */
  #split(nodes: readonly number[], forMs: number): void {
    for (const node of nodes) {
      const member = this.#cluster.fleet.find(node);
      if (member !== undefined && this.#block(member, "both", forMs)) this.#note("split");
    }
  }

  #upset(mood: Mood, forMs: number): void {
    this.#cluster.mood = mood;
    this.#healing.after("the source", forMs, () => {
      this.#cluster.mood = "well";
    });
  }

  #lieInWait(args: PlanStep["args"], forMs: number): void {
    this.#cluster.ambushes.arm({
      moment: args["state"] as Moment,
      delayMs: Number(args["delayMs"]),
      strike: (member) => {
        if (this.#hurt(member, String(args["act"]), args, forMs)) this.#note("ambush");
      },
    });
  }

  /** The leader names a newcomer and dies, and the newcomer hears of the leader's death before it hears of its luck. */
  #lieInWaitForHeir(delayMs: number, forMs: number): void {
    const { fleet, ambushes } = this.#cluster;
    ambushes.arm({
      moment: "heir",
      delayMs,
      prepare: (heir) => this.#server.deafen(heir, forMs),
      strike: (heir) => {
        const leader = fleet.find("leader");
        if (leader === undefined) return;
        this.#simulation.assertions.reachable("an heir had not heard");
        fleet.crash(leader);
        if (leader.owner.dead && this.#server.isDeaf(heir)) this.#note("heir");
      },
    });
  }
}

function flapsOf({ when, again, afterMs }: PlanStep["args"]): Flaps {
  return {
    when: (when ?? "now") as Flaps["when"],
    again: Number(again ?? 0),
    afterMs: Number(afterMs ?? 0),
  };
}

function targetOf(node: JsonValue | undefined): Target {
  return node === "leader" ? "leader" : Number(node);
}

function directionOf(args: PlanStep["args"]): Direction {
  return (args["direction"] ?? "both") as Direction;
}
