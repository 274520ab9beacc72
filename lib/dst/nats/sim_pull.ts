/**
 * The pull loop of one consumer over a simulated connection. It keeps the same account as the real one (`lib/ports/nats/pull.ts`) of what
 * was asked for and has not arrived.
 *
 * @module
 */
import { describeError } from "../../errors.ts";
import type { Timer } from "../../ports/clock.ts";
import type { Pull, PullHandler } from "../../ports/feed.ts";
import type { Subscription } from "../../ports/messaging.ts";
import { FaultBoard } from "./fault_board.ts";
import type { SimLink } from "./link.ts";
import { type Delivery, PullInbox } from "./pull_model.ts";
import type { ServerSession } from "./server.ts";
import { SimFeedMessage } from "./sim_message.ts";
import { MISSED_HEARTBEATS, StallWatch } from "./stall_watch.ts";
import type { StreamsModel } from "./streams_model.ts";

/** How a pull behaves. */
export interface SimPullOptions {
  /** The server ends a request after this long and says how much of it is left, in milliseconds. */
  readonly expiresMs: number;
  /** The server gives a sign of life this often while a request is open, in milliseconds; at most half of `expiresMs`. */
  readonly heartbeatMs: number;
  /** The pause before asking again when the server is not ready, in milliseconds. */
  readonly retryMs: number;
}

/** The options unless told otherwise: those of the real adapter. */
export const DEFAULT_SIM_PULL_OPTIONS: SimPullOptions = {
  expiresMs: 30_000,
  heartbeatMs: 5_000,
  retryMs: 100,
};

/** What is pulled from. */
export interface PullSource {
  /** The server's streams. */
  readonly model: StreamsModel;
  /** The stream. */
  readonly stream: string;
  /** The consumer. */
  readonly consumer: string;
  /** Asks the server whether the consumer is there; it may throw. */
  exists(): Promise<boolean>;
}

/** See {@linkcode Pull}. */
export class SimPull implements Pull {
  readonly #link: SimLink;
  readonly #source: PullSource;
  readonly #handler: PullHandler;
  readonly #options: SimPullOptions;
  readonly #faults: FaultBoard;
  readonly #inbox: PullInbox;
  readonly #watch: StallWatch;
  readonly #subscriptions: readonly Subscription[];
  /** Batches by token. */
  readonly #requests = new Map<number, number>();
  #retry: Timer | undefined;
  #nextToken = 0;
  #wanted = 0;
  #outstanding = 0;
  /** Something was asked for that the server knows nothing of. */
  #hasLost = false;
  #closed = false;

