/**
 * What all adapters of one connection share: its state and its requester. One per connection, made on first use; it ends
 * with the connection.
 *
 * @module
 */
import {
  AuthorizationError,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  PermissionViolationError,
  type Status,
  UserAuthenticationExpiredError,
} from "@nats-io/nats-core";
import { PartiError } from "../../errors.ts";
import { PullBudget } from "../pull_budget.ts";
import type { ConnectionStatus, Subscription } from "../messaging.ts";
import { guarded } from "./guarded.ts";
import { missingPermission, userRefused } from "./permissions.ts";
import { Requester, type Waiter } from "./requester.ts";

/** How long a call waits for its answer unless told otherwise, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 5_000;

/** One who listens, in a set of such. An object of its own, so that one function given twice listens twice. */
class Listening<T> implements Subscription {
  readonly tell: (what: T) => void;
  readonly #all: Set<Listening<T>>;

  constructor(all: Set<Listening<T>>, tell: (what: T) => void) {
    this.tell = tell;
    this.#all = all;
    all.add(this);
  }

  close(): void {
    this.#all.delete(this);
  }
}

/** A connection with its state and its requests. */
export class Link {
  /** The connection. */
  readonly nc: NatsConnection;
  /** The first tokens of inboxes, if not `_INBOX`. */
  readonly inboxPrefix: string | undefined;
  /** How long its calls wait for their answers unless told otherwise, in milliseconds. */
  timeoutMs: number = DEFAULT_TIMEOUT_MS;
  /** How much its pulls ask for. */
  readonly pulls: PullBudget;
  readonly #requester: Requester;
  readonly #listeners = new Set<Listening<ConnectionStatus>>();
  readonly #refusalListeners = new Set<Listening<string>>();
  readonly #userListeners = new Set<Listening<string>>();
  #connected: boolean;
  /** Why the server does not let this user connect again, in its words; undefined if it has not said so. */
  #userRefusal: string | undefined;
  /** It is known to be closed for good. */
  #closed: boolean;

