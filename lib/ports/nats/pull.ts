/**
 * The pull loop of one consumer. It asks for messages in batches, each with a reply subject of its own so that the server's
 * status can be told apart, and keeps account of what has been asked for and not arrived (`../pull_account.ts`).
 *
 * @module
 */
import { createInbox, type Msg, type Subscription } from "@nats-io/nats-core";
import { describeError, PartiError } from "../../errors.ts";
import type { Timer } from "../clock.ts";
import type { FeedMessage, Pull, PullHandler } from "../feed.ts";
import type { Subscription as PortSubscription } from "../messaging.ts";
import { PullAccount, type PullAsked } from "../pull_account.ts";
import { LARGE_EXPIRES_MS } from "../pull_budget.ts";
import { API_PREFIX } from "./api.ts";
import { systemClock } from "./clock.ts";
import { NatsFeedMessage } from "./feed_message.ts";
import type { Link } from "./link.ts";
import { fromClientError } from "./nats_errors.ts";
import { missingPermission } from "./permissions.ts";
import { type PullStatus, readStatus } from "./pull_status.ts";
import { nanosOf } from "./wire.ts";

/** How a pull behaves. */
export interface PullOptions {
  /** The server ends a request after this long and says how much of it is left, in milliseconds. */
  readonly expiresMs: number;
  /** The server gives a sign of life this often while a request is open, in milliseconds; at most half of `expiresMs`. */
  readonly heartbeatMs: number;
  /** The pause before asking again when the server is not ready, in milliseconds. */
  readonly retryMs: number;
}

/** The options unless told otherwise. */
export const DEFAULT_PULL_OPTIONS: PullOptions = {
  expiresMs: 30_000,
  heartbeatMs: 5_000,
  retryMs: 100,
};

/**
 * How a pull is to behave, as the server can do it: a sign of life more seldom than twice in a request's time it refuses.
 *
 * @param given what was asked for
 * @param defaults the rest
 * @returns the options
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for signs of life that are too seldom, or a time that is not above 0
 */
export function pullOptionsOf(
  given: Partial<PullOptions> = {},
  defaults: PullOptions = DEFAULT_PULL_OPTIONS,
): PullOptions {
  const merged = { ...defaults, ...given };
  const halfMs = merged.expiresMs / 2;
  const heartbeatMs = given.heartbeatMs ?? Math.min(defaults.heartbeatMs, halfMs);
  const isPossible = merged.expiresMs > 0 && heartbeatMs > 0 && heartbeatMs <= halfMs;
  if (isPossible && merged.retryMs >= 0) return { ...merged, heartbeatMs };
  throw new PartiError("PARTI_INVALID_CONFIG", "no server serves such pulls", {
    value: given,
    hint: "heartbeatMs must be above 0, and no more than half of expiresMs",
  });
}

/** Ticks of the watchdog without any sign of life before the pull is given up. */
const MISSED_HEARTBEATS = 2;

const encoder = new TextEncoder();

/** See {@linkcode Pull}. */
export class NatsPull implements Pull {
  readonly #link: Link;
  readonly #subject: string;
  readonly #handler: PullHandler;
  readonly #exists: () => Promise<boolean>;
  readonly #options: PullOptions;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #status: PortSubscription;
  readonly #refusals: PortSubscription;
  #watchdog: Timer;
  readonly #account = new PullAccount();
  readonly #onTurn = (): void => this.#refill();
  #retry: ReturnType<typeof setTimeout> | undefined;
  #missed = 0;
  #refused = false;
  #closed = false;

