/**
 * For tests: random operations on streams and consumers, as plain data. Holds no test.
 *
 * @module
 */
import { textOf } from "../../ports/contract/helpers_test.ts";
import type { ConsumerConfig, FeedMessage, StreamOptions } from "../../ports/feed.ts";
import type { Draws } from "../draw.ts";

/** One operation. Whom it hits is told by numbers (`who`, `pick`), so that a sequence with holes is still a sequence. */
export type FeedOperation =
  | {
    readonly op: "publish";
    readonly stream: number;
    readonly subject: string;
    readonly size: number;
    readonly id?: string;
    /** The last sequence that was seen for the subject, and so much more. */
    readonly expectedPlus?: number;
    /** The last sequence that was seen for the stream, and so much more. */
    readonly streamPlus?: number;
  }
  | { readonly op: "create"; readonly stream: number; readonly config: ConsumerConfig }
  | {
    readonly op: "createAgain" | "delete" | "close" | "redeliver" | "handOver";
    readonly stream: number;
    readonly who: number;
  }
  | {
    readonly op: "shrink";
    readonly stream: number;
    readonly who: number;
    readonly keep: number;
    /** The consumer is described as it was made, whatever it was shrunk to since: its filter may grow. */
    readonly fromStart: boolean;
  }
  | {
    readonly op: "pull";
    readonly stream: number;
    readonly who: number;
    readonly count: number;
    /** How large they may be together; some are larger by themselves. */
    readonly bytes?: number;
  }
  | { readonly op: "ack" | "ackConfirmed" | "working"; readonly pick: number }
  | { readonly op: "last"; readonly stream: number; readonly subject: string }
  | { readonly op: "recreate"; readonly stream: number }
  | { readonly op: "cut" | "crash" };

/** What can go wrong in a world under test. Each returns when the connection is back. */
export interface FeedTroubles {
  /** Cuts the connection. */
  cut(): Promise<void>;
  /** Kills the server and starts it again. */
  crash(): Promise<void>;
}

/** Longer than any run, in milliseconds. */
export const LONG_MS = 3_600_000;

const LETTERS = ["a", "b", "c", "d", "e", "x.1", "x.2"];
/** The names of consumers. */
export const NAMES = ["k", "l", "m", "n"];
/** A stream's place is in its subjects, which are like `0.a`. */
export const STREAMS = [0, 1, 2];

/**
 * Draws how the streams of a run are made.
 *
 * @param draws where the numbers come from
 * @param place which of the streams
 * @returns its options
 */
export function drawStream(draws: Draws, place: number): StreamOptions {
  const bytes = draws.chance(0.5) ? draws.integer(500, 4_000) : undefined;
  const retention = place < 2 ? "workqueue" : "limits";
  const storage = draws.chance(0.5) ? "file" : "memory";
  // On disk the server does not note what a subject's limit has dropped: after a crash it is there again, and takes the place of others.
  const isSafe = storage === "memory" || retention === "limits";
  const perSubject = draws.chance(0.3) && isSafe ? draws.integer(1, 6) : undefined;
  const maxBytes = perSubject === undefined || storage === "memory" ? bytes : undefined;
  return {
    subjects: [`${place}.>`],
    retention,
    storage,
    replicas: 1,
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(perSubject === undefined ? {} : { maxMessagesPerSubject: perSubject }),
  };
}

function drawFilter(draws: Draws, stream: number): string[] {
  const one = draws.float();
  if (one < 0.03) return [];
  if (one < 0.06) return [`${stream}.>`];
  const letters = draws.shuffle(LETTERS).slice(0, draws.integer(1, 3));
  if (draws.chance(0.2)) letters.push("x.*");
  return letters.map((letter) => `${stream}.${letter}`);
}

function drawConfig(draws: Draws, stream: number): ConsumerConfig {
  return {
    name: draws.pick(NAMES),
    filterSubjects: drawFilter(draws, stream),
    ackWaitMs: LONG_MS,
    maxAckPending: draws.chance(0.4) ? draws.integer(1, 5) : 1_000,
    inactiveThresholdMs: LONG_MS,
    metadata: { worker: `w-${draws.integer(1, 2)}` },
    // A WorkQueue stream refuses it, and which refusal comes first where others are due is not the same in all versions.
    ...(stream === 2 && draws.chance(0.4) ? { startSequence: draws.integer(1, 60) } : {}),
  };
}

/**
 * Draws one operation.
 *
 * @param draws where the numbers come from
 * @returns the operation
 */
export function drawOperation(draws: Draws): FeedOperation {
  const place = draws.float();
  const stream = place < 0.6 ? 0 : place < 0.75 ? 1 : 2;
  const who = draws.integer(0, 1_000_000);
  const subject = `${stream}.${draws.pick(LETTERS)}`;
  const which = draws.float() * 100;
  if (which < 38) {
    return {
      op: "publish",
      stream,
      subject: draws.chance(0.01) ? "nowhere" : subject,
      size: 10 * draws.integer(0, 8),
      ...(draws.chance(0.2) ? { id: `id-${draws.integer(1, 25)}` } : {}),
      ...(draws.chance(0.2) ? { expectedPlus: draws.chance(0.7) ? 0 : 1 } : {}),
      ...(draws.chance(0.2) ? { streamPlus: draws.chance(0.7) ? 0 : 1 } : {}),
    };
  }
  if (which < 45) return { op: "create", stream, config: drawConfig(draws, stream) };
  if (which < 46) return { op: "createAgain", stream, who };
  if (which < 49) {
    const keep = draws.integer(1, 15);
    return { op: "shrink", stream, who, keep, fromStart: draws.chance(0.2) };
  }
  if (which < 51) return { op: "handOver", stream, who };
  if (which < 53) return { op: "delete", stream, who };
  if (which < 69) {
    const bytes = draws.chance(0.5) ? { bytes: draws.integer(60, 1_200) } : {};
    return { op: "pull", stream, who, count: draws.integer(0, 12), ...bytes };
  }
  if (which < 71) return { op: "close", stream, who };
  const pick = draws.integer(0, 1_000_000);
  if (which < 80) return { op: "ack", pick };
  if (which < 92) return { op: "ackConfirmed", pick };
  if (which < 95) return { op: "working", pick };
  if (which < 98) return { op: "last", stream, subject };
  if (which < 99.2) return { op: "redeliver", stream, who };
  if (which < 99.6) return { op: "cut" };
  if (which < 99.8) return { op: "crash" };
  return { op: "recreate", stream };
}

/**
 * @param message a message
 * @returns its headers, as far as operations set them
 */
export function headersOf(message: { header(name: string): string | undefined }): string {
  const expectations = ["Nats-Expected-Last-Subject-Sequence", "Nats-Expected-Last-Sequence"];
  const names = ["Nats-Msg-Id", "X-Size", ...expectations];
  return names.map((name) => message.header(name) ?? "-").join(",");
}

/**
 * @param message a delivered message
 * @returns all that is known of it, as text
 */
export function lineOf(message: FeedMessage): string {
  const { subject, streamSequence, deliverySequence, deliveryCount, pending, data } = message;
  return `${subject} #${streamSequence} delivery ${deliverySequence} count ${deliveryCount} ` +
    `pending ${pending} ${textOf(data)} ${headersOf(message)}`;
}
