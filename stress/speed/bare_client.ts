/**
 * What a careful program does on the NATS client alone, without the library: the limits by which the library is judged.
 *
 * @module
 */
import {
  createInbox,
  headers,
  type Msg,
  type NatsConnection,
  type Subscription,
} from "@nats-io/nats-core";

const encoder = new TextEncoder();
const ACK = encoder.encode("+ACK");
/** Longer than any measuring takes. */
const EXPIRES_NANOS = 600e9;

/** What is published. */
export interface Publications {
  /** How many messages. */
  readonly count: number;
  /** How many may wait for the stream's word at once. */
  readonly window: number;
  /** The payload of each. */
  readonly data: Uint8Array;
  /** Where the n-th goes. */
  readonly subjectOf: (n: number) => string;
  /** The n-th one's message ID; without it, no headers at all. */
  readonly idOf?: (n: number) => string;
}

/**
 * Publishes with one inbox for all answers and a window. An answer is counted and, unlike the library does, not looked at: nobody can be
 * told which message was refused.
 *
 * @param nc the connection
 * @param publications what
 * @returns when as many answers as messages have come
 */
export async function barePublish(nc: NatsConnection, publications: Publications): Promise<void> {
  const { count, window, data, subjectOf, idOf } = publications;
  const inbox = `${createInbox()}.`;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let sent = 0, answered = 0;
  const send = (): void => {
    const n = sent++;
    const reply = inbox + n;
    if (idOf === undefined) {
      nc.publish(subjectOf(n), data, { reply });
      return;
    }
    const own = headers();
    own.set("Nats-Msg-Id", idOf(n));
    nc.publish(subjectOf(n), data, { reply, headers: own });
  };
  const subscription = nc.subscribe(`${inbox}*`, {
    callback: (error) => {
      if (error) reject(error);
      else if (++answered === count) resolve();
      else if (sent < count) send();
    },
  });
  while (sent < Math.min(window, count)) send();
  await promise.finally(() => subscription.unsubscribe());
}

/**
 * Publishes by a function that answers for each message, so many at a time: what most programs do, with whatever client.
 *
 * @param publish publishes the n-th
 * @param publications how many, and how many at a time
 * @returns when all are answered
 */
export async function publishInWindow(
  publish: (n: number) => Promise<unknown>,
  { count, window }: Pick<Publications, "count" | "window">,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await publish(next++);
  };
  await Promise.all(Array.from({ length: Math.min(window, count) }, lane));
}

/** A pull from a consumer. */
export interface BarePull {
  /** Ends it. */
  close(): void;
}

/**
 * Pulls: asks for messages in batches, for more when half of one is left. Nothing is retried and nobody notices when messages are lost.
 *
 * @param nc the connection
 * @param stream the stream
 * @param consumer its durable pull consumer
 * @param batch how many messages are asked for at most
 * @param onMessage told of each message; its reply is where it is acknowledged
 * @returns the running pull
 */
export function barePull(
  nc: NatsConnection,
  stream: string,
  consumer: string,
  batch: number,
  onMessage: (message: Msg) => void,
): BarePull {
  const inbox = createInbox();
  let outstanding = 0;
  const ask = (): void => {
    const request = { batch: batch - outstanding, expires: EXPIRES_NANOS };
    outstanding = batch;
    nc.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
      encoder.encode(JSON.stringify(request)),
      { reply: inbox },
    );
  };
  const subscription: Subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error) throw error;
      // What the server says about a request has no reply subject.
      if (message.reply === undefined || message.reply === "") return;
      outstanding--;
      onMessage(message);
      if (outstanding * 2 <= batch) ask();
    },
  });
  ask();
  return { close: () => subscription.unsubscribe() };
}

/**
 * Acknowledges a message and waits for nothing.
 *
 * @param nc the connection
 * @param message the message
 */
export function bareAck(nc: NatsConnection, message: Msg): void {
  nc.publish(message.reply!, ACK);
}
