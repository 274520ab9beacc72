/**
 * Requests over one inbox with a table of who waits, on the NATS client alone. The client's own `request` sets a timer and builds a stack
 * trace for each call, which a careful program does not need.
 *
 * @module
 */
import {
  createInbox,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Subscription,
} from "@nats-io/nats-core";

const encoder = new TextEncoder();
const NOTHING = new Uint8Array();
const NO_RESPONDERS = 503;

interface Waiting {
  resolve(answer: Msg): void;
  reject(error: Error): void;
}

/** Sends requests, and hands each answer to whoever waits for it. Nobody is told of an answer that does not come. */
export class BareRequests implements Disposable {
  readonly #nc: NatsConnection;
  readonly #inbox = `${createInbox()}.`;
  readonly #waiting = new Map<number, Waiting>();
  readonly #subscription: Subscription;
  #sent = 0;

  /** @param nc the connection */
  constructor(nc: NatsConnection) {
    this.#nc = nc;
    this.#subscription = nc.subscribe(`${this.#inbox}*`, {
      callback: (error, answer) => {
        if (error) throw error;
        const number = Number(answer.subject.slice(this.#inbox.length));
        const waiting = this.#waiting.get(number);
        this.#waiting.delete(number);
        if (answer.headers?.code === NO_RESPONDERS) waiting?.reject(new Error("nobody answers"));
        else waiting?.resolve(answer);
      },
    });
  }

  /**
   * Asks.
   *
   * @param subject where
   * @param data the payload
   * @param headers headers, if any
   * @returns the answer
   */
  ask(subject: string, data: Uint8Array = NOTHING, headers?: MsgHdrs): Promise<Msg> {
    const number = this.#sent++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      const reply = this.#inbox + number;
      this.#nc.publish(subject, data, headers === undefined ? { reply } : { reply, headers });
    });
  }

  /**
   * Stores a message in a stream.
   *
   * @param subject where
   * @param data the payload
   * @param headers headers, if any
   * @returns its place in the stream
   * @throws {Error} what the stream says against it
   */
  async store(subject: string, data: Uint8Array, headers?: MsgHdrs): Promise<number> {
    return told<{ seq: number }>(await this.ask(subject, data, headers)).seq;
  }

  /**
   * Asks JetStream's API.
   *
   * @param what the end of the subject, such as `CONSUMER.DELETE.feed.bare`
   * @param body what goes with it
   * @throws {Error} what the server says against it
   */
  async api(what: string, body?: unknown): Promise<void> {
    const data = body === undefined ? NOTHING : encoder.encode(JSON.stringify(body));
    told(await this.ask(`$JS.API.${what}`, data));
  }

  /** Hears nothing any more. */
  [Symbol.dispose](): void {
    this.#subscription.unsubscribe();
  }
}

function told<T>(answer: Msg): T {
  const { error, ...rest } = answer.json<{ error?: { description: string } }>();
  if (error !== undefined) throw new Error(error.description);
  return rest as T;
}
