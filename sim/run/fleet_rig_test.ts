/**
 * Processes of a run as tests of whoever commands them need them: members that are only said to exist, and answer as a test says.
 * No test of its own.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import type { Messaging } from "../../lib/ports/messaging.ts";
import {
  type Command,
  controlSubject,
  fromBytes,
  toBytes,
  type WorkerStatus,
} from "../wire/wire.ts";
import type { Member, Role } from "./fleet.ts";

/** The run that {@linkcode TestFleet} belongs to. */
export const RUN_ID = "r";

/** A command's failure: nobody answers in time. */
export function noAnswer(): never {
  throw new PartiError("PARTI_TIMEOUT", "no answer");
}

/** A fleet without processes. */
export class TestFleet {
  /** Everybody, whatever their phase. */
  readonly members: Member[] = [];
  /** Every command given, as `start producer-0#1`. */
  readonly commands: string[] = [];
  /** What a process answers to a command; what it throws, or a promise rejects with, is the command's failure. */
  answer: (member: Member, command: string, whole: Command) => unknown = () => null;

  /**
   * Adds a process that runs and is ready.
   *
   * @param role what it does
   * @param index its number
   * @param changes what is special
   * @returns the process
   */
  add(role: Role, index: number, changes: Partial<Member> = {}): Member {
    const member: Member = {
      role,
      name: `${role}-${index}`,
      index,
      process: `${role}-${index}#1`,
      hosted: undefined,
      startedUs: 0,
      behindUs: 0,
      readyUs: 1,
      endedUs: undefined,
      stableUs: undefined,
      status: undefined,
      statusUs: undefined,
      rssBytes: 0,
      handled: 0,
      phase: "running",
      exited: Promise.resolve({ code: 0, signal: null }),
      output: [],
      ...changes,
    };
    this.members.push(member);
    return member;
  }

  /** As `Fleet.running`. */
  running(role: Role): Member[] {
    return this.members.filter((member) => member.role === role && member.phase === "running");
  }

  /** As `Fleet.expectBack`: here nobody asks for a free number. */
  expectBack(): void {}

  /** As `Fleet.get`. */
  get(process: string): Member | undefined {
    return this.members.find((member) => member.process === process);
  }

  /** The way to the processes. */
  readonly messaging = {
    request: async (subject: string, data: Uint8Array): Promise<Uint8Array> => {
      await Promise.resolve();
      const member = this.members.find(({ process }) =>
        subject === controlSubject(RUN_ID, process)
      );
      if (member === undefined) throw new PartiError("PARTI_NO_RESPONDERS", "nobody there");
      const whole = fromBytes<Command>(data);
      const { command } = whole;
      this.commands.push(`${command} ${member.process}`);
      return toBytes(await this.answer(member, command, whole));
    },
  } as unknown as Messaging;
}

/**
 * @param changes what is special
 * @returns the status of a worker that is in its group
 */
export function status(changes: Partial<WorkerStatus> = {}): WorkerStatus {
  return {
    worker: "worker-0",
    instance: "i",
    state: "Stable",
    leader: false,
    epoch: 1,
    generation: 1,
    owned: [],
    ...changes,
  };
}
