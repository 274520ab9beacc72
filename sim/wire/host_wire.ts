/**
 * What a coordinator and hosts that were started by hand say to each other.
 *
 * @module
 */
import type { ChildSpec, Role } from "./wire.ts";

/** What a host says of itself, every second: it is there, for these. */
export interface Join {
  /** The host's own name, a fresh one each time it is started. */
  readonly host: string;
  /** What its processes do. */
  readonly role: Role;
  /** Their numbers. */
  readonly indexes: readonly number[];
  /** What the answer before this told of the coordinator's clock beside the host's. */
  readonly skew?: ClockSkew;
  /** The run that it belongs to, as long as that run's coordinator is heard of: no other one is to answer. */
  readonly runId?: string;
}

/** What one question and its answer tell of two clocks. */
export interface ClockSkew {
  /** How much the other clock is ahead of ours, in milliseconds, if both ways take the same time. */
  readonly offsetMs: number;
  /** By how much that may be wrong: half the time of both ways. */
  readonly errorMs: number;
}

/** What the coordinator answers. */
export type JoinAnswer =
  | {
    readonly kind: "welcome";
    readonly runId: string;
    /** What its clock says, in milliseconds since 1970. */
    readonly wallMs: number;
    /** The coordinator's own name: processes that another one has had started are not wanted any more. */
    readonly life: string;
  }
  | { readonly kind: "refused"; readonly why: string };

/** What the coordinator asks of a host. */
export type HostCommand =
  | {
    readonly command: "spawn";
    readonly role: Role;
    readonly spec: ChildSpec;
    readonly life: string;
  } // of the coordinator; answered with a Spawned
  | { readonly command: "signal"; readonly process: string; readonly signal: Signal } // answered with a SignalAnswer once it is done
  | { readonly command: "ping" } // answered by a host that is still there
  | { readonly command: "over" }; // the run is over, and nothing is asked any more

/** What is done to a process. Repeated until it is answered, and done once. */
export type Signal = "kill" | "terminate" | "pause" | "resume";

/** The answer to a signal; a process that has ended needs none any more. */
export type SignalAnswer = "done" | { readonly failed: string };

/** The answer to `spawn`. Asked again for the same process, it is the same. */
export interface Spawned {
  /** The operating system's number. */
  readonly pid: number;
}

/** A process of a host has ended; a request, repeated until it is answered. */
export interface Ended {
  /** Its name and incarnation. */
  readonly process: string;
  /** How. */
  readonly code: number;
  /** By which signal. */
  readonly signal: Deno.Signal | null;
  /** The last lines it wrote. */
  readonly output: readonly string[];
}

/** The subject on which a coordinator is found. */
export function joinSubject(simulation: string): string {
  return `sim.join.${simulation}`;
}

/** The subject on which a coordinator says that there is one of this name. */
export function coordinatorSubject(simulation: string): string {
  return `sim.coordinator.${simulation}`;
}

/** The subject on which a host takes commands. */
export function hostSubject(runId: string, host: string): string {
  return `sim.${runId}.host.${host}`;
}

/** The subject on which the ends of processes are told. */
export function endedSubject(runId: string): string {
  return `sim.${runId}.ended`;
}