  /** @param nc the connection; use {@linkcode linkOf} */
  constructor(nc: NatsConnection) {
    this.nc = nc;
    this.pulls = new PullBudget(() => nc.info?.max_payload);
    this.inboxPrefix = (nc as { options?: { inboxPrefix?: string } }).options?.inboxPrefix;
    this.#requester = new Requester(nc, this.inboxPrefix);
    // Made while the client tries to connect again it hears only of how that ends.
    const { protocol } = nc as { protocol?: { readonly connected?: boolean } };
    this.#closed = nc.isClosed();
    this.#connected = !this.#closed && protocol?.connected !== false;
    if (!this.#closed) void this.#follow();
  }

  /** Whether the connection is up as far as the client knows. */
  get connected(): boolean {
    return this.#connected && !this.nc.isClosed();
  }

  /** How many requests are waiting for an answer. */
  get inFlight(): number {
    return this.#requester.inFlight;
  }

  /**
   * Calls `onStatus` when the connection goes, comes back or is closed for good; soon if it has been closed before.
   *
   * @param onStatus what to call
   * @returns the way to stop it
   */
  onStatus(onStatus: (status: ConnectionStatus) => void): Subscription {
    const listening = new Listening(this.#listeners, onStatus);
    if (this.#closed) queueMicrotask(() => this.#tellClosed(listening));
    return listening;
  }

  /**
   * Calls `onRefused` when the server refuses to pass on what was published to a subject, and no request waits for it.
   *
   * @param onRefused what to call, with the subject
   * @returns the way to stop it
   */
  onRefused(onRefused: (subject: string) => void): Subscription {
    return new Listening(this.#refusalListeners, onRefused);
  }

  /**
   * Calls `onUserRefused` at each attempt to connect again that the server refuses for want of valid credentials.
   *
   * @param onUserRefused what to call, with the server's words
   * @returns the way to stop it
   */
  onUserRefused(onUserRefused: (text: string) => void): Subscription {
    return new Listening(this.#userListeners, onUserRefused);
  }

  /**
   * Sends a request. While the connection is down it fails at once and nothing is sent; when the connection goes with
   * the request under way it fails with `PARTI_TIMEOUT`, since nobody can know whether it was carried out.
   *
   * @param subject where to
   * @param data the payload
   * @param timeoutMs how long to wait, in milliseconds
   * @param headers headers, if any
   * @returns the answer
   * @throws {PartiError} `PARTI_NO_RESPONDERS`, `PARTI_TIMEOUT`, `PARTI_DISCONNECTED`, `PARTI_TOO_LARGE`, `PARTI_REFUSED`
   */
  ask(subject: string, data: Uint8Array, timeoutMs: number, headers?: MsgHdrs): Promise<Msg> {
    if (!this.connected) return Promise.reject(this.#notConnected(subject));
    return this.#requester.ask(subject, data, timeoutMs, headers);
  }

  /**
   * Sends a request as {@linkcode ask} does, and tells without a promise what became of it; see {@linkcode Requester.send}.
   *
   * @param data the payload
   * @param waiter where to, and who is told
   * @param headers headers, if any
   */
  send(data: Uint8Array, waiter: Waiter, headers?: MsgHdrs): void {
    if (this.connected) this.#requester.send(data, waiter, headers);
    else waiter.failed(this.#notConnected(waiter.subject));
  }

  /**
   * Asks which subjects nobody serves; see {@linkcode Requester.unserved}.
   *
   * @param subjects the subjects
   * @param timeoutMs how long to wait, in milliseconds
   * @param flushed sends a ping and waits for its pong
   * @param onRefused told of what this user may not ask
   * @returns those that nobody serves
   * @throws {PartiError} `PARTI_TIMEOUT`, `PARTI_DISCONNECTED`, `PARTI_REFUSED`
   */
  unserved(
    subjects: readonly string[],
    timeoutMs: number,
    flushed: () => Promise<void>,
    onRefused?: (error: PartiError) => void,
  ): Promise<string[]> {
    if (!this.connected) return Promise.reject(this.#notConnected(subjects.join(", ")));
    return this.#requester.unserved(subjects, timeoutMs, flushed, onRefused);
  }

  async #follow(): Promise<void> {
    for await (const status of this.nc.status()) this.#onClientStatus(status);
    this.#set(false, "closed");
  }

  #onClientStatus(status: Status): void {
    if (status.type === "disconnect") this.#set(false, "disconnected");
    else if (status.type === "reconnect") this.#set(true, "reconnected");
    else if (status.type === "error" && status.error instanceof PermissionViolationError) {
      if (status.error.operation === "publish") this.#refused(status.error.subject);
    } else if (status.type === "error" && isOfUser(status.error)) {
      this.#userRefusal = status.error.message;
      for (const listener of [...this.#userListeners]) listener.tell(status.error.message);
    }
  }

  #refused(subject: string): void {
    const count = this.#requester.failAll(() => missingPermission(subject), subject);
    if (count > 0) return;
    for (const listener of [...this.#refusalListeners]) listener.tell(subject);
  }

  #tellClosed(listening: Listening<ConnectionStatus>): void {
    if (this.#listeners.delete(listening)) listening.tell("closed");
  }

  #set(connected: boolean, status: ConnectionStatus): void {
    // The client says it once more for each attempt that ended after it had begun, such as by a refusal of the user.
    if (connected === this.#connected && status !== "closed") return;
    this.#connected = connected;
    this.#closed = status === "closed";
    if (connected) this.#userRefusal = undefined;
    else {
      this.#requester.failAll((subject) =>
        new PartiError("PARTI_TIMEOUT", `the connection went before ${subject} answered`, {
          value: subject,
          hint: "the request may have been carried out: read and compare",
        })
      );
    }
    for (const listener of [...this.#listeners]) guarded(() => listener.tell(status));
    if (status !== "closed") return;
    this.#listeners.clear();
    this.#refusalListeners.clear();
    this.#userListeners.clear();
  }

  #notConnected(subject: string): PartiError {
    const refusal = this.#userRefusal;
    return new PartiError("PARTI_DISCONNECTED", `not connected: nothing was sent to ${subject}`, {
      value: subject,
      ...(refusal === undefined
        ? { hint: "try again when the connection is back" }
        : { hint: userRefused(refusal).hint!, cause: userRefused(refusal) }),
    });
  }
}

function isOfUser(error: Error): boolean {
  return error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError;
}

const links = new WeakMap<NatsConnection, Link>();

/**
 * The link of a connection, made on first use.
 *
 * @param nc the connection
 * @returns its one link
 */
export function linkOf(nc: NatsConnection): Link {
  let link = links.get(nc);
  if (link === undefined) {
    link = new Link(nc);
    links.set(nc, link);
  }
  return link;
}
