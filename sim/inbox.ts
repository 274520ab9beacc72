/**
 * The coordinator's half of reporting: takes each batch once and answers for it.
 *
 * @module
 */
import type { Messaging, Subscription } from "../lib/ports/messaging.ts";
import { fromBytes, type Report, type ReportBatch, reportSubject, toBytes } from "./wire.ts";

const TAKEN = toBytes("taken");

/**
 * Listens to the children of a run.
 *
 * @param messaging where
 * @param runId the run
 * @param take called with each report once, in each child's order; must not throw
 * @returns the way to stop listening
 */
export function openInbox(
  messaging: Messaging,
  runId: string,
  take: (process: string, report: Report) => void,
): Subscription {
  const lastNumbers = new Map<string, number>();
  return messaging.subscribe(reportSubject(runId), (notice) => {
    const batch = fromBytes<ReportBatch>(notice.data);
    const last = lastNumbers.get(batch.process) ?? 0;
    if (batch.number > last) {
      lastNumbers.set(batch.process, batch.number);
      for (const report of batch.reports) take(batch.process, report);
    }
    // Only now: the child forgets what has been answered for.
    notice.respond(TAKEN);
  });
}
