/**
 * The coordinator's half of reporting: takes each batch once and answers for it.
 *
 * @module
 */
import { invariant } from "../../lib/errors.ts";
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

/** What children have said, as a journal holds it. */
export type Heard =
  | { readonly batch: ReportBatch }
  | { readonly begun: Parameters<InboxHandler["begun"]> };

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
  save(): [process: string, number: number][];
  /** Goes on from these. Nothing may have been heard before: it would be forgotten. */
  load(lastNumbers: readonly (readonly [process: string, number: number])[]): void;
  /** Takes once more what was heard before: a batch that was taken is not taken again. */
  again(heard: Heard): void;
}

/**
 * Listens to the children of a run.
 *
 * @param messaging where
 * @param runId the run
 * @param handler who is told
 * @param keep is given everything before anybody is told, and before it is answered for
 * @returns the way to stop listening
 */
export function openInbox(
  messaging: Messaging,
  runId: string,
  handler: InboxHandler,
  keep: (heard: Heard) => void = () => {},
): Inbox {
  const lastNumbers = new Map<string, number>();
  const take = (heard: Heard) => {
    if ("begun" in heard) return handler.begun(...heard.begun);
    const { process, number, reports } = heard.batch;
    if (!isNew(heard.batch)) return;
    lastNumbers.set(process, number);
    for (const report of reports) handler.report(process, report);
  };
  const isNew = ({ process, number }: ReportBatch) => number > (lastNumbers.get(process) ?? 0);
  const begun = messaging.subscribe(begunSubject(runId, "*"), (notice) => {
    const what = fromBytes<
      [instance: string, partition: number, sequence: number, startUs: number]
    >(notice.data);
    const process = notice.subject.slice(notice.subject.lastIndexOf(".") + 1);
    const heard: Heard = { begun: [process, ...what] };
    keep(heard);
    take(heard);
  });
  const reports = messaging.subscribe(reportSubject(runId), (notice) => {
    const batch = fromBytes<ReportBatch>(notice.data);
    if (isNew(batch)) keep({ batch });
    take({ batch });
    // Only now: the child forgets what has been answered for.
    notice.respond(TAKEN);
  });
  return {
    save: () => [...lastNumbers],
    load: (saved) => {
      invariant(lastNumbers.size === 0, "something was heard before all was known again");
      for (const [process, number] of saved) lastNumbers.set(process, number);
    },
    again: take,
    close: () => {
      begun.close();
      reports.close();
    },
  };
}
