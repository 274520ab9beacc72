/**
 * Pull requests as the server keeps them: who waits for how many messages, in which order they are served, and what becomes of those that
 * nobody listens for any more. Heartbeats are not sent: as long as a request is open and the connection carries, each pull would hear one in
 * time, so a client needs to be told only where it would not (see `sim_pull.ts`).
 *
 * @module
 */
import type { Timer } from "../../ports/clock.ts";
import type { LoggedMessage } from "./message_log.ts";
import type { ServerSession } from "./server.ts";

/** A message on its way to a puller. */
export interface Delivery {
  /** The message. */
  readonly message: LoggedMessage;
  /** Its place among the consumer's deliveries. */
  readonly deliverySequence: number;
  /** How often the consumer has delivered it. */
  readonly deliveryCount: number;
  /** Messages waiting behind it. */
  readonly pending: number;
  /** What it counts against the bytes of a request. */
  readonly sizeBytes: number;
  /** It has fulfilled a request, and the server says so with the next breath, as long as there are bytes left of it. */
  readonly fulfilled: { readonly token: number; readonly leftBytes: number } | undefined;
}

/** An event fires at its instant but for rounding. */
const ROUNDING_MS = 1e-6;

/** What a puller is told. Called at the client. */
export interface PullListener {
  /** Messages arrived. */
  onDeliveries(deliveries: readonly Delivery[]): void;
  /** A request is over, and so many of its messages will not come. */
  onExpired(token: number, left: number, leftBytes: number | undefined): void;
  /** A request is over, since the next message does not fit into what is left of its bytes. */
  onTooLarge(token: number, left: number, leftBytes: number): void;
  /** The consumer is gone. */
  onDeleted(): void;
}

/** A puller's address. It outlives connections: what was asked for before a reconnect is delivered after it, if it is still open. */
export class PullInbox {
  readonly #listener: PullListener;
  readonly #sessions = new Set<ServerSession>();
  readonly #requests = new Set<PullRequest>();
  #silentSinceMs = 0;

  /** @param listener who is told */
  constructor(listener: PullListener) {
    this.#listener = listener;
  }

  /** Whether anybody listens, as far as the server knows. */
  get listening(): boolean {
    return this.#sessions.size > 0;
  }

  /** How many requests for it are open. */
  get openRequests(): number {
    return this.#requests.size;
  }

