/**
 * Where the processes of a run live: on the coordinator's own machine, or with somebody who was started by hand, here or elsewhere.
 *
 * @module
 */
import type { ChildSpec, Role } from "../wire/wire.ts";

/** How a process ended. */
export type ProcessEnd = Pick<Deno.CommandStatus, "code" | "signal">;

/**
 * How a process ended, in words.
 *
 * @param end its end
 */
export function describeEnd({ code, signal }: ProcessEnd): string {
  return signal === null ? `with code ${code}` : `by ${signal}`;
}

/**
 * The last lines that a process wrote, for the sentence that tells of its end.
 *
 * @param output the lines
 */
export function lastWords(output: readonly string[]): string {
  return output.slice(-3).join(" | ");
}

/** A process as its host has it. */
export interface HostedProcess {
  /** The operating system's number; 0 until it is known. */
  readonly pid: number;
  /** Its end, however it comes. */
  readonly exited: Promise<ProcessEnd>;
  /** The last lines it wrote, as far as they are known here. */
  readonly output: string[];
  /** Kills it (SIGKILL). */
  kill(): void;
  /** Asks it to end (SIGTERM). */
  terminate(): void;
  /**
   * Stops it where it is (SIGSTOP).
   *
   * @returns lets it go on, once it is stopped
   */
  pause(): Promise<AsyncDisposable>;
}

/** Who starts processes. */
export interface Host {
  /**
   * Starts a process.
   *
   * @param role what it does
   * @param spec what it needs to know
   * @returns the process
   */
  spawn(role: Role, spec: ChildSpec): HostedProcess;
}
