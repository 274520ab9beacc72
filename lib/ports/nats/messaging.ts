/**
 * Core messaging on a real connection.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { PartiError } from "../../errors.ts";
import type { ConnectionStatus, Messaging, Notice, Subscription } from "../messaging.ts";
import { refuseEmpty } from "../probe.ts";
import { refuseLong } from "../subject_length.ts";
import { guarded } from "./guarded.ts";
import { type Link, linkOf } from "./link.ts";
import { fromClientError } from "./nats_errors.ts";
import { Refusals } from "./permissions.ts";
import { plainBytes } from "./plain_bytes.ts";
import { shareSubscription } from "./shared_subscription.ts";

class NatsMessaging implements Messaging {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  get connected(): boolean {
    return this.#link.connected;
  }

  get maxPayloadBytes(): number {
    return this.#link.nc.info?.max_payload ?? Infinity;
  }

  publish(subject: string, data: Uint8Array): void {
    refuseLong(subject, "publish to");
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
    return shareSubscription(this.#link, subject, onNotice, onError);
  }

  async request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    refuseEmpty(data, `request to ${subject}`);
    return plainBytes((await this.#link.ask(subject, data, timeoutMs)).data);
  }

  unserved(
    subjects: readonly string[],
    timeoutMs: number,
    onRefused?: (error: PartiError) => void,
  ): Promise<readonly string[]> {
    return this.#link.unserved(subjects, timeoutMs, () => this.flush(timeoutMs), onRefused);
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
    const listening = [
      this.#link.onRefused((subject) => refusals.tell(subject, performance.now())),
      this.#link.onUserRefused((text) => refusals.tellUser(text, performance.now())),
    ];
    return { close: () => listening.forEach((each) => each.close()) };
  }
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