  /**
   * @param link the connection
   * @param stream the stream
   * @param consumer the consumer
   * @param handler what to tell
   * @param exists asks the server whether the consumer is there; it may throw
   * @param options how to behave
   * @throws {PartiError} `PARTI_DISCONNECTED` if the connection is closed for good
   */
  constructor(
    link: Link,
    stream: string,
    consumer: string,
    handler: PullHandler,
    exists: () => Promise<boolean>,
    options: PullOptions = DEFAULT_PULL_OPTIONS,
  ) {
    this.#link = link;
    this.#subject = `${API_PREFIX}.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    this.#handler = handler;
    this.#exists = exists;
    this.#options = options;
    this.#inbox = `${createInbox(link.inboxPrefix)}.`;
    this.#subscription = this.#subscribe();
    link.pulls.join();
    this.#status = link.onStatus((status) => {
      if (status === "closed") this.#lose("failed", "the connection was closed");
      else if (status === "disconnected") this.#void();
      else this.#refill();
    });
    this.#refusals = link.onRefused((subject) => {
      if (subject === this.#subject) this.#onRefused();
    });
    this.#watchdog = this.#watch();
  }

  /** See {@linkcode Pull.outstanding}. */
  get outstanding(): number {
    return this.#account.outstanding;
  }

  /** See {@linkcode Pull.request}. */
  request(count: number, bytes = Infinity): void {
    this.#account.want(count, bytes);
    this.#refill();
  }

  /** See {@linkcode Pull.close}. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watchdog.cancel();
    clearTimeout(this.#retry);
    this.#status.close();
    this.#refusals.close();
    this.#subscription.unsubscribe();
    this.#account.clear();
    this.#link.pulls.leave(this.#onTurn);
  }

  #watch(): Timer {
    return systemClock.setTimer(this.#options.heartbeatMs, () => {
      this.#watchdog = this.#watch();
      this.#tick();
    });
  }

  #subscribe(): Subscription {
    try {
      return this.#link.nc.subscribe(`${this.#inbox}*`, {
        callback: (error, msg) => {
          if (error) this.#lose("failed", error.message);
          else this.#onMsg(msg);
        },
      });
    } catch (error) {
      throw fromClientError(error, `pull from ${this.#subject}`);
    }
  }

  /** Asks for what is wanted, as far as it may. */
  #refill(): void {
    if (this.#closed || this.#retry !== undefined || !this.#link.connected) return;
    const { pulls } = this.#link;
    const asked = this.#account.next(pulls.shareBytes);
    const isLarge = asked !== undefined && asked.bytes === undefined;
    // Whoever waits for no large message, or for none at all, keeps nobody waiting.
    if (!isLarge && (asked !== undefined || this.#account.outstanding === 0)) {
      pulls.giveBack(this.#onTurn);
    }
    if (asked === undefined || (isLarge && !pulls.takeTurn(this.#onTurn))) return;
    if (this.#account.outstanding === 0) this.#missed = 0;
    const token = this.#account.sent(asked, performance.now());
    try {
      this.#link.nc.publish(this.#subject, this.#bodyOf(asked), {
        reply: this.#inbox + token.toString(36),
      });
    } catch (error) {
      this.#lose("failed", describeError(error));
    }
  }

  #bodyOf({ batch, bytes }: PullAsked): Uint8Array {
    const { expiresMs, heartbeatMs } = this.#options;
    const body = bytes === undefined
      ? { batch, expires: nanosOf(Math.min(expiresMs, LARGE_EXPIRES_MS)) }
      : {
        batch,
        max_bytes: bytes,
        expires: nanosOf(expiresMs),
        idle_heartbeat: nanosOf(heartbeatMs),
      };
    return encoder.encode(JSON.stringify(body));
  }

  #refillLater(pauseMs = this.#options.retryMs): void {
    if (this.#closed) return;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#refill();
    }, pauseMs);
  }

  /** Permissions change seldom: it is asked again no more often than the server gives signs of life. */
  #onRefused(): void {
    this.#void();
    this.#refillLater(this.#options.heartbeatMs);
    if (this.#refused) return;
    this.#refused = true;
    this.#handler.onPermission(missingPermission(this.#subject));
  }

  #onMsg(msg: Msg): void {
    if (this.#closed) return;
    this.#missed = 0;
    if (this.#refused) {
      this.#refused = false;
      this.#handler.onPermission(undefined);
    }
    // A delivered message keeps its own subject; only what the server says about a request comes under the inbox.
    if (msg.subject.startsWith(this.#inbox)) {
      this.#onStatus(msg.subject.slice(this.#inbox.length), readStatus(msg));
      return;
    }
    this.#account.arrived(sizeOf(msg));
    try {
      const message: FeedMessage = new NatsFeedMessage(this.#link, msg);
      this.#handler.onMessage(message);
    } catch (error) {
      // An error must not get into the client's parser, where it would end the connection's reader.
      this.#lose("failed", describeError(error));
    }
    this.#refill();
  }

  #onStatus(token: string, status: PullStatus): void {
    if (status.kind === "heartbeat") {
      if (status.delivered !== undefined) this.#handler.onDelivered?.(status.delivered);
      return;
    }
    if (status.kind === "deleted" || status.kind === "failed") {
      this.#lose(status.kind, status.text);
      return;
    }
    const { left, leftBytes, kind, most } = status;
    if (most !== undefined) this.#account.bound(most);
    // A request from before a reconnect was written off already.
    if (!this.#account.ended(Number.parseInt(token, 36), left, leftBytes, kind === "tooLarge")) {
      return;
    }
    if (kind === "ended" || kind === "tooLarge" || kind === "tooMany") this.#refill();
    else if (kind === "notReady") this.#refillLater();
    else void this.#onNoResponders();
  }

  /** Nobody serves the consumer: it is gone, or its leader is not there yet. The server is asked which. */
  async #onNoResponders(): Promise<void> {
    let there = true;
    try {
      there = await this.#exists();
    } catch {
      // Not known. Asking again will tell, or the connection's end will.
    }
    if (this.#closed) return;
    if (!there) this.#lose("deleted", "no responders");
    else this.#refillLater();
  }

  /** The requests are void, as when the connection went. */
  #void(): void {
    this.#account.clear();
    this.#link.pulls.giveBack(this.#onTurn);
    this.#missed = 0;
  }

  /**
   * Counts ticks without a sign of life rather than milliseconds: after a pause of the process the timer fires first and
   * the waiting data is read after it, which must not look like a silent server.
   */
  #tick(): void {
    const { expiresMs, heartbeatMs } = this.#options;
    this.#account.forget(performance.now() - expiresMs - 2 * heartbeatMs);
    if (!this.#link.connected || this.#account.outstanding === 0) {
      this.#missed = 0;
      return;
    }
    this.#missed++;
    if (this.#missed > MISSED_HEARTBEATS) {
      this.#lose("stalled", `nothing heard for ${MISSED_HEARTBEATS} heartbeats`);
    }
  }

  #lose(reason: "deleted" | "stalled" | "failed", detail: string): void {
    if (this.#closed) return;
    this.close();
    this.#handler.onLost(reason, detail);
  }
}

/** A message's size as the server counts it against `max_bytes`: the client says just that, though not in its type. */
function sizeOf(msg: Msg): number {
  return (msg as Msg & { size?(): number }).size?.() ?? msg.data.length;
}
