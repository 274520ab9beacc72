/**
 * One process of a run, as the coordinator knows it.
 *
 * @module
 */
import type { HostedProcess, ProcessEnd } from "../host/host.ts";
import type { Role, WorkerStatus } from "../wire/wire.ts";

/** One process: one incarnation of a name. */
export interface Member {
  /** Its role. */
  readonly role: Role;
  /** Its name, such as `worker-4`. */
  readonly name: string;
  /** Its number. */
  readonly index: number;
  /** Its name and incarnation, such as `worker-4#2`. */
  readonly process: string;
  /** The process itself; undefined for one of before the run was resumed. */
  readonly hosted: HostedProcess | undefined;
  /** When it was started, in microseconds since 1970. */
  readonly startedUs: number;
  /** By how much its clock is behind ours for certain: by its own word it was there before it was started. This machine's may be set back. */
  behindUs: number;
  /** When it reported itself, by our clock. */
  readyUs: number | undefined;
  /** When it ended, or was killed. */
  endedUs: number | undefined;
  /** Since when it has been Stable, if it is a worker; undefined while it is not. */
  stableUs: number | undefined;
  /** What it last reported, if it is a worker. */
  status: WorkerStatus | undefined;
  /** When it reported that, by our clock. */
  statusUs: number | undefined;
  /** Its memory as last reported. */
  rssBytes: number;
  /** Messages whose effect it has written, if it is a worker. */
  handled: number;
  /** `leaving` was asked to go, `killed` was killed by us, `gone` has ended. */
  phase: "running" | "leaving" | "killed" | "gone";
  /** The operating system's number of one of before the run was resumed. */
  readonly formerPid?: number;
  /** Its end. */
  readonly exited: Promise<ProcessEnd>;
  /** The last lines it wrote. */
  readonly output: string[];
}

/** A process as JSON holds it. */
export type SavedMember =
  & Pick<Member, "role" | "name" | "index" | "process" | "startedUs" | "phase">
  & Partial<Pick<Member, "readyUs" | "endedUs" | "status" | "statusUs">>
  & Pick<Member, "rssBytes" | "handled">
  & { readonly pid: number };

/** What is known of a process when it is started. */
type Born = Pick<Member, "role" | "name" | "index" | "process" | "startedUs">;

/**
 * A process that runs and has said nothing yet.
 *
 * @param born what is known of it
 * @param hosted the process itself
 */
export function memberOf(
  { role, name, index, process, startedUs }: Born,
  hosted: HostedProcess,
): Member {
  return {
    ...{ role, name, index, process, hosted, startedUs },
    behindUs: 0,
    readyUs: undefined,
    endedUs: undefined,
    stableUs: undefined,
    status: undefined,
    statusUs: undefined,
    rssBytes: 0,
    handled: 0,
    phase: "running",
    exited: hosted.exited,
    output: hosted.output,
  };
}

/**
 * A process that had ended before the coordinator came.
 *
 * @param saved what was known of it
 */
export function formerOf(saved: SavedMember): Member {
  return {
    ...{ behindUs: 0, readyUs: undefined, endedUs: undefined, status: undefined, ...saved },
    ...{ stableUs: undefined, statusUs: undefined, phase: "gone", output: [] },
    exited: Promise.resolve({ code: 137, signal: "SIGKILL" }),
    hosted: undefined,
    formerPid: saved.pid,
  };
}

/** The operating system's number of a process; 0 if it is not known. */
export function pidOf({ hosted, formerPid }: Pick<Member, "hosted" | "formerPid">): number {
  return hosted?.pid ?? formerPid ?? 0;
}

/**
 * A process that nobody could start has ended at once.
 *
 * @param name its name
 */
export function nowhere(name: string): HostedProcess {
  return {
    pid: 0,
    exited: Promise.resolve({ code: 1, signal: null }),
    output: [`there is no host for ${name} (any more)`],
    kill: () => {},
    terminate: () => {},
    pause: () => Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() }),
  };
}
