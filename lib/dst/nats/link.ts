/**
 * A client's connection to the simulated server: it connects, is cut, notices silence by its pings, and comes back by itself, as the real
 * client does with the options of `connectNats`.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { Timer } from "../../ports/clock.ts";
import type { ConnectionStatus, Subscription } from "../../ports/messaging.ts";
import { Draws } from "../draw.ts";
import type { SimProcess } from "../kernel/node.ts";
import { Calls } from "./calls.ts";
import { LinkSession } from "./link_session.ts";
import { Pipe } from "./pipe.ts";
import type { ModelServer, ServerSession, ServerWatcher } from "./server.ts";

/** How a connection behaves. */
export interface LinkOptions {
  /** How long a message is under way in one direction, in milliseconds; drawn for each. */
  readonly latencyMs: (draws: Draws) => number;
}

/** A quick network: 0.05 to 0.5 ms. */
export const QUICK: LinkOptions = { latencyMs: (draws) => draws.between(0.05, 0.5) };

const RECONNECT_MS = 250;
const RECONNECT_JITTER_MS = 100;
/** Two pings without an answer, one second apart. */
const SILENCE_MIN_MS = 2_000;
const SILENCE_MAX_MS = 3_000;
/** How long the server may take a dead connection for open when nothing told it. */
const STALE_SESSION_MAX_MS = 30_000;

/** A connection. */
export class SimLink implements ServerWatcher {
  /** The process it belongs to. */
  readonly owner: SimProcess;
  /** The server. */
  readonly server: ModelServer;
  readonly #draws: Draws;
  /** Nobody is promised to learn sooner than others that the connection has gone or is back. */
  readonly #order: Draws;
  readonly #options: LinkOptions;
  readonly #listeners = new Set<(status: ConnectionStatus) => void>();
  readonly #hearing = new Set<() => void>();
  readonly #calls: Calls;
  #up: Pipe;
  #down: Pipe;
  #session: LinkSession | undefined;
  /** One that was cut while the process stood still, which has not heard of that yet. */
  #cutUnheard: LinkSession | undefined;
  #connected = false;
  #closed = false;
  #blocked = false;
  #attemptedMs = 0;
  #listings = 0;
  #silence: Timer | undefined;
  #reconnect: Timer | undefined;

