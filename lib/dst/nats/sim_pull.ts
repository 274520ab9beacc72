/**
 * The pull loop of one consumer over a simulated connection. It keeps the same account as the real one (`lib/ports/nats/pull.ts`) of what
 * was asked for and has not arrived: `lib/ports/pull_account.ts`.
 *
 * @module
 */
import { describeError } from "../../errors.ts";
import type { Timer } from "../../ports/clock.ts";
import type { Pull, PullHandler } from "../../ports/feed.ts";
import type { Subscription } from "../../ports/messaging.ts";
import { PullAccount } from "../../ports/pull_account.ts";
import { LARGE_EXPIRES_MS, PullBudget } from "../../ports/pull_budget.ts";
import { FaultBoard } from "./fault_board.ts";
import type { SimLink } from "./link.ts";
import { MAX_PAYLOAD_BYTES } from "./payload.ts";
import { type Delivery, type PullAsk, PullInbox } from "./pull_model.ts";
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

/** How much the pulls of each connection ask for. */
const budgets = new WeakMap<SimLink, PullBudget>();

function budgetOf(link: SimLink): PullBudget {
  let budget = budgets.get(link);
  if (budget === undefined) {
    budget = new PullBudget(() => MAX_PAYLOAD_BYTES);
    budgets.set(link, budget);
  }
  return budget;
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
  readonly #budget: PullBudget;
  readonly #account = new PullAccount();
  readonly #onTurn = (): void => this.#refill();
  #retry: Timer | undefined;
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
      onExpired: (token, left, leftBytes) => this.#onEnded(token, left, leftBytes, false),
      onTooLarge: (token, left, leftBytes) => this.#onEnded(token, left, leftBytes, true),
      onDeleted: () => this.#lose("deleted", "409 Consumer Deleted"),
    });
    this.#watch = new StallWatch({
      clock: link.owner.clock,
      heartbeatMs: options.heartbeatMs,
      isExpecting: () => link.connected && this.#account.outstanding > 0,
      isBeating: () => link.hears && this.#inbox.listening && this.#inbox.openRequests > 0,
      onStalled: () => this.#lose("stalled", `nothing heard for ${MISSED_HEARTBEATS} heartbeats`),
    });
    this.#budget = budgetOf(link);
    this.#budget.join();
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
    this.#watch.close();
    this.#retry?.cancel();
    for (const subscription of this.#subscriptions) subscription.close();
    this.#account.clear();
    this.#budget.leave(this.#onTurn);
    this.#link.send("pull closed", (session) => {
      this.#inbox.ignore(session, this.#link.server.nowMs);
    });
  }

  /** Asks for what is wanted, as far as it may. */
  #refill(): void {
    if (this.#closed || this.#retry !== undefined || !this.#link.connected) return;
    const pulls = this.#budget;
    const asked = this.#account.next(pulls.shareBytes);
    const isLarge = asked !== undefined && asked.bytes === undefined;
    // Whoever waits for no large message, or for none at all, keeps nobody waiting.
    if (!isLarge && (asked !== undefined || this.#account.outstanding === 0)) {
      pulls.giveBack(this.#onTurn);
    }
    if (asked === undefined || (isLarge && !pulls.takeTurn(this.#onTurn))) return;
    if (this.#account.outstanding === 0) this.#watch.onHeard();
    const token = this.#account.sent(asked, this.#link.owner.clock.monotonicMs());
    const { expiresMs, heartbeatMs } = this.#options;
    const ask: PullAsk = {
      inbox: this.#inbox,
      token,
      ...asked,
      expiresMs: isLarge ? Math.min(expiresMs, LARGE_EXPIRES_MS) : expiresMs,
      heartbeatMs,
      wouldRenew: (left, leftBytes) => this.#wouldRenew(token, left, leftBytes),
    };
    const { pullLost } = this.#faults.of(this.#link).feed;
    if (this.#faults.strikes(this.#link, "feed.pullLost", pullLost)) {
      this.#hasLost = true;
      this.#watch.look();
    } else this.#link.send("pull", (session) => this.#ask(session, ask));
  }

  /** At the server. */
  #ask(session: ServerSession, ask: PullAsk): void {
    const { model, stream, consumer } = this.#source;
    this.#listen(session);
    const found = model.consumer(stream, consumer);
    if (found !== undefined) found.pull(ask);
    else session.push("no responders", () => void this.#onNoResponders(ask.token));
  }

  /** At the server. */
  #listen(session: ServerSession): void {
    this.#inbox.listen(session, () => this.#link.server.nowMs);
  }

  #wouldRenew(token: number, left: number, leftBytes: number | undefined): boolean {
    const isAttentive = !this.#closed && this.#retry === undefined && this.#link.flows &&
      !this.#link.owner.paused;
    const { shareBytes } = this.#budget;
    return isAttentive && this.#account.wouldRenew(token, left, leftBytes, shareBytes);
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
      this.#account.arrived(delivery.sizeBytes);
      try {
        this.#handler.onMessage(
          new SimFeedMessage(this.#link, model, stream, consumer, delivery),
        );
      } catch (error) {
        this.#lose("failed", describeError(error));
      }
      this.#refill();
      if (delivery.fulfilled === undefined) continue;
      const { token, leftBytes } = delivery.fulfilled;
      if (this.#account.ended(token, 0, leftBytes)) this.#refill();
    }
    this.#lookForLost();
  }

  #onEnded(
    token: number,
    left: number,
    leftBytes: number | undefined,
    isTooLarge: boolean,
  ): void {
    if (this.#closed) return;
    this.#watch.onHeard();
    if (this.#account.ended(token, left, leftBytes, isTooLarge)) this.#refill();
    this.#lookForLost();
  }

  /** Nobody serves the consumer: it is gone, or its leader is not there yet. The server is asked which. */
  async #onNoResponders(token: number): Promise<void> {
    if (this.#closed) return;
    this.#watch.onHeard();
    if (!this.#account.ended(token)) return;
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
    this.#account.clear();
    this.#budget.giveBack(this.#onTurn);
    this.#hasLost = false;
    this.#watch.close();
  }

  #lose(reason: "deleted" | "stalled" | "failed", detail: string): void {
    if (this.#closed) return;
    this.close();
    this.#handler.onLost(reason, detail);
  }
}
