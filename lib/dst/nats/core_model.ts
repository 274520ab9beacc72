/**
 * Core messaging as the server does it: who listens to what, and who gets a message. Nothing is stored and nothing survives the server's
 * process or the subscriber's connection.
 *
 * @module
 */
import type { ModelServer, ServerPart, ServerSession } from "./server.ts";
import { isPattern, type SubjectMatcher, subjectMatcher } from "./subject_match.ts";

/** A message that is handed to a subscriber. */
export interface CoreMessage {
  /** The subject it was sent to. */
  readonly subject: string;
  /** The payload. Whoever takes it out of the model makes a copy. */
  readonly data: Uint8Array;
  /** Takes the answer of whoever serves the subject, at the server; undefined where none was asked for. */
  readonly answer: ((data: Uint8Array) => void) | undefined;
}

/** What a subscription is made from. */
export interface CoreSubscription {
  /** The client's number for it, unique among those of its connection. */
  readonly id: number;
  /** The subject or pattern. */
  readonly subject: string;
  /** Called at the client for each message that arrives. */
  deliver(message: CoreMessage): void;
  /** Asked at the server for each message whether it gets lost on the way. */
  isLost(): boolean;
}

interface Subscriber extends CoreSubscription {
  readonly session: ServerSession;
  readonly matches: SubjectMatcher;
}

const models = new WeakMap<ModelServer, CoreModel>();

/** The subscriptions of all connections. */
export class CoreModel implements ServerPart {
  readonly #sessions = new Map<ServerSession, Map<number, Subscriber>>();
  /** By subject: a message looks here once, however many subjects there are. */
  readonly #exact = new Map<string, Set<Subscriber>>();
  readonly #wild = new Set<Subscriber>();

  readonly #server: ModelServer;

  private constructor(server: ModelServer) {
    this.#server = server;
  }

  /**
   * The one model of a server, made on first use.
   *
   * @param server the server
   * @returns its model
   */
  static of(server: ModelServer): CoreModel {
    let model = models.get(server);
    if (model === undefined) {
      model = new CoreModel(server);
      server.add(model);
      models.set(server, model);
    }
    return model;
  }

  /** How many subscriptions there are. */
  get subscriptionCount(): number {
    let count = 0;
    for (const subscribers of this.#sessions.values()) count += subscribers.size;
    return count;
  }

  /**
   * Adds a subscription; it ends with its connection.
   *
   * @param session the connection
   * @param subscription what is wanted
   */
  subscribe(session: ServerSession, subscription: CoreSubscription): void {
    const { id, subject } = subscription;
    const subscriber: Subscriber = {
      id,
      subject,
      session,
      matches: subjectMatcher(subject),
      deliver: (message) => subscription.deliver(message),
      isLost: () => subscription.isLost(),
    };
    this.#subscribersOf(session).set(id, subscriber);
    if (isPattern(subject)) {
      this.#wild.add(subscriber);
      return;
    }
    const same = this.#exact.get(subject);
    if (same === undefined) this.#exact.set(subject, new Set([subscriber]));
    else same.add(subscriber);
  }

  /**
   * Ends a subscription; harmless if it is not there.
   *
   * @param session the connection
   * @param id the client's number for it
   */
  unsubscribe(session: ServerSession, id: number): void {
    const subscribers = this.#sessions.get(session);
    const subscriber = subscribers?.get(id);
    if (subscriber === undefined) return;
    subscribers?.delete(id);
    this.#forget(subscriber);
  }

  /**
   * Hands a message to everybody who listens.
   *
   * @param subject where to
   * @param data the payload
   * @param answer takes the answers, at the server; a publication that is no request has none
   * @returns how many it was meant for: 0 is what a request calls "no responders"
   */
  publish(subject: string, data: Uint8Array, answer?: (data: Uint8Array) => void): number {
    if (data.length > 0) this.#server.noteWritten(subject, data);
    const exact = this.#exact.get(subject);
    if (exact === undefined && this.#wild.size === 0) return 0;
    const message: CoreMessage = { subject, data, answer };
    let count = 0;
    for (const subscriber of exact ?? []) count += hand(subscriber, message);
    if (this.#wild.size === 0) return count;
    for (const subscriber of this.#wild) {
      if (subscriber.matches(subject)) count += hand(subscriber, message);
    }
    return count;
  }

  /** See {@linkcode ServerPart.crashed}. */
  crashed(): void {
    this.#sessions.clear();
    this.#exact.clear();
    this.#wild.clear();
  }

  /** See {@linkcode ServerPart.started}. Clients renew their subscriptions when they come back. */
  started(): void {}

  #subscribersOf(session: ServerSession): Map<number, Subscriber> {
    let subscribers = this.#sessions.get(session);
    if (subscribers === undefined) {
      subscribers = new Map();
      this.#sessions.set(session, subscribers);
      session.onClose(() => {
        for (const subscriber of this.#sessions.get(session)?.values() ?? []) {
          this.#forget(subscriber);
        }
        this.#sessions.delete(session);
      });
    }
    return subscribers;
  }

  #forget(subscriber: Subscriber): void {
    this.#wild.delete(subscriber);
    const same = this.#exact.get(subscriber.subject);
    if (same?.delete(subscriber) && same.size === 0) this.#exact.delete(subscriber.subject);
  }
}

/**
 * The server takes a subscriber it has sent something to for served, whatever becomes of it. A client tells nobody of an empty message, so
 * none is sent: of a group at rest these would be nearly half of all events.
 */
function hand(subscriber: Subscriber, message: CoreMessage): 1 {
  if (message.data.length > 0 && !subscriber.isLost()) {
    subscriber.session.push("notice", () => subscriber.deliver(message));
  }
  return 1;
}
