/**
 * One of the client's subscriptions for all who listen to the same subject over one connection. What is said to a whole group would else
 * be sent to a process with many workers once for each of them.
 *
 * @module
 */
import type { Msg } from "@nats-io/nats-core";
import { PartiError } from "../../errors.ts";
import type { Notice, Subscription } from "../messaging.ts";
import { refuseLong } from "../subject_length.ts";
import { guarded } from "./guarded.ts";
import type { Link } from "./link.ts";
import { fromClientError } from "./nats_errors.ts";
import { plainBytes } from "./plain_bytes.ts";

/** The subscriptions of each connection, by subject. */
const subscriptions = new WeakMap<Link, Map<string, SharedSubscription>>();

/**
 * Listens to a subject together with all others who do.
 *
 * @param link the connection
 * @param subject the subject; wildcards allowed
 * @param onNotice told of each message that is no probe
 * @param onError told if the server does not let this user subscribe
 * @returns the part in it; the subscription ends with the last one who closes theirs
 * @throws {PartiError} `PARTI_DISCONNECTED` if the connection is closed, `PARTI_REFUSED` for what is no subject
 */
export function shareSubscription(
  link: Link,
  subject: string,
  onNotice: (notice: Notice) => void,
  onError: (error: PartiError) => void,
): Subscription {
  const all = subscriptions.get(link) ?? new Map<string, SharedSubscription>();
  subscriptions.set(link, all);
  // Over a closed connection the client says so.
  const found = link.nc.isClosed() ? undefined : all.get(subject);
  const shared = found ?? new SharedSubscription(link, subject, all);
  return shared.join(onNotice, onError);
}

/** One who listens. */
class Listener implements Subscription {
  readonly #shared: SharedSubscription;
  readonly onNotice: (notice: Notice) => void;
  readonly onError: (error: PartiError) => void;
  open = true;

  constructor(
    shared: SharedSubscription,
    onNotice: (notice: Notice) => void,
    onError: (error: PartiError) => void,
  ) {
    this.#shared = shared;
    this.onNotice = onNotice;
    this.onError = onError;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.#shared.leave(this);
  }
}

/** A subscription of the client's, and all who share it. */
class SharedSubscription {
  readonly #link: Link;
  readonly #subject: string;
  readonly #all: Map<string, SharedSubscription>;
  readonly #subscription: { unsubscribe(): void };
  /** Never changed but replaced: who is being told may close, or others may join. Most have one only, so that a set would cost more. */
  #listeners: readonly Listener[] = [];

  constructor(link: Link, subject: string, all: Map<string, SharedSubscription>) {
    this.#link = link;
    this.#subject = subject;
    this.#all = all;
    refuseLong(subject, "subscribe to");
    try {
      this.#subscription = link.nc.subscribe(subject, {
        callback: (error, msg) => error ? this.#end(error) : this.#take(msg),
      });
    } catch (error) {
      throw fromClientError(error, `subscribe to ${subject}`);
    }
    all.set(subject, this);
  }

  join(onNotice: (notice: Notice) => void, onError: (error: PartiError) => void): Subscription {
    const listener = new Listener(this, onNotice, onError);
    this.#listeners = [...this.#listeners, listener];
    return listener;
  }

  leave(listener: Listener): void {
    this.#listeners = this.#listeners.filter((each) => each !== listener);
    if (this.#listeners.length > 0) return;
    this.#forget();
    this.#subscription.unsubscribe();
  }

  #take(msg: Msg): void {
    if (msg.data.length === 0) return;
    const notice: Notice = {
      subject: msg.subject,
      data: plainBytes(msg.data),
      respond: (data) => {
        try {
          if (!this.#link.nc.isClosed()) msg.respond(data);
        } catch (error) {
          throw fromClientError(error, `answer to ${msg.subject}`);
        }
      },
    };
    this.#tell(({ onNotice }) => onNotice(notice));
  }

  /** The client has ended it by now, and renews it after no reconnect: whoever comes next begins anew. */
  #end(error: Error): void {
    this.#forget();
    const refusal = refusalOf(error, this.#subject);
    this.#tell(({ onError }) => onError(refusal));
  }

  #tell(tell: (listener: Listener) => void): void {
    for (const listener of this.#listeners) {
      if (listener.open) guarded(() => tell(listener));
    }
  }

  #forget(): void {
    if (this.#all.get(this.#subject) === this) this.#all.delete(this.#subject);
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
