/**
 * Hints that somebody has gone, as JetStream can give them. For each subject there is a push consumer that never has anything to deliver to
 * it. The server knows at any time whether anybody subscribes there, takes such a consumer away a moment after the last one has gone, and
 * announces that. At rest this costs no message at all.
 *
 * The consumers belong to nobody: a new leader finds those of the old one, and they end with whom they are there for.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { isPartiError } from "../../errors.ts";
import type { Departures, DepartureWatch } from "../departures.ts";
import type { Subscription } from "../messaging.ts";
import { callApi } from "./api.ts";
import { streamOf } from "./kv_format.ts";
import { type Link, linkOf } from "./link.ts";
import { fromClientError } from "./nats_errors.ts";
import { nanosOf, type WireConsumerConfig, type WireConsumerInfo } from "./wire.ts";

/** Where consumers that have ended are announced. */
export const DELETED_PREFIX = "$JS.EVENT.ADVISORY.CONSUMER.DELETED";
/** The server waits this long for somebody who comes back at once. */
const GONE_AFTER_MS = 20;
/** So many consumers are made at a time; the others follow when {@linkcode DepartureWatch.expect} is called the next time. */
const MADE_AT_ONCE = 256;

class NatsDepartureWatch implements DepartureWatch {
  readonly #link: Link;
  readonly #bucket: string;
  readonly #onDeparture: (subject: string) => void;
  readonly #onError: (error: unknown) => void;
  readonly #announcements: { unsubscribe(): void };
  readonly #status: Subscription;
  /** The subject of each consumer that is there, or being made. */
  #watched = new Map<string, string>();
  #refused = false;
  #closed = false;

  constructor(
    link: Link,
    bucket: string,
    onDeparture: (subject: string) => void,
    onError: (error: unknown) => void,
  ) {
    this.#link = link;
    this.#bucket = bucket;
    this.#onDeparture = onDeparture;
    this.#onError = onError;
    const prefix = `${DELETED_PREFIX}.${streamOf(bucket)}.`;
    this.#announcements = this.#subscribe(prefix);
    // A server that was restarted has forgotten its consumers, and nobody could hear that.
    this.#status = link.onStatus((status) => {
      if (status === "reconnected") this.#watched.clear();
    });
  }

  expect(subjects: readonly string[]): void {
    if (this.#refused || this.#closed || !this.#link.connected) return;
    const watched = new Map<string, string>();
    let made = 0;
    for (const subject of subjects) {
      const name = consumerName(subject);
      if (!this.#watched.has(name)) {
        if (made++ >= MADE_AT_ONCE) continue;
        void this.#make(name, subject);
      }
      watched.set(name, subject);
    }
    this.#watched = watched;
  }

  close(): void {
    this.#closed = true;
    this.#status.close();
    this.#announcements.unsubscribe();
  }

  #subscribe(prefix: string): { unsubscribe(): void } {
    try {
      return this.#link.nc.subscribe(`${prefix}*`, {
        callback: (error, msg) => {
          if (error) this.#refuse(fromClientError(error, `subscribe to ${prefix}*`));
          else this.#ended(msg.subject.slice(prefix.length));
        },
      });
    } catch (error) {
      throw fromClientError(error, `subscribe to ${prefix}*`);
    }
  }

  #ended(name: string): void {
    const subject = this.#watched.get(name);
    if (subject === undefined || this.#closed) return;
    // Whoever is there after all gets a new one when it is expected again.
    this.#watched.delete(name);
    this.#onDeparture(subject);
  }

  /** Never rejects: what fails is made when it is expected again. */
  async #make(name: string, subject: string): Promise<void> {
    const stream = streamOf(this.#bucket);
    const body = { stream_name: stream, config: this.#config(name, subject), action: "create" };
    try {
      const path = `CONSUMER.CREATE.${stream}.${name}`;
      await callApi<WireConsumerInfo>(this.#link, path, body, `watch over ${subject}`);
    } catch (error) {
      this.#watched.delete(name);
      if (isPartiError(error, "PARTI_REFUSED")) this.#refuse(error);
    }
  }

  #refuse(error: unknown): void {
    if (this.#refused || this.#closed) return;
    this.#refused = true;
    this.#watched.clear();
    this.#onError(error);
  }

  #config(name: string, subject: string): WireConsumerConfig {
    return {
      name,
      deliver_subject: subject,
      deliver_policy: "new",
      // No key of ours: nothing is ever written there, and so nothing delivered.
      filter_subject: `$KV.${this.#bucket}.nobody`,
      ack_policy: "none",
      replay_policy: "instant",
      inactive_threshold: nanosOf(GONE_AFTER_MS),
      mem_storage: true,
      num_replicas: 1,
    };
  }
}

/** One name for one subject, so that two leaders share the consumer. */
function consumerName(subject: string): string {
  return `parti_there_${subject.slice(subject.lastIndexOf(".") + 1)}`;
}

/**
 * Hints of a connection.
 *
 * @param nc the connection
 * @returns the port
 */
export function natsDepartures(nc: NatsConnection): Departures {
  const link = linkOf(nc);
  return {
    watch: (bucket, onDeparture, onError) =>
      new NatsDepartureWatch(link, bucket, onDeparture, onError),
  };
}
