/**
 * A message that a simulated consumer delivered.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { AckHandle, FeedMessage } from "../../ports/feed.ts";
import { FaultBoard } from "./fault_board.ts";
import type { SimLink } from "./link.ts";
import type { LoggedMessage } from "./message_log.ts";
import type { Delivery } from "./pull_model.ts";
import type { StreamsModel } from "./streams_model.ts";

/** See {@linkcode FeedMessage}. */
export class SimFeedMessage implements FeedMessage {
  /** See {@linkcode FeedMessage.deliverySequence}. */
  readonly deliverySequence: number;
  /** See {@linkcode FeedMessage.deliveryCount}. */
  readonly deliveryCount: number;
  /** See {@linkcode FeedMessage.pending}. */
  readonly pending: number;
  readonly #link: SimLink;
  readonly #model: StreamsModel;
  readonly #stream: string;
  readonly #consumer: string;
  readonly #message: LoggedMessage;
  #data: Uint8Array | undefined;

  /**
   * @param link the connection it came on
   * @param model the server's streams
   * @param stream the stream
   * @param consumer the consumer
   * @param delivery what was delivered
   */
  constructor(
    link: SimLink,
    model: StreamsModel,
    stream: string,
    consumer: string,
    delivery: Delivery,
  ) {
    this.#link = link;
    this.#model = model;
    this.#stream = stream;
    this.#consumer = consumer;
    this.#message = delivery.message;
    this.deliverySequence = delivery.deliverySequence;
    this.deliveryCount = delivery.deliveryCount;
    this.pending = delivery.pending;
  }

  /** See {@linkcode FeedMessage.subject}. */
  get subject(): string {
    return this.#message.subject;
  }
  /** See {@linkcode FeedMessage.data}. */
  get data(): Uint8Array {
    return this.#data ??= this.#message.data.slice();
  }
  /** See {@linkcode FeedMessage.streamSequence}. */
  get streamSequence(): number {
    return this.#message.sequence;
  }
  /** See {@linkcode FeedMessage.storedAtMs}. */
  get storedAtMs(): number {
    return this.#message.storedAtMs;
  }

  /** See {@linkcode FeedMessage.header}. */
  header(name: string): string | undefined {
    return this.#message.headers[name];
  }

  /** See {@linkcode FeedMessage.headers}. */
  get headers(): Readonly<Record<string, string>> {
    return { ...this.#message.headers };
  }

  /** See {@linkcode FeedMessage.ackHandle}. */
  get ackHandle(): AckHandle {
    return this;
  }

  /** See {@linkcode FeedMessage.ack}. */
  ack(): void {
    this.#link.send("ack", () => {
      const consumer = this.#model.consumer(this.#stream, this.#consumer);
      consumer?.acks.take(this.#lateMs(), () => void consumer.ack(this.streamSequence));
    });
  }

  /** See {@linkcode FeedMessage.ackConfirmed}. */
  ackConfirmed(timeoutMs: number): Promise<void> {
    return this.#link.call<void>("confirmed ack", timeoutMs, (_session, reply) => {
      const consumer = this.#model.consumer(this.#stream, this.#consumer);
      if (consumer === undefined) {
        return reply(() => {
          throw new PartiError("PARTI_NO_RESPONDERS", `nobody takes acks for ${this.#consumer}`, {
            value: this.#consumer,
          });
        });
      }
      consumer.acks.take(this.#lateMs(), () => {
        if (consumer.ack(this.streamSequence)) reply(() => {});
      });
    });
  }

  /** See {@linkcode FeedMessage.working}. */
  working(): void {
    this.#link.send("working", () => {
      const consumer = this.#model.consumer(this.#stream, this.#consumer);
      consumer?.acks.take(this.#lateMs(), () => consumer.working(this.streamSequence));
    });
  }

  /** By how much the server takes an ack late, in milliseconds. */
  #lateMs(): number {
    const board = FaultBoard.of(this.#link.server);
    const { ackLate, ackLateMs } = board.of(this.#link).feed;
    if (!board.strikes(this.#link, "feed.ackLate", ackLate)) return 0;
    return board.drawsOf(this.#link, "ack lateness").between(0, ackLateMs);
  }
}
