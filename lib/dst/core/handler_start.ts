/**
 * What is known in the instant in which a handler starts.
 *
 * @module
 */
import type { HandlerContext } from "../../consumption/dispatch/handler.ts";

/** A handler's right, as far as it matters here. */
export type Right = Pick<
  HandlerContext,
  "partitionId" | "worker" | "instance" | "epoch" | "generation" | "signal"
>;

/** Epoch and generation of an assignment. */
export type Version = Pick<HandlerContext, "epoch" | "generation">;

/** What the worker itself knows in that instant. */
export interface WorkerView {
  /** Whether it is connected, as far as it knows. */
  readonly isConnected: boolean;
  /** Since when, in true virtual milliseconds. */
  readonly connectedAtMs: number;
  /** Whether its connection was cut while it stood still, and it has just gone on: it will hear of that in this very moment. */
  readonly isCutUnheard: boolean;
  /** The assignment that it follows; undefined if it follows none as the instance of the handler. */
  readonly following: Version | undefined;
}

/** A handler that starts. */
export interface HandlerStart {
  /** Under what right. */
  readonly right: Right;
  /** The message's place in the feed. */
  readonly sequence: number;
}

/** Says which handler it is, for people. */
export function describeStart({ right, sequence }: HandlerStart): string {
  const { partitionId, worker, instance, epoch, generation } = right;
  return `${sequence} of ${partitionId} at ${worker} (${
    instance.slice(0, 8)
  }, ${epoch}.${generation})`;
}