  /**
   * From now on a connection listens.
   *
   * @param session the connection
   * @param nowMs the server's time, in milliseconds
   */
  listen(session: ServerSession, nowMs: () => number): void {
    if (this.#sessions.has(session) || !session.open) return;
    if (!this.listening) {
      for (const request of [...this.#requests]) request.survive(this.#silentSinceMs, nowMs());
    }
    this.#sessions.add(session);
    session.onClose(() => this.ignore(session, nowMs()));
  }

  /**
   * A connection listens no more.
   *
   * @param session the connection
   * @param nowMs the server's time, in milliseconds
   */
  ignore(session: ServerSession, nowMs: number): void {
    if (this.#sessions.delete(session) && !this.listening) this.#silentSinceMs = nowMs;
  }

  /** Notes an open request. */
  add(request: PullRequest): void {
    this.#requests.add(request);
  }

  /** Forgets a request that is over. */
  remove(request: PullRequest): void {
    this.#requests.delete(request);
  }

  /** Sends messages. */
  deliver(deliveries: readonly Delivery[]): void {
    this.#push("delivery", () => this.#listener.onDeliveries(deliveries));
  }

  /** Says that a request is over. */
  expired(token: number, left: number, leftBytes?: number): void {
    this.#push("pull expired", () => this.#listener.onExpired(token, left, leftBytes));
  }

  /** Says that a request is over, since the next message does not fit. */
  tooLarge(token: number, left: number, leftBytes: number): void {
    this.#push("message too large", () => this.#listener.onTooLarge(token, left, leftBytes));
  }

  /** Says that the consumer is gone. */
  deleted(): void {
    this.#push("consumer deleted", () => this.#listener.onDeleted());
  }

  #push(label: string, arrive: () => void): void {
    for (const session of this.#sessions) session.push(label, arrive);
  }
}

/** What is asked for. */
export interface PullAsk {
  /** Where the messages go. */
  readonly inbox: PullInbox;
  /** The puller's number for it. */
  readonly token: number;
  /** How many messages. */
  readonly batch: number;
  /** How many bytes at most; undefined for any number. */
  readonly bytes: number | undefined;
  /** It is over after this long, in milliseconds. */
  readonly expiresMs: number;
  /** How often a sign of life is wanted, in milliseconds. */
  readonly heartbeatMs: number;
  /**
   * Whether the puller, told now that the request is over with so much of it left, would ask for the same at once. Nobody can tell
   * then whether it ended or went on, and the three events are saved.
   */
  wouldRenew(left: number, leftBytes: number | undefined): boolean;
}

/** An open request. */
export class PullRequest {
  /** What was asked for. */
  readonly ask: PullAsk;
  /** How many messages of it are to come. */
  left: number;
  /** How many bytes of it are to come at most; undefined for any number. */
  leftBytes: number | undefined;
  /** When it is over, in milliseconds. */
  expiresAtMs: number;
  /** When the server last sent something for it; heartbeats are counted from here. */
  beatFromMs: number;
  /** It is not valid any more and only waits for being swept away. */
  isVoid = false;

  /**
   * @param ask what is asked for
   * @param nowMs the server's time, in milliseconds
   */
  constructor(ask: PullAsk, nowMs: number) {
    this.ask = ask;
    this.left = ask.batch;
    this.leftBytes = ask.bytes;
    this.expiresAtMs = nowMs + ask.expiresMs;
    this.beatFromMs = nowMs;
  }

  /**
   * Its puller listens again. A heartbeat that fell due meanwhile has shown the server that nobody did.
   *
   * @param fromMs since when nobody listened, in milliseconds
   * @param toMs until when, in milliseconds
   */
  survive(fromMs: number, toMs: number): void {
    const beats = (atMs: number): number =>
      Math.floor((atMs - this.beatFromMs) / this.ask.heartbeatMs);
    if (beats(toMs) > beats(fromMs) || toMs >= this.expiresAtMs) this.isVoid = true;
  }
}

/** What the queue needs of its consumer. */
export interface PullQueueHost {
  /** The server's time, in milliseconds. */
  nowMs(): number;
  /** Schedules something at the server. */
  schedule(delayMs: number, label: string, fire: () => void): Timer;
}

/** The open requests of a consumer, served in turn. */
export class PullQueue {
  readonly #host: PullQueueHost;
  readonly #requests: PullRequest[] = [];
  #expiry: Timer | undefined;
  #lastAskedMs = -Infinity;

  /** @param host the consumer */
  constructor(host: PullQueueHost) {
    this.#host = host;
  }

  /** When somebody last asked for messages, in milliseconds; long ago if nobody ever did. */
  get lastAskedMs(): number {
    return this.#lastAskedMs;
  }

  /** How many requests are open. */
  get size(): number {
    return this.#requests.length;
  }

  /** Takes a request. */
  add(ask: PullAsk): void {
    const request = new PullRequest(ask, this.#host.nowMs());
    this.#lastAskedMs = this.#host.nowMs();
    this.#requests.push(request);
    ask.inbox.add(request);
    this.#expiry ??= this.#host.schedule(ask.expiresMs, "pull expires", () => this.#expire());
  }

  /** Whether somebody waits. Those nobody listens for are swept away. */
  hasLive(): boolean {
    while (this.#requests.length > 0 && !isLive(this.#requests[0]!)) this.#drop(0);
    return this.#requests.length > 0;
  }

  /** Whether a message fits into the request whose turn it is. Ask {@linkcode hasLive} before. */
  fits(sizeBytes: number): boolean {
    return sizeBytes <= (this.#requests[0]?.leftBytes ?? Infinity);
  }

  /**
   * Takes one message's worth from the request whose turn it is. Those into which it does not fit are over.
   *
   * @param sizeBytes the message's size
   * @returns the request; undefined if nobody waits for such a message
   */
  take(sizeBytes: number): PullRequest | undefined {
    while (this.hasLive()) {
      const request = this.#requests[0]!;
      if (request.leftBytes === undefined || sizeBytes <= request.leftBytes) {
        return this.#takeFrom(request, sizeBytes);
      }
      this.#drop(0);
      request.ask.inbox.tooLarge(request.ask.token, request.left, request.leftBytes);
    }
    return undefined;
  }

  /** Sweeps away all requests that nobody listens for. */
  sweep(): void {
    for (let i = this.#requests.length - 1; i >= 0; i--) {
      if (!isLive(this.#requests[i]!)) this.#drop(i);
    }
  }

  /** The consumer is gone: everybody who waits is told, once per request as the server does. */
  end(): void {
    this.#expiry?.cancel();
    for (const request of this.#requests.splice(0)) {
      request.ask.inbox.remove(request);
      if (!request.isVoid) request.ask.inbox.deleted();
    }
  }

  /** The server is gone: nobody is told. */
  forget(): void {
    for (const request of this.#requests.splice(0)) request.ask.inbox.remove(request);
  }

  #takeFrom(request: PullRequest, sizeBytes: number): PullRequest {
    request.left--;
    if (request.leftBytes !== undefined) request.leftBytes -= sizeBytes;
    // The server ends a request whose last byte is used up, however many messages it is for, and says nothing.
    if (request.leftBytes === 0) request.left = 0;
    request.beatFromMs = this.#host.nowMs();
    if (request.left <= 0) this.#drop(0);
    else if (this.#requests.length > 1) this.#requests.push(this.#requests.shift()!);
    return request;
  }

  #drop(index: number): void {
    const [request] = this.#requests.splice(index, 1);
    if (request !== undefined) request.ask.inbox.remove(request);
  }

  #expire(): void {
    this.#expiry = undefined;
    const nowMs = this.#host.nowMs();
    let nextMs = Infinity;
    for (const request of [...this.#requests]) {
      if (request.expiresAtMs <= nowMs + ROUNDING_MS) this.#onExpiry(request, nowMs);
    }
    for (const request of this.#requests) nextMs = Math.min(nextMs, request.expiresAtMs);
    if (nextMs === Infinity) return;
    this.#expiry = this.#host.schedule(nextMs - nowMs, "pull expires", () => this.#expire());
  }

  #onExpiry(request: PullRequest, nowMs: number): void {
    const { inbox, token, expiresMs } = request.ask;
    if (isLive(request) && request.ask.wouldRenew(request.left, request.leftBytes)) {
      request.expiresAtMs = nowMs + expiresMs;
      request.beatFromMs = nowMs;
      this.#lastAskedMs = nowMs;
      return;
    }
    this.#drop(this.#requests.indexOf(request));
    if (isLive(request)) inbox.expired(token, request.left, request.leftBytes);
  }
}

function isLive(request: PullRequest): boolean {
  return !request.isVoid && request.ask.inbox.listening;
}