  /**
   * Connects at once: the server must be running.
   *
   * @param owner the process it belongs to
   * @param server the server
   * @param options how it behaves
   * @throws {PartiError} `PARTI_DISCONNECTED` if nobody answers
   */
  constructor(owner: SimProcess, server: ModelServer, options: LinkOptions = QUICK) {
    this.owner = owner;
    this.server = server;
    this.#options = options;
    this.#calls = new Calls(owner.clock);
    this.#draws = new Draws(server.kernel.seed, "link", owner.name);
    this.#order = new Draws(server.kernel.seed, "who is told first", owner.name);
    this.#up = this.#makePipe("up");
    this.#down = this.#makePipe("down");
    server.attach(this);
    owner.onDeath(() => this.#die());
    if (!this.#tryConnect()) {
      server.detach(this);
      throw new PartiError("PARTI_DISCONNECTED", "cannot connect to the server");
    }
  }

  /** Whether the connection is up as far as the client knows. */
  get connected(): boolean {
    return this.#connected && !this.#closed;
  }

  /** How long the connection has lived, in true virtual milliseconds; 0 while there is none. */
  get connectedForMs(): number {
    return this.connected ? this.server.nowMs - this.#attemptedMs : 0;
  }

  /** Whether it was closed for good. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The connection as the server sees it; undefined while the client has none. Changes with every reconnect. */
  get session(): ServerSession | undefined {
    return this.#session;
  }

  /** Whether what the server sends arrives. */
  get hears(): boolean {
    return this.connected && this.server.answering && !this.#down.holding;
  }

  /** Whether what the client sends arrives as well. */
  get flows(): boolean {
    return this.hears && !this.#up.holding;
  }

  /** How many calls wait for an answer, listings of a bucket included. */
  get inFlight(): number {
    return this.#calls.count + this.#listings;
  }

  /**
   * Counts what waits for several messages as a call that is in flight.
   *
   * @param listing what waits
   * @returns what comes of it
   */
  async count<T>(listing: () => Promise<T>): Promise<T> {
    this.#listings++;
    try {
      return await listing();
    } finally {
      this.#listings--;
    }
  }

  /** Calls `listener` when the connection goes, comes back or is closed for good; soon if it has been closed before. */
  onStatus(onStatus: (status: ConnectionStatus) => void): Subscription {
    const listener = (status: ConnectionStatus): void => onStatus(status);
    this.#listeners.add(listener);
    if (this.#closed) {
      queueMicrotask(() => {
        if (this.#listeners.delete(listener)) listener("closed");
      });
    }
    return { close: () => void this.#listeners.delete(listener) };
  }

  /** Calls `listener` when {@linkcode hears} may have changed while the connection lives on. */
  onHearing(onHearing: () => void): Subscription {
    const listener = (): void => onHearing();
    this.#hearing.add(listener);
    return { close: () => void this.#hearing.delete(listener) };
  }

  /**
   * Sends something and waits for nothing. Lost without a word while the connection is down.
   *
   * @param label what it is
   * @param arrive what the server does with it
   */
  send(label: string, arrive: (session: ServerSession) => void): void {
    const session = this.#session;
    if (!this.connected || session === undefined) return;
    this.#up.send(label, () => {
      if (session.open) arrive(session);
    });
  }

  /**
   * Asks the server.
   *
   * @param label what is asked
   * @param timeoutMs how long to wait, in milliseconds
   * @param answer what the server does. What it returns or throws goes back; a promise goes back when it is settled
   * @returns what the server said
   * @throws {PartiError} what the server threw; `PARTI_DISCONNECTED` if nothing was sent; `PARTI_TIMEOUT` if nobody knows whether it was
   * carried out
   */
  call<T>(
    label: string,
    timeoutMs: number,
    answer: (session: ServerSession, reply: (settle: () => T) => void) => void,
  ): Promise<T> {
    if (!this.connected) {
      return Promise.reject(new PartiError("PARTI_DISCONNECTED", `${label}: not connected`));
    }
    const { promise, settle } = this.#calls.open<T>(label, timeoutMs);
    this.send(label, (session) => {
      answer(session, (outcome) => session.push(`${label} answered`, () => settle(outcome)));
    });
    return promise;
  }

  /** Cuts the connection: both sides learn of it at once, a process that stands still when it goes on; what is under way is lost. */
  cut(): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#dropPipes();
    this.server.schedule(0, "connection reset", () => session.close());
    if (!this.owner.paused) return this.#lose();
    this.#cutUnheard = session;
    this.owner.schedule(0, "connection reset", () => {
      if (this.#session === session) this.#lose();
    });
  }

  /** Whether it was cut while the process stood still, which does not know it yet: what was due before comes first when it goes on. */
  get isCutUnheard(): boolean {
    return this.#cutUnheard !== undefined && this.#cutUnheard === this.#session;
  }

  /** Keeps back what the server sends, until {@linkcode release} or a cut. */
  hold(): void {
    this.#down.hold();
    this.#watchSilence();
  }

  /** Lets what was kept back arrive. */
  release(): void {
    this.#down.release();
    this.#watchSilence();
  }

  /**
   * Separates client and server: nothing arrives any more in the directions given, no new connection succeeds, and nobody is told.
   *
   * @param direction `both`, or the one that is blocked
   */
  block(direction: "both" | "up" | "down" = "both"): void {
    this.#blocked = true;
    if (direction !== "down") this.#up.hold();
    if (direction !== "up") this.#down.hold();
    this.#watchSilence();
  }

  /** Ends {@linkcode block}. What was kept back arrives if the connection has lived on. */
  unblock(): void {
    this.#blocked = false;
    this.#up.release();
    this.#down.release();
    this.#watchSilence();
  }

  /** Closes it for good. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const session = this.#session;
    this.#down.drop();
    if (session !== undefined) this.#endAtServer(session, "close");
    this.#session = undefined;
    this.#connected = false;
    this.#silence?.cancel();
    this.#reconnect?.cancel();
    this.server.detach(this);
    this.#calls.failAll();
    this.#tell("closed");
    this.#listeners.clear();
  }

  /** See {@linkcode ServerWatcher.serverGone}. */
  serverGone(): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#dropPipes();
    session.close();
    this.owner.schedule(this.#latency(), "connection lost", () => {
      if (this.#session === session) this.#lose();
    });
  }

  /** See {@linkcode ServerWatcher.serverSilent}. */
  serverSilent(): void {
    this.#watchSilence();
  }

  #makePipe(direction: "up" | "down"): Pipe {
    return new Pipe({
      nowMs: () => this.server.kernel.nowMs,
      schedule: (delayMs, label, arrive) =>
        direction === "up"
          ? this.server.schedule(delayMs, label, arrive)
          : this.owner.schedule(delayMs, label, arrive),
      latencyMs: () => this.#latency(),
    });
  }

