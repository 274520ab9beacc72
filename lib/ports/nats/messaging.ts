/**
 * Core messaging on a real connection.
 *
 * @module
 */
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { PartiError } from "../../errors.ts";
import type { ConnectionStatus, Messaging, Notice, Subscription } from "../messaging.ts";
import { refuseEmpty } from "../probe.ts";
import { type Link, linkOf } from "./link.ts";
import { fromClientError } from "./nats_errors.ts";
import { Refusals } from "./permissions.ts";
import { plainBytes } from "./plain_bytes.ts";

class NatsSubscription implements Subscription {
  readonly #subscription: { unsubscribe(): void };

  constructor(subscription: { unsubscribe(): void }) {
    this.#subscription = subscription;
  }

  close(): void {
    this.#subscription.unsubscribe();
  }
}

class NatsMessaging implements Messaging {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  get connected(): boolean {
    return this.#link.connected;
  }

  publish(subject: string, data: Uint8Array): void {
    refuseEmpty(data, `publish to ${subject}`);
    if (!this.#link.connected) return;
    try {
      this.#link.nc.publish(subject, data);
    } catch (error) {
      throw fromClientError(error, `publish to ${subject}`);
    }
  }

  subscribe(
    subject: string,
    onNotice: (notice: Notice) => void,
    onError: (error: PartiError) => void = () => {},
  ): Subscription {
    const callback = (error: Error | null, msg: Msg): void => {
      // The client has ended the subscription by now, and renews it after no reconnect.
      if (error) return guarded(() => onError(refusalOf(error, subject)));
      if (msg.data.length === 0) return;
      const notice: Notice = {
        subject: msg.subject,
        data: plainBytes(msg.data),
        respond: (data) => {
          if (!this.#link.nc.isClosed()) msg.respond(data);
        },
      };
      guarded(() => onNotice(notice));
    };
    try {
      return new NatsSubscription(this.#link.nc.subscribe(subject, { callback }));
    } catch (error) {
      throw fromClientError(error, `subscribe to ${subject}`);
    }
  }

  async request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    refuseEmpty(data, `request to ${subject}`);
    return plainBytes((await this.#link.ask(subject, data, timeoutMs)).data);
  }

  unserved(subjects: readonly string[], timeoutMs: number): Promise<readonly string[]> {
    return this.#link.unserved(subjects, timeoutMs, () => this.flush(timeoutMs));
  }

  async flush(timeoutMs: number): Promise<void> {
    if (!this.#link.connected) {
      throw new PartiError("PARTI_DISCONNECTED", "not connected: nothing can be flushed");
    }
    const { promise: failed, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new PartiError("PARTI_TIMEOUT", `no pong within ${timeoutMs} ms`)),
      timeoutMs,
    );
    // The client forgets its pings when it is closed: they would be waited for until the time is up.
    const status = this.#link.onStatus((status) => {
      if (status !== "reconnected") reject(new Error(`the connection was ${status}`));
    });
    try {
      await Promise.race([this.#link.nc.flush(), failed]);
    } catch (error) {
      if (error instanceof PartiError) throw error;
      throw new PartiError("PARTI_DISCONNECTED", "the connection went while flushing", {
        cause: error,
      });
    } finally {
      clearTimeout(timer);
      status.close();
    }
  }

  onStatus(onStatus: (status: ConnectionStatus) => void): Subscription {
    return this.#link.onStatus(onStatus);
  }

  onRefused(onRefused: (error: PartiError) => void): Subscription {
    const refusals = new Refusals((error) => guarded(() => onRefused(error)));
    return this.#link.onRefused((subject) => refusals.tell(subject, performance.now()));
  }
}

/** Runs a call-back. What it throws would end the client's reader without a word here; thrown in a turn of its own it is seen. */
function guarded(run: () => void): void {
  try {
    run();
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}

function refusalOf(error: Error, subject: string): PartiError {
  const { code, message } = fromClientError(error, `subscribe to ${subject}`);
  return new PartiError(code, message, {
    cause: error,
    value: subject,
    hint: `allow this user to subscribe to ${subject}`,
  });
}

/**
 * Core messaging of a connection.
 *
 * @param nc the connection
 * @returns the port
 */
export function natsMessaging(nc: NatsConnection): Messaging {
  return new NatsMessaging(linkOf(nc));
}
