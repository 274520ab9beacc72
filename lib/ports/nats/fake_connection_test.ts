/**
 * For tests: a connection on which the test plays the server.
 *
 * @module
 */
import {
  headers,
  type Msg,
  type NatsConnection,
  type PublishOptions,
  type Status,
  type Subscription,
  type SubscriptionOptions,
} from "@nats-io/nats-core";

/** What was published. */
export interface Published {
  /** The subject. */
  readonly subject: string;
  /** The payload as text. */
  readonly text: string;
  /** Where an answer is expected. */
  readonly reply: string;
  /** The headers. */
  readonly headers: PublishOptions["headers"];
}

/** A connection without a server. */
export class FakeConnection {
  /** All that was published. */
  readonly published: Published[] = [];
  /** The open subscriptions. */
  readonly subscriptions = new Set<{ subject: string; opts: SubscriptionOptions }>();
  #closed = false;
  #statuses: Status[] = [];
  #wake: (() => void) | undefined;

  /** It, as the client's type. */
  get nc(): NatsConnection {
    return this as unknown as NatsConnection;
  }

  /** See the client. */
  isClosed(): boolean {
    return this.#closed;
  }

  /** See the client. */
  publish(subject: string, data: Uint8Array, options: PublishOptions = {}): void {
    this.published.push({
      subject,
      text: new TextDecoder().decode(data),
      reply: options.reply ?? "",
      headers: options.headers,
    });
  }

  /** See the client. */
  subscribe(subject: string, opts: SubscriptionOptions): Subscription {
    const entry = { subject, opts };
    this.subscriptions.add(entry);
    return { unsubscribe: () => this.subscriptions.delete(entry) } as unknown as Subscription;
  }

  /** See the client. */
  async *status(): AsyncGenerator<Status> {
    for (;;) {
      const next = this.#statuses.shift();
      if (next !== undefined) yield next;
      else if (this.#closed) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Tells the client's listeners something, and waits until they have heard it. */
  async tell(status: Status): Promise<void> {
    this.#statuses.push(status);
    this.#wake?.();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  /** Closes it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  /** Delivers a message to whoever listens on `to`; its own subject may be another, as for deliveries. */
  deliver(to: string, message: Partial<Msg>): void {
    for (const { subject, opts } of this.subscriptions) {
      const matches = subject.endsWith("*") ? to.startsWith(subject.slice(0, -1)) : subject === to;
      if (matches) {
        void opts.callback?.(null, { subject: to, data: new Uint8Array(0), ...message } as Msg);
      }
    }
  }

  /** Delivers a status. */
  deliverStatus(
    to: string,
    code: number,
    description: string,
    left?: number,
    leftBytes?: number,
  ): void {
    const status = headers(code, description);
    if (left !== undefined) status.set("Nats-Pending-Messages", String(left));
    if (leftBytes !== undefined) status.set("Nats-Pending-Bytes", String(leftBytes));
    this.deliver(to, { headers: status });
  }
}
