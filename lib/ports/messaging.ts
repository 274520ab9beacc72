/**
 * Core messaging: probes, notices and requests. At most once, nothing stored; whatever is decided by it is confirmed elsewhere.
 *
 * @module
 */
import type { PartiError } from "../errors.ts";

/** A message that came on a subscription. */
export interface Notice {
  /** The subject it was sent to. */
  readonly subject: string;
  /** The payload. */
  readonly data: Uint8Array;
  /** Answers a request; does nothing where no answer was asked for. Throws `PARTI_TOO_LARGE`. */
  respond(data: Uint8Array): void;
}

/** A running subscription. */
export interface Subscription {
  /** Ends it; no call-back comes afterwards. */
  close(): void;
}

/** What happened to the connection. */
export type ConnectionStatus = "disconnected" | "reconnected" | "closed";

/** Core publish, subscribe and request. */
export interface Messaging {
  /** Whether the connection is up as far as the client knows. */
  readonly connected: boolean;
  /** The largest message that the server takes, in bytes. */
  readonly maxPayloadBytes: number;
  /** Sends without waiting; dropped silently while disconnected for long. Throws `PARTI_REFUSED` for no bytes at all: that is a probe. */
  publish(subject: string, data: Uint8Array): void;
  /**
   * Calls `onNotice` for each message on a subject (wildcards allowed) but empty ones: these are probes ({@linkcode unserved}), which are
   * between who asks and the server.
   *
   * Whether this user may subscribe is known only later, since the server says nothing where it may. A refused subscription has ended,
   * also one that is refused after a change of permissions: `onError` is told once, with `PARTI_REFUSED` and the subject as its
   * value, and before the answer to any request that was sent after subscribing. Neither call-back may throw.
   */
  subscribe(
    subject: string,
    onNotice: (notice: Notice) => void,
    onError?: (error: PartiError) => void,
  ): Subscription;
  /**
   * Sends and waits for one answer. Throws `PARTI_NO_RESPONDERS` at once when nobody serves the subject, `PARTI_TIMEOUT`,
   * `PARTI_DISCONNECTED`, or `PARTI_REFUSED` for no bytes at all.
   */
  request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /**
   * Asks which subjects nobody serves, with an empty message to each: whoever serves one is not told, and nothing is heard of it. For
   * what is asked of many, again and again, this is half of what requests would cost.
   *
   * @param subjects the subjects, without wildcards
   * @param timeoutMs how long the server may take to say so, in milliseconds
   * @param onRefused told of each subject that this user may not ask about, with `PARTI_REFUSED` and the subject as its value: nothing is
   * known of these. Must not throw
   * @returns those that nobody serves
   * @throws {PartiError} `PARTI_TIMEOUT`, `PARTI_DISCONNECTED`, or `PARTI_REFUSED` if this user may not ask and nobody is told of that: then
   * nothing is known of any
   */
  unserved(
    subjects: readonly string[],
    timeoutMs: number,
    onRefused?: (error: PartiError) => void,
  ): Promise<readonly string[]>;
  /** Waits until everything sent so far has reached the server. Throws `PARTI_TIMEOUT` or `PARTI_DISCONNECTED`. */
  flush(timeoutMs: number): Promise<void>;
  /** Calls `onStatus` when the connection goes, comes back or is closed for good, which is told also if it was before. */
  onStatus(onStatus: (status: ConnectionStatus) => void): Subscription;
  /**
   * Calls `onRefused` when something was sent without waiting for an answer and this user may not: with `PARTI_REFUSED`, the subject as its
   * value and a hint, once a minute for each permission that is missing; and as often while the server does not let this user connect
   * again, such as because the credentials have expired. What a pull or an ack is refused is not told here: the pull says
   * so, and the confirmation of acks.
   */
  onRefused(onRefused: (error: PartiError) => void): Subscription;
}
