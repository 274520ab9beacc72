/**
 * Requests over one inbox: publications, JetStream's API, confirmed acks, probes. The client's own `request` starts a timer
 * and builds a stack trace per call; this one has a map and one timer, which is what makes 100,000 publications a second
 * possible, and it knows when the connection went under a request.
 *
 * @module
 */
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/nats-core";
import { PartiError } from "../../errors.ts";
import { fromClientError } from "./nats_errors.ts";

/** How exact timeouts are, in milliseconds: no timer per request, one sweep this often while requests are out. */
const SWEEP_MS = 10;

const NOTHING = new Uint8Array();

interface Pending {
  readonly subject: string;
  readonly deadlineMs: number;
  readonly timeoutMs: number;
  readonly resolve: (answer: Msg) => void;
  readonly reject: (error: PartiError) => void;
}

/** Sends requests and matches their answers. */
export class Requester {
  readonly #nc: NatsConnection;
  readonly #inbox: string;
  readonly #pending = new Map<string, Pending>();
  #next = 0;
  #subscribed = false;
  #sweep: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param nc the connection
   * @param inboxPrefix the first tokens of its inboxes, if not `_INBOX`
   */
  constructor(nc: NatsConnection, inboxPrefix?: string) {
    this.#nc = nc;
    this.#inbox = `${createInbox(inboxPrefix)}.`;
  }

  /** How many requests are waiting for an answer. */
  get inFlight(): number {
    return this.#pending.size;
  }

  /**
   * Sends a request. An answer with status 503 ("no responders") is turned into an error.
   *
   * @param subject where to
   * @param data the payload
   * @param timeoutMs how long to wait, in milliseconds
   * @param headers headers, if any
   * @returns the answer
   * @throws {PartiError} `PARTI_NO_RESPONDERS`, `PARTI_TIMEOUT` (the outcome is unknown), `PARTI_DISCONNECTED`, `PARTI_TOO_LARGE`,
   * `PARTI_REFUSED`
   */
  ask(subject: string, data: Uint8Array, timeoutMs: number, headers?: MsgHdrs): Promise<Msg> {
    return new Promise<Msg>((resolve, reject) => {
      try {
        this.#send(subject, data, timeoutMs, { resolve, reject }, headers);
      } catch (error) {
        reject(fromClientError(error, `request to ${subject}`));
      }
    });
  }

  /**
   * Asks which subjects nobody serves, and waits for no other answer. The server says "no responders" before it answers a ping that was
   * sent afterwards; so with the pong of `flushed` everything is known.
   *
   * @param subjects the subjects
   * @param timeoutMs how long to wait, in milliseconds
   * @param flushed sends a ping and waits for its pong; its errors are thrown
   * @returns those that nobody serves
   * @throws {PartiError} what `flushed` throws, `PARTI_TIMEOUT`, `PARTI_REFUSED`, `PARTI_TOO_LARGE`
   */
  async unserved(
    subjects: readonly string[],
    timeoutMs: number,
    flushed: () => Promise<void>,
  ): Promise<string[]> {
    const unserved: string[] = [];
    const tokens: string[] = [];
    let failure: PartiError | undefined;
    try {
      for (const subject of subjects) {
        const reject = (error: PartiError): void => {
          if (error.code === "PARTI_NO_RESPONDERS") unserved.push(subject);
          else failure ??= error;
        };
        tokens.push(this.#send(subject, NOTHING, timeoutMs, { resolve: () => {}, reject }));
      }
      await flushed();
    } catch (error) {
      throw fromClientError(error, "asking who is there");
    } finally {
      for (const token of tokens) this.#take(token);
    }
    if (failure !== undefined) throw failure;
    return unserved;
  }

  /**
   * Ends requests early.
   *
   * @param makeError the error for one that was sent to `subject`
   * @param only ends only those sent to this subject
   * @returns how many there were
   */
  failAll(makeError: (subject: string) => PartiError, only?: string): number {
    let count = 0;
    for (const [token, pending] of this.#pending) {
      if (only !== undefined && pending.subject !== only) continue;
      this.#take(token);
      pending.reject(makeError(pending.subject));
      count++;
    }
    return count;
  }

  #send(
    subject: string,
    data: Uint8Array,
    timeoutMs: number,
    whoWaits: Pick<Pending, "resolve" | "reject">,
    headers?: MsgHdrs,
  ): string {
    const token = (this.#next++).toString(36);
    this.#subscribe();
    const reply = this.#inbox + token;
    this.#nc.publish(subject, data, headers === undefined ? { reply } : { reply, headers });
    const deadlineMs = performance.now() + timeoutMs;
    this.#pending.set(token, { subject, deadlineMs, timeoutMs, ...whoWaits });
    this.#sweep ??= setTimeout(this.#onSweep, SWEEP_MS);
    return token;
  }

  #subscribe(): void {
    if (this.#subscribed) return;
    this.#nc.subscribe(`${this.#inbox}*`, {
      callback: (error, msg) => {
        if (error) this.#onSubscriptionError(error);
        else this.#onAnswer(msg);
      },
    });
    this.#subscribed = true;
  }

  #onSubscriptionError(error: Error): void {
    // The server took the inbox away, for want of permission. The next request tries anew.
    this.#subscribed = false;
    this.failAll((subject) => fromClientError(error, `request to ${subject}`));
  }

  #onAnswer(msg: Msg): void {
    const pending = this.#take(msg.subject.slice(this.#inbox.length));
    if (pending === undefined) return;
    if (msg.data.length === 0 && msg.headers?.code === 503) {
      pending.reject(
        new PartiError("PARTI_NO_RESPONDERS", `nobody answers on ${pending.subject}`, {
          value: pending.subject,
        }),
      );
    } else pending.resolve(msg);
  }

  #take(token: string): Pending | undefined {
    const pending = this.#pending.get(token);
    if (pending === undefined) return undefined;
    this.#pending.delete(token);
    if (this.#pending.size === 0) {
      clearTimeout(this.#sweep);
      this.#sweep = undefined;
    }
    return pending;
  }

  readonly #onSweep = (): void => {
    this.#sweep = undefined;
    const nowMs = performance.now();
    for (const [token, pending] of this.#pending) {
      if (pending.deadlineMs > nowMs) continue;
      this.#pending.delete(token);
      pending.reject(
        new PartiError(
          "PARTI_TIMEOUT",
          `no answer on ${pending.subject} within ${pending.timeoutMs} ms`,
          { value: pending.subject },
        ),
      );
    }
    if (this.#pending.size > 0) this.#sweep ??= setTimeout(this.#onSweep, SWEEP_MS);
  };
}
