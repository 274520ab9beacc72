/**
 * The coordinator's half of reporting: takes each batch once and answers for it.
 *
 * @module
 */
import type { Messaging, Subscription } from "../../lib/ports/messaging.ts";
import {
  begunSubject,
  fromBytes,
  type Report,
  type ReportBatch,
  reportSubject,
  toBytes,
} from "./wire.ts";

const TAKEN = toBytes("taken");

/** Who is told what children say. Must not throw. */
export interface InboxHandler {
  /** A report, once, in each child's order. */
  report(process: string, report: Report): void;
  /** A handler begins, at that time in microseconds since 1970; may be lost. */
  begun(
    process: string,
    instance: string,
    partition: number,
    sequence: number,
    startUs: number,
  ): void;
}

/** The coordinator's half of reporting. */
export interface Inbox extends Subscription {
  /** The number of the last batch taken of each child. */
  readonly lastNumbers: Map<string, number>;
}

/**
 * Listens to the children of a run.
 *
 * @param messaging where
 * @param runId the run
 * @param handler who is told
 * @returns the way to stop listening
 */
export function openInbox(
  messaging: Messaging,
  runId: string,
  handler: InboxHandler,
): Inbox {
  const lastNumbers = new Map<string, number>();
  const begun = messaging.subscribe(begunSubject(runId, "*"), (notice) => {
    const what = fromBytes<
      [instance: string, partition: number, sequence: number, startUs: number]
    >(notice.data);
    handler.begun(notice.subject.slice(notice.subject.lastIndexOf(".") + 1), ...what);
  });
  const reports = messaging.subscribe(reportSubject(runId), (notice) => {
    const batch = fromBytes<ReportBatch>(notice.data);
    const last = lastNumbers.get(batch.process) ?? 0;
    if (batch.number > last) {
      lastNumbers.set(batch.process, batch.number);
      for (const report of batch.reports) handler.report(batch.process, report);
    }
    // Only now: the child forgets what has been answered for.
    notice.respond(TAKEN);
  });
  return {
    lastNumbers,
    close: () => {
      begun.close();
      reports.close();
    },
  };
}