  /**
   * @param link the connection
   * @param source what is pulled from
   * @param handler what to tell
   * @param options how to behave
   */
  constructor(
    link: SimLink,
    source: PullSource,
    handler: PullHandler,
    options: SimPullOptions = DEFAULT_SIM_PULL_OPTIONS,
  ) {
    this.#link = link;
    this.#source = source;
    this.#handler = handler;
    this.#options = options;
    this.#faults = FaultBoard.of(link.server);
    this.#inbox = new PullInbox({
      onDeliveries: (deliveries) => this.#onDeliveries(deliveries),
      onExpired: (token, left) => this.#onExpired(token, left),
      onDeleted: () => this.#lose("deleted", "409 Consumer Deleted"),
    });
    this.#watch = new StallWatch({
      clock: link.owner.clock,
      heartbeatMs: options.heartbeatMs,
      isExpecting: () => link.connected && this.#outstanding > 0,
      isBeating: () => link.hears && this.#inbox.listening && this.#inbox.openRequests > 0,
      onStalled: () => this.#lose("stalled", `nothing heard for ${MISSED_HEARTBEATS} heartbeats`),
    });
    this.#subscriptions = [
      link.onStatus((status) => {
        if (status === "closed") this.#lose("failed", "the connection was closed");
        else if (status === "disconnected") this.#void();
        else this.#resume();
      }),
      link.onHearing(() => this.#watch.look()),
    ];
  }

  /** See {@linkcode Pull.outstanding}. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** See {@linkcode Pull.request}. */
  request(count: number): void {
    this.#wanted = count;
    this.#refill();
  }

  /** See {@linkcode Pull.close}. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    this.#retry?.cancel();
    for (const subscription of this.#subscriptions) subscription.close();
    this.#requests.clear();
    this.#outstanding = 0;
    this.#link.send("pull closed", (session) => {
      this.#inbox.ignore(session, this.#link.server.nowMs);
    });
  }

  /** Asks for what is wanted. Not for one message at a time: only when half of it or less is under way. */
  #refill(): void {
    if (this.#closed || this.#retry !== undefined || !this.#link.connected) return;
    if (this.#wanted <= 0 || this.#outstanding * 2 > this.#wanted) return;
    const batch = this.#wanted - this.#outstanding;
    const token = this.#nextToken++;
    if (this.#outstanding === 0) this.#watch.onHeard();
    this.#outstanding += batch;
    this.#requests.set(token, batch);
    const { pullLost } = this.#faults.of(this.#link).feed;
    if (this.#faults.strikes(this.#link, "feed.pullLost", pullLost)) {
      this.#hasLost = true;
      this.#watch.look();
    } else this.#link.send("pull", (session) => this.#ask(session, token, batch));
  }

  /** At the server. */
  #ask(session: ServerSession, token: number, batch: number): void {
    const { model, stream, consumer } = this.#source;
    const { expiresMs, heartbeatMs } = this.#options;
    this.#listen(session);
    const found = model.consumer(stream, consumer);
    if (found === undefined) {
      session.push("no responders", () => void this.#onNoResponders(token));
      return;
    }
    const wouldRenew = (left: number): boolean => this.#wouldRenew(token, left);
    found.pull({ inbox: this.#inbox, token, batch, expiresMs, heartbeatMs, wouldRenew });
  }

  /** At the server. */
  #listen(session: ServerSession): void {
    this.#inbox.listen(session, () => this.#link.server.nowMs);
  }

  #wouldRenew(token: number, left: number): boolean {
    const isAttentive = !this.#closed && this.#retry === undefined && this.#link.flows &&
      !this.#link.owner.paused && this.#requests.has(token);
    return isAttentive && this.#outstanding === this.#wanted && left * 2 >= this.#outstanding;
  }

  #refillLater(): void {
    if (this.#closed) return;
    this.#retry ??= this.#link.owner.clock.setTimer(this.#options.retryMs, () => {
      this.#retry = undefined;
      this.#refill();
    });
  }

  #onDeliveries(deliveries: readonly Delivery[]): void {
    const { model, stream, consumer } = this.#source;
    this.#watch.onHeard();
    for (const delivery of deliveries) {
      if (this.#closed) return;
      this.#outstanding = Math.max(0, this.#outstanding - 1);
      this.#wanted = Math.max(0, this.#wanted - 1);
      if (this.#outstanding === 0) this.#requests.clear();
      try {
        this.#handler.onMessage(
          new SimFeedMessage(this.#link, model, stream, consumer, delivery),
        );
      } catch (error) {
        this.#lose("failed", describeError(error));
      }
      this.#refill();
    }
    this.#lookForLost();
  }

  #onExpired(token: number, left: number): void {
    if (this.#closed) return;
    this.#watch.onHeard();
    if (this.#takeBack(token, left)) this.#refill();
    this.#lookForLost();
  }

  /** Nobody serves the consumer: it is gone, or its leader is not there yet. The server is asked which. */
  async #onNoResponders(token: number): Promise<void> {
    if (this.#closed) return;
    this.#watch.onHeard();
    if (!this.#takeBack(token, this.#requests.get(token) ?? 0)) return;
    let there = true;
    try {
      there = await this.#source.exists();
    } catch {
      // Not known. Asking again will tell, or the connection's end will.
    }
    if (this.#closed) return;
    if (!there) this.#lose("deleted", "no responders");
    else this.#refillLater();
  }

  /** Some of a request will not come. Returns false if it was written off already, before a reconnect. */
  #takeBack(token: number, left: number): boolean {
    if (!this.#requests.delete(token)) return false;
    this.#outstanding = Math.max(0, this.#outstanding - left);
    return true;
  }

  /** What the server knows nothing of gives no sign of life. */
  #lookForLost(): void {
    if (this.#hasLost) this.#watch.look();
  }

  /** The connection is back. The server may still have requests from before: it is told that somebody listens again. */
  #resume(): void {
    if (this.#inbox.openRequests > 0) {
      this.#link.send("subscribe", (session) => this.#listen(session));
    }
    this.#refill();
  }

  /** The connection went, and the requests with it. */
  #void(): void {
    this.#requests.clear();
    this.#outstanding = 0;
    this.#hasLost = false;
    this.#watch.close();
  }

  #lose(reason: "deleted" | "stalled" | "failed", detail: string): void {
    if (this.#closed) return;
    this.close();
    this.#handler.onLost(reason, detail);
  }
}
