/**
 * Publishing into streams with the stream's word for it, many at a time.
 *
 * @module
 */
import { headers as newHeaders, type Msg, type MsgHdrs } from "@nats-io/nats-core";
import type { PartiError } from "../../errors.ts";
import type { PublishAck, PublishOptions } from "../feed.ts";
import type { Subscription } from "../messaging.ts";
import { DEFAULT_MAX_WAITING, publishedBytes } from "../publish_limit.ts";
import {
  DEFAULT_MAX_IN_FLIGHT,
  DEFAULT_MAX_IN_FLIGHT_BYTES,
  PublishPlaces,
} from "../publish_places.ts";
import type { Link } from "./link.ts";
import { fromClientError } from "./nats_errors.ts";
import { readPubAck } from "./pub_ack.ts";
import type { Waiter } from "./requester.ts";

const NO_OPTIONS: PublishOptions = {};

/**
 * As slow as a connection may be, in bytes per millisecond: so much longer a publication may take as there is before it in the client's own
 * buffer. One that was given up there goes out all the same, and to try it again puts it there twice.
 */
const SLOWEST_BYTES_PER_MS = 512;

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
  readonly #places: PublishPlaces;
  readonly #bytes: number;
  readonly #resolve: (ack: PublishAck) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    subject: string,
    timeoutMs: number,
    places: PublishPlaces,
    bytes: number,
    resolve: (ack: PublishAck) => void,
    reject: (error: unknown) => void,
  ) {
    this.subject = subject;
    this.timeoutMs = timeoutMs;
    this.#places = places;
    this.#bytes = bytes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  answered(answer: Msg): void {
    this.#places.leave(this.#bytes);
    try {
      this.#resolve(readPubAck(answer.data, this.subject));
    } catch (error) {
      this.#reject(error);
    }
  }

  failed(error: PartiError): void {
    this.#places.leave(this.#bytes);
    this.#reject(error);
  }
}

/**
 * Publishes with bounded numbers of messages and bytes under way; the next one waits until there is room, and a bounded number of them does. All
 * share one inbox, and each costs one promise: that is the whole difference to a bare loop on the client.
 */
export class Publisher {
  readonly #link: Link;
  readonly #places: PublishPlaces;
  /** Tells those who wait for room that the connection is back, or gone for good. Only where somebody has waited. */
  #status: Subscription | undefined;

  /**
   * @param link the connection
   * @param maxInFlight how many publications may wait for the stream's word at once
   * @param maxWaiting how many more may wait until they are sent
   * @param maxInFlightBytes how many bytes may wait for the stream's word at once
   */
  constructor(
    link: Link,
    maxInFlight: number = DEFAULT_MAX_IN_FLIGHT,
    maxWaiting: number = DEFAULT_MAX_WAITING,
    maxInFlightBytes: number = DEFAULT_MAX_IN_FLIGHT_BYTES,
  ) {
    this.#link = link;
    this.#places = new PublishPlaces({
      most: maxInFlight,
      mostBytes: maxInFlightBytes,
      mostWaiting: maxWaiting,
      // Without a connection each publication fails at once, and so leaves a place for the next one to fail.
      isOpen: () => link.connected || link.nc.isClosed(),
    });
  }

  /**
   * Waits until a publication would be sent at once, without a connection until there is one; see {@linkcode PublishPlaces.room}.
   *
   * @returns undefined if it would; otherwise settles when there is room
   * @throws {PartiError} `PARTI_OVERLOADED` if as many wait for room as may
   */
  room(): Promise<void> | undefined {
    const room = this.#places.room();
    if (room !== undefined) {
      this.#status ??= this.#link.onStatus((status) => {
        if (status !== "disconnected") this.#places.opened();
      });
    }
    return room;
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
    return new Promise((resolve, reject) => {
      const bytes = publishedBytes(subject, data, options);
      if (this.#places.take(bytes)) this.#send(subject, data, options, bytes, resolve, reject);
      else if (
        !this.#places.wait(
          bytes,
          () => this.#send(subject, data, options, bytes, resolve, reject),
        )
      ) reject(this.#places.refusal(subject));
    });
  }

  #send(
    subject: string,
    data: Uint8Array,
    options: PublishOptions,
    bytes: number,
    resolve: (ack: PublishAck) => void,
    reject: (error: unknown) => void,
  ): void {
    const places = this.#places;
    const timeoutMs = (options.timeoutMs ?? this.#link.timeoutMs) +
      Math.floor(places.takenBytes / SLOWEST_BYTES_PER_MS);
    const publication = new Publication(subject, timeoutMs, places, bytes, resolve, reject);
    let headers: MsgHdrs | undefined;
    try {
      headers = headersOf(options);
    } catch (error) {
      publication.failed(fromClientError(error, `publish to ${subject}`));
      return;
    }
    this.#link.send(data, publication, headers);
  }
}
