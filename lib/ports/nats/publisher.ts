/**
 * Publishing into streams with the stream's word for it, many at a time.
 *
 * @module
 */
import { headers as newHeaders, type MsgHdrs } from "@nats-io/nats-core";
import { PartiError } from "../../errors.ts";
import type { PublishAck, PublishOptions } from "../feed.ts";
import { readAnswer } from "./api.ts";
import type { Link } from "./link.ts";
import type { WirePubAck } from "./wire.ts";

/** How many publications may wait for the stream's word at once unless told otherwise. */
export const DEFAULT_MAX_IN_FLIGHT = 4_096;

function headersOf(options: PublishOptions): MsgHdrs | undefined {
  const { messageId, expectedLastSubjectSequence, headers } = options;
  if (
    messageId === undefined && expectedLastSubjectSequence === undefined && headers === undefined
  ) return undefined;
  const all = newHeaders();
  for (const [name, value] of Object.entries(headers ?? {})) all.set(name, value);
  if (messageId !== undefined) all.set("Nats-Msg-Id", messageId);
  if (expectedLastSubjectSequence !== undefined) {
    all.set("Nats-Expected-Last-Subject-Sequence", String(expectedLastSubjectSequence));
  }
  return all;
}

/** Publishes with a bounded number of messages under way; the next one waits until there is room. */
export class Publisher {
  readonly #link: Link;
  readonly #maxInFlight: number;
  readonly #waiting: (() => void)[] = [];
  /** The first one still waiting; those before it are cut off in bulk, since `shift()` moves a long array each time. */
  #firstWaiting = 0;
  #inFlight = 0;

  /**
   * @param link the connection
   * @param maxInFlight how many publications may wait for the stream's word at once
   */
  constructor(link: Link, maxInFlight: number = DEFAULT_MAX_IN_FLIGHT) {
    this.#link = link;
    this.#maxInFlight = maxInFlight;
  }

  /**
   * Stores a message and waits for the stream's word.
   *
   * @param subject a subject that a stream stores
   * @param data the payload
   * @param options conditions and headers
   * @returns where it was stored
   * @throws {PartiError} `PARTI_CONFLICT` if a condition does not hold, `PARTI_NO_RESPONDERS` if no stream stores the subject,
   *   `PARTI_TIMEOUT` (it may have been stored), `PARTI_DISCONNECTED` (it was not sent),
   *   `PARTI_TOO_LARGE`, `PARTI_REFUSED`
   */
  async publish(
    subject: string,
    data: Uint8Array,
    options: PublishOptions = {},
  ): Promise<PublishAck> {
    if (this.#inFlight >= this.#maxInFlight) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#inFlight++;
    try {
      const timeoutMs = options.timeoutMs ?? this.#link.timeoutMs;
      const answer = await this.#link.ask(subject, data, timeoutMs, headersOf(options));
      const ack = readAnswer<WirePubAck>(answer.data, `publish to ${subject}`);
      if (typeof ack.seq !== "number") {
        throw new PartiError("PARTI_REFUSED", `publish to ${subject}: not a stream's answer`, {
          value: ack,
          hint: "a subscriber answers on this subject instead of a stream",
        });
      }
      return { sequence: ack.seq, duplicate: ack.duplicate === true };
    } finally {
      this.#leave();
    }
  }

  #leave(): void {
    const next = this.#waiting[this.#firstWaiting];
    if (next === undefined) {
      this.#inFlight--;
      return;
    }
    // The place is handed to the one who waits longest, so the count stays as it is.
    this.#firstWaiting++;
    if (this.#firstWaiting === this.#waiting.length || this.#firstWaiting === this.#maxInFlight) {
      this.#waiting.splice(0, this.#firstWaiting);
      this.#firstWaiting = 0;
    }
    next();
  }
}
