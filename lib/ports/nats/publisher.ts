/**
 * Publishing into streams with the stream's word for it, many at a time.
 *
 * @module
 */
import { headers as newHeaders, type Msg, type MsgHdrs } from "@nats-io/nats-core";
import type { PartiError } from "../../errors.ts";
import type { PublishAck, PublishOptions } from "../feed.ts";
import { DEFAULT_MAX_WAITING, tooManyWaiting } from "../publish_limit.ts";
import type { Link } from "./link.ts";
import { fromClientError } from "./nats_errors.ts";
import { readPubAck } from "./pub_ack.ts";
import type { Waiter } from "./requester.ts";

/** How many publications may wait for the stream's word at once unless told otherwise. */
export const DEFAULT_MAX_IN_FLIGHT = 4_096;
/** So many of those that wait no more are cut off at once. */
const CUT_AT = 1_024;

const NO_OPTIONS: PublishOptions = {};

function headersOf(options: PublishOptions): MsgHdrs | undefined {
  const { messageId, expectedLastSubjectSequence, expectedLastSequence, headers } = options;
  if (
    messageId === undefined && expectedLastSubjectSequence === undefined &&
    expectedLastSequence === undefined && headers === undefined
  ) return undefined;
  const all = newHeaders();
  for (const [name, value] of Object.entries(headers ?? {})) all.set(name, value);
  if (messageId !== undefined) all.set("Nats-Msg-Id", messageId);
  if (expectedLastSubjectSequence !== undefined) {
    all.set("Nats-Expected-Last-Subject-Sequence", String(expectedLastSubjectSequence));
  }
  if (expectedLastSequence !== undefined) {
    all.set("Nats-Expected-Last-Sequence", String(expectedLastSequence));
  }
  return all;
}

/** A publication under way: gives its place back and settles its promise. */
class Publication implements Waiter {
  readonly subject: string;
  readonly timeoutMs: number;
  deadlineMs = 0;
  readonly #leave: () => void;
  readonly #resolve: (ack: PublishAck) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    subject: string,
    timeoutMs: number,
    leave: () => void,
    resolve: (ack: PublishAck) => void,
    reject: (error: unknown) => void,
  ) {
    this.subject = subject;
    this.timeoutMs = timeoutMs;
    this.#leave = leave;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  answered(answer: Msg): void {
    this.#leave();
    try {
      this.#resolve(readPubAck(answer.data, this.subject));
    } catch (error) {
      this.#reject(error);
    }
  }

  failed(error: PartiError): void {
    this.#leave();
    this.#reject(error);
  }
}

/**
 * Publishes with a bounded number of messages under way; the next one waits until there is room, and a bounded number of them does. All
 * share one inbox, and each costs one promise: that is the whole difference to a bare loop on the client.
 */
export class Publisher {
  readonly #link: Link;
  readonly #maxInFlight: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  /** The first one still waiting; those before it are cut off in bulk, since `shift()` moves a long array each time. */
  #firstWaiting = 0;
  #inFlight = 0;
  /** Places that were left and are not handed on yet. */
  #left = 0;
  #isHanding = false;

  /**
   * @param link the connection
   * @param maxInFlight how many publications may wait for the stream's word at once
   * @param maxWaiting how many more may wait until they are sent
   */
  constructor(
    link: Link,
    maxInFlight: number = DEFAULT_MAX_IN_FLIGHT,
    maxWaiting: number = DEFAULT_MAX_WAITING,
  ) {
    this.#link = link;
    this.#maxInFlight = maxInFlight;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Waits until a publication would be sent at once.
   *
   * @returns undefined if it would; otherwise settles when there is room, and whoever publishes then, without waiting for anything else in
   * between, finds it
   */
  room(): Promise<void> | undefined {
    if (this.#inFlight < this.#maxInFlight) return undefined;
    // Not taken, only waited for: it goes to the next in line, if there is one, or to whoever publishes then.
    return this.#place().then(this.#leave);
  }

  /**
   * Stores a message and waits for the stream's word.
   *
   * @param subject a subject that a stream stores
   * @param data the payload
   * @param options conditions and headers
   * @returns where it was stored
   * @throws {PartiError} `PARTI_CONFLICT` if a condition does not hold, `PARTI_NO_RESPONDERS` if no stream stores the subject,
   *   `PARTI_TIMEOUT` (it may have been stored), `PARTI_DISCONNECTED` (it was not sent), `PARTI_OVERLOADED` (it was not sent),
   *   `PARTI_TOO_LARGE`, `PARTI_REFUSED`
   */
  publish(
    subject: string,
    data: Uint8Array,
    options: PublishOptions = NO_OPTIONS,
  ): Promise<PublishAck> {
    if (this.#inFlight >= this.#maxInFlight) {
      if (this.#waiting.length - this.#firstWaiting >= this.#maxWaiting) {
        return Promise.reject(tooManyWaiting(subject, this.#maxWaiting));
      }
      return new Promise((resolve, reject) => {
        this.#waiting.push(() => this.#send(subject, data, options, resolve, reject));
      });
    }
    this.#inFlight++;
    return new Promise((resolve, reject) => this.#send(subject, data, options, resolve, reject));
  }

  #send(
    subject: string,
    data: Uint8Array,
    options: PublishOptions,
    resolve: (ack: PublishAck) => void,
    reject: (error: unknown) => void,
  ): void {
    const timeoutMs = options.timeoutMs ?? this.#link.timeoutMs;
    const publication = new Publication(subject, timeoutMs, this.#leave, resolve, reject);
    let headers: MsgHdrs | undefined;
    try {
      headers = headersOf(options);
    } catch (error) {
      publication.failed(fromClientError(error, `publish to ${subject}`));
      return;
    }
    this.#link.send(data, publication, headers);
  }

  /** Waits for a place. */
  #place(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  readonly #leave = (): void => {
    this.#left++;
    // What is sent from here may fail at once and so leave its place, too: that would go deeper for each that waits.
    if (this.#isHanding) return;
    this.#isHanding = true;
    while (this.#left > 0) {
      this.#left--;
      this.#handOn();
    }
    this.#isHanding = false;
  };

  /** A place goes to the one who waits longest, at once: whoever publishes next comes behind. */
  #handOn(): void {
    const next = this.#waiting[this.#firstWaiting];
    if (next === undefined) {
      this.#inFlight--;
      return;
    }
    // The count stays as it is.
    this.#firstWaiting++;
    if (this.#firstWaiting === this.#waiting.length || this.#firstWaiting === CUT_AT) {
      this.#waiting.splice(0, this.#firstWaiting);
      this.#firstWaiting = 0;
    }
    next();
  }
}