  #latency(): number {
    return this.#options.latencyMs(this.#draws);
  }

  #tryConnect(): boolean {
    this.#attemptedMs = this.server.nowMs;
    if (!this.server.answering || this.#blocked) return false;
    this.#up = this.#makePipe("up");
    this.#down = this.#makePipe("down");
    this.#session = new LinkSession(this.server.nextSessionId(), this.#down);
    this.#connected = true;
    return true;
  }

  /** The client has lost its connection. */
  #lose(): void {
    this.#session = undefined;
    this.#silence?.cancel();
    this.#silence = undefined;
    if (!this.#connected) return;
    this.#connected = false;
    this.#tell("disconnected");
    this.#calls.failAll();
    this.#reconnectLater();
  }

  #reconnectLater(): void {
    if (this.#closed) return;
    // The real client counts from its last attempt: one whose connection has lived for a while comes back at once.
    const dueMs = this.#attemptedMs + RECONNECT_MS + this.#draws.between(0, RECONNECT_JITTER_MS);
    const delayMs = Math.max(0, dueMs - this.server.nowMs) + 2 * this.#latency();
    this.#reconnect = this.owner.schedule(delayMs, "reconnect", () => {
      if (this.#tryConnect()) this.#tell("reconnected");
      else this.#reconnectLater();
    });
  }

  /** While nothing can be heard the client's pings go unanswered, and it gives the connection up. */
  #watchSilence(): void {
    for (const listener of [...this.#hearing]) listener();
    const isSilent = this.#up.holding || this.#down.holding || !this.server.answering;
    if (!isSilent || !this.connected) {
      this.#silence?.cancel();
      this.#silence = undefined;
      return;
    }
    const afterMs = this.#draws.between(SILENCE_MIN_MS, SILENCE_MAX_MS);
    this.#silence ??= this.owner.schedule(afterMs, "pings unanswered", () => {
      this.#silence = undefined;
      this.#giveUp();
    });
  }

  /** The client closes a connection on which it hears nothing. Whether the server learns of it is another matter. */
  #giveUp(): void {
    const session = this.#session;
    if (session === undefined) return;
    // A server that stood still finds in its socket what was sent to it, and carries it out although nobody waits any more.
    this.#down.drop();
    this.#endAtServer(session, "given up");
    this.#lose();
  }

  /** What was sent before arrives before. Where nothing arrives the server finds out by itself, some time. */
  #endAtServer(session: LinkSession, label: string): void {
    this.#up.send(label, () => session.close());
    if (!this.#up.holding) return;
    const staleMs = this.#draws.between(0, STALE_SESSION_MAX_MS);
    this.server.schedule(staleMs, "stale connection", () => session.close());
  }

  #dropPipes(): void {
    this.#up.drop();
    this.#down.drop();
  }

  #tell(status: ConnectionStatus): void {
    for (const listener of this.#order.shuffle([...this.#listeners])) listener(status);
  }

  /** The process was killed: its kernel closes the socket once what is in it was sent. */
  #die(): void {
    const session = this.#session;
    this.#down.drop();
    if (session !== undefined) this.#endAtServer(session, "socket closed");
    this.#session = undefined;
    this.#connected = false;
    this.#closed = true;
    this.server.detach(this);
    this.#listeners.clear();
  }
}
