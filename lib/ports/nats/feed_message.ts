/**
 * A delivered message of a JetStream consumer.
 *
 * @module
 */
import type { Msg, MsgHdrs } from "@nats-io/nats-core";
import type { AckHandle, FeedMessage } from "../feed.ts";
import { type Delivery, parseAckSubject } from "./ack_subject.ts";
import type { Link } from "./link.ts";
import { fromClientError } from "./nats_errors.ts";
import { plainBytes } from "./plain_bytes.ts";

const encoder = new TextEncoder();
const ACK = encoder.encode("+ACK");
const WORK_IN_PROGRESS = encoder.encode("+WPI");

/** See {@linkcode AckHandle}. All that it keeps of a message is where its ack goes. */
class NatsAckHandle implements AckHandle {
  readonly #link: Link;
  readonly #reply: string;

  constructor(link: Link, reply: string) {
    this.#link = link;
    this.#reply = reply;
  }

  ack(): void {
    send(this.#link, this.#reply, ACK);
  }

  async ackConfirmed(timeoutMs: number): Promise<void> {
    await this.#link.ask(this.#reply, ACK, timeoutMs);
  }
}

/** See {@linkcode FeedMessage}. */
export class NatsFeedMessage implements FeedMessage {
  readonly #link: Link;
  readonly #msg: Msg;
  readonly #delivery: Delivery;
  readonly #reply: string;
  #data: Uint8Array | undefined;

  /**
   * @param link the connection it came on
   * @param msg the message as the client gave it
   * @throws {PartiError} `PARTI_REFUSED` if its reply subject is no ack subject
   */
  constructor(link: Link, msg: Msg) {
    this.#link = link;
    this.#msg = msg;
    this.#reply = msg.reply ?? "";
    this.#delivery = parseAckSubject(this.#reply);
  }

  /** See {@linkcode FeedMessage.subject}. */
  get subject(): string {
    return this.#msg.subject;
  }
  /** See {@linkcode FeedMessage.data}. */
  get data(): Uint8Array {
    return this.#data ??= plainBytes(this.#msg.data);
  }
  /** See {@linkcode FeedMessage.streamSequence}. */
  get streamSequence(): number {
    return this.#delivery.streamSequence;
  }
  /** See {@linkcode FeedMessage.deliverySequence}. */
  get deliverySequence(): number {
    return this.#delivery.deliverySequence;
  }
  /** See {@linkcode FeedMessage.deliveryCount}. */
  get deliveryCount(): number {
    return this.#delivery.deliveryCount;
  }
  /** See {@linkcode FeedMessage.storedAtMs}. */
  get storedAtMs(): number {
    return this.#delivery.storedAtMs;
  }
  /** See {@linkcode FeedMessage.pending}. */
  get pending(): number {
    return this.#delivery.pending;
  }

  /** See {@linkcode FeedMessage.header}. */
  header(name: string): string | undefined {
    const headers = this.#readHeaders();
    return headers?.has(name) === true ? headers.get(name) : undefined;
  }

  /** See {@linkcode FeedMessage.headers}. */
  get headers(): Readonly<Record<string, string>> {
    const headers = this.#readHeaders();
    if (headers === undefined) return {};
    return Object.fromEntries(headers.keys().map((name) => [name, headers.get(name)]));
  }

  /** See {@linkcode FeedMessage.ackHandle}. */
  get ackHandle(): AckHandle {
    return new NatsAckHandle(this.#link, this.#reply);
  }

  /** See {@linkcode FeedMessage.ack}. */
  ack(): void {
    send(this.#link, this.#reply, ACK);
  }

  /** See {@linkcode FeedMessage.ackConfirmed}. */
  ackConfirmed(timeoutMs: number): Promise<void> {
    return this.ackHandle.ackConfirmed(timeoutMs);
  }

  /** See {@linkcode FeedMessage.working}. */
  working(): void {
    send(this.#link, this.#reply, WORK_IN_PROGRESS);
  }

  /** The client reads them when it is asked for them first, and does not take all that another client may send. */
  #readHeaders(): MsgHdrs | undefined {
    try {
      return this.#msg.headers;
    } catch (error) {
      throw fromClientError(error, `read the headers of ${this.subject} ${this.streamSequence}`);
    }
  }
}

function send(link: Link, reply: string, what: Uint8Array): void {
  try {
    link.nc.publish(reply, what);
  } catch {
    // The connection is closed. An ack that is not sent only means that the message comes again.
  }
}
