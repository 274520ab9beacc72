/**
 * What the coordinator asks of its children.
 *
 * @module
 */
import { isPartiError, OUTAGE_CODES } from "../../lib/errors.ts";
import type { Messaging } from "../../lib/ports/messaging.ts";
import {
  type Command,
  controlSubject,
  fromBytes,
  toBytes,
  type WorkerStatus,
} from "../wire/wire.ts";
import type { Member } from "./fleet.ts";

const ASK_TIMEOUT_MS = 500;

/**
 * Asks a worker what it is doing.
 *
 * @param messaging where
 * @param runId the run
 * @param member the worker
 * @returns its answer, or what it last reported if there is none: it or the server may have been killed
 */
export async function askStatus(
  messaging: Messaging,
  runId: string,
  member: Member,
): Promise<WorkerStatus | undefined> {
  try {
    return fromBytes<WorkerStatus>(
      await command(messaging, runId, member, { command: "status" }, ASK_TIMEOUT_MS),
    );
  } catch (error) {
    if (!isPartiError(error, ...OUTAGE_CODES)) throw error;
    return member.status;
  }
}

/**
 * Gives a child a command.
 *
 * @param messaging where
 * @param runId the run
 * @param member the child
 * @param what the command
 * @param timeoutMs how long its answer may take
 * @returns the answer
 */
export function command(
  messaging: Messaging,
  runId: string,
  member: Member,
  what: Command,
  timeoutMs: number,
): Promise<Uint8Array> {
  const subject = controlSubject(runId, member.process);
  return messaging.request(subject, toBytes(what), timeoutMs);
}
