/**
 * Carries out what goes wrong, and heals all of it at the end.
 *
 * @module
 */
import type { ManagerState } from "../../manager/state.ts";
import { FaultBoard } from "../nats/fault_board.ts";
import { allFaults, type NatsFaults, NO_FAULTS, type StrikingFaults } from "../nats/faults.ts";
import type { JsonValue, PlanStep } from "../plan/plan.ts";
import type { Simulation } from "../workload.ts";
import type { CoreCatalog } from "./catalog.ts";
import type { CoreCluster } from "./cluster.ts";
import type { Target } from "./fleet.ts";
import type { InFlight } from "./ambush.ts";
import type { Member } from "./member.ts";
import type { Mood } from "./moody_source.ts";

/** The slowest network on which a reconnect takes less than the probes' grace, in milliseconds one way. */
const QUICK_MS = 5;
/** A client whose connection has lived for so long comes back at once, in milliseconds. */
const STEADY_MS = 1_000;
/** How long a watch may have stood still after the last fault that made it do so, in milliseconds. */
const AFTERMATH_MS = 10_000;
/** Whatever was delivered while messages come too early may come too early for so long, which is longer than any ack wait, in milliseconds. */
const EARLY_MS = 35_000;

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
  /** What undoes each fault that lasts, and has not been undone. */
  readonly #heals = new Set<() => void>();
  #isOver = false;

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
  inject({ kind, args }: PlanStep): void {
    const forMs = Number(args["forMs"] ?? 0);
    const { fleet, ambushes } = this.#cluster;
    switch (kind) {
      case "server-crash":
        this.#cluster.crashServer();
        this.#healAfter(forMs, () => this.#cluster.restartServer());
        return;
      case "server-pause":
        return this.#pauseServer(forMs);
      case "split":
        return this.#split(args["nodes"] as readonly number[], forMs);
      case "nats-faults":
        return this.#disturb(allFaults(args["faults"] as StrikingFaults), forMs);
      case "mute":
        return this.#mute(targetOf(args["node"]), Number(args["lateMs"]), forMs);
      case "source":
        return this.#upset(args["mood"] as Mood, forMs);
      case "heir":
        return this.#lieInWaitForHeir(Number(args["delayMs"]), forMs);
      case "ambush":
        return ambushes.arm({
          moment: args["state"] as ManagerState,
          delayMs: Number(args["delayMs"]),
          strike: (member) => this.#hurt(member, String(args["act"]), args, forMs),
        });
    }
    const member = fleet.find(targetOf(args["node"]));
    if (member !== undefined) this.#hurt(member, kind, args, forMs);
  }

  /** Undoes everything that lasts, and strikes nobody any more. */
  heal(): void {
    this.#isOver = true;
    this.#cluster.ambushes.end();
    this.#cluster.behave();
    for (const heal of [...this.#heals]) heal();
  }

  #hurt(member: Member, kind: string, args: PlanStep["args"], forMs: number): void {
    const { fleet } = this.#cluster;
    switch (kind) {
      case "crash":
        return fleet.crash(member);
      case "pause":
        return this.#pause(member, forMs);
      case "cut":
        return this.#cutSoon(member, flapsOf(args));
      case "block":
        return this.#block(member, (args["direction"] ?? "both") as "both" | "up" | "down", forMs);
      case "clock":
        return member.owner.setClock({
          rate: Number(args["rate"]),
          wallOffsetMs: Number(args["wallOffsetMs"]),
        });
    }
    throw new Error(`there is no fault called ${kind}`);
  }

  /** At once, or while something is on its way. */
  #cutSoon(member: Member, flaps: Flaps): void {
    const { when } = flaps;
    if (when === "now") return this.#cut(member, flaps);
    this.#cluster.ambushes.armInFlight(when, member, () => this.#cut(member, flaps));
  }

  /** It comes back by itself: at once, where nothing is in its way. Then it may be cut again, so many times. */
  #cut(member: Member, flaps: Flaps): void {
    const { fleet, server, observer, goodDay, parameters } = this.#cluster;
    const { latencyMaxMs, slowChance } = parameters;
    const { kernel } = this.#simulation;
    const isQuick = latencyMaxMs <= QUICK_MS && slowChance === 0 && !member.owner.paused &&
      FaultBoard.of(server).of(member.link) === goodDay &&
      member.link.flows && member.link.connectedForMs > STEADY_MS;
    fleet.excuse(member);
    if (isQuick && member.instance !== undefined) observer.blinked(member.instance, kernel.nowMs);
    member.link.cut();
    if (flaps.again <= 0) return;
    const back = member.link.onStatus((status) => {
      if (status !== "reconnected") return;
      back.close();
      kernel.schedule(flaps.afterMs, "cut again", () => {
        if (!this.#isOver && !member.owner.dead) {
          this.#cutSoon(member, { ...flaps, again: flaps.again - 1 });
        }
      });
    });
  }

  #pause(member: Member, forMs: number): void {
    const { fleet } = this.#cluster;
    if (member.manager.isLeader) {
      this.#simulation.assertions.reachable("the leader was paused");
    }
    fleet.excuse(member);
    member.owner.pause();
    this.#healAfter(forMs, () => {
      // It may have been at work until this moment, as far as others can know.
      fleet.excuse(member);
      member.owner.resume();
    });
  }

  #block(member: Member, direction: "both" | "up" | "down", forMs: number): void {
    const { fleet } = this.#cluster;
    fleet.excuse(member);
    member.link.block(direction);
    this.#healAfter(forMs, () => {
      fleet.excuse(member);
      member.link.unblock();
    });
  }

  /** Nobody here is heard by the server, nor hears it. */
  #split(nodes: readonly number[], forMs: number): void {
    for (const node of nodes) {
      const member = this.#cluster.fleet.find(node);
      if (member !== undefined) this.#block(member, "both", forMs);
    }
  }

  #pauseServer(forMs: number): void {
    const { server, fleet, observer } = this.#cluster;
    server.pause();
    observer.blinkedForLong();
    // Ack waits go on meanwhile, and what it is told is read only afterwards.
    observer.messages.disturbed(this.#simulation.kernel.nowMs + forMs + AFTERMATH_MS);
    this.#healAfter(forMs, () => {
      // Who has given the connection up is gone as soon as the server learns of it.
      for (const member of fleet.alive) if (!member.link.connected) fleet.excuse(member);
      server.resume();
      this.#cluster.disturbed();
    });
  }

  /** Everything on the way to the server and back may be lost. */
  #disturb(faults: NatsFaults, forMs: number): void {
    const board = FaultBoard.of(this.#cluster.server);
    const { observer } = this.#cluster;
    observer.blinkedForLong();
    observer.messages.disturbed(this.#simulation.kernel.nowMs + forMs + EARLY_MS);
    board.set(faults);
    this.#cluster.disturbed(forMs + AFTERMATH_MS);
    this.#healAfter(forMs, () => board.set(this.#cluster.goodDay));
  }

  /** A worker's requests to buckets are answered late, and then not at all, while its connection and its probes are well. */
  #mute(target: Target, lateMs: number, forMs: number): void {
    const { fleet, server } = this.#cluster;
    const member = fleet.find(target);
    if (member === undefined) return;
    const board = FaultBoard.of(server);
    const { heartbeatIntervalMs } = member.manager.config;
    this.#cluster.disturbed(lateMs + heartbeatIntervalMs + 3 * forMs + AFTERMATH_MS);
    board.setFor(member.link, LATE(lateMs));
    const { kernel } = this.#simulation;
    kernel.schedule(lateMs + heartbeatIntervalMs, "mute", () => {
      if (this.#heals.has(heal)) board.setFor(member.link, MUTE(forMs));
    });
    const heal = this.#healAfter(
      lateMs + heartbeatIntervalMs + forMs,
      () => board.setFor(member.link, undefined),
    );
  }

  #upset(mood: Mood, forMs: number): void {
    this.#cluster.mood = mood;
    this.#healAfter(forMs, () => {
      this.#cluster.mood = "well";
    });
  }

  /** The leader names a newcomer and dies, and the newcomer hears of the leader's death before it hears of its luck. */
  #lieInWaitForHeir(delayMs: number, forMs: number): void {
    const { server, fleet, ambushes } = this.#cluster;
    const { kernel, assertions } = this.#simulation;
    const board = FaultBoard.of(server);
    ambushes.arm({
      moment: "heir",
      delayMs,
      prepare: ({ link }) => {
        board.setFor(link, DEAF(forMs));
        // Only this one assignment is late.
        kernel.schedule(0, "heard again", () => board.setFor(link, undefined));
      },
      strike: () => {
        const leader = fleet.find("leader");
        if (leader === undefined) return;
        assertions.reachable("an heir had not heard");
        fleet.crash(leader);
      },
    });
  }

  #healAfter(forMs: number, undo: () => void): () => void {
    const heal = (): void => {
      if (this.#heals.delete(heal)) undo();
    };
    this.#heals.add(heal);
    this.#simulation.kernel.schedule(forMs, "heal", heal);
    return heal;
  }
}

/** A watch that has something to report stands still, for twice as long at most: how long is drawn anew each time. */
const DEAF = (forMs: number): NatsFaults => ({
  ...NO_FAULTS,
  kv: { ...NO_FAULTS.kv, watchStall: 1, watchStallMs: 2 * forMs },
});

/** Every answer of a bucket is late. */
const LATE = (lateMs: number): NatsFaults => ({
  ...NO_FAULTS,
  kv: { ...NO_FAULTS.kv, answerLate: 1, answerLateMs: lateMs },
});
/** No request reaches a bucket, and no news come from one. */
const MUTE = (forMs: number): NatsFaults => ({
  ...NO_FAULTS,
  kv: { ...NO_FAULTS.kv, requestLost: 1, watchStall: 1, watchStallMs: 2 * forMs },
});

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
