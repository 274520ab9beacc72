/**
 * Requests over one inbox: publications, JetStream's API, confirmed acks, probes. The client's own `request` starts a timer
 * and builds a stack trace per call; this one has a table and one timer, which is what makes 100,000 publications a second
 * possible, and it knows when the connection went under a request.
 *
 * @module
 */
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/nats-core";
import { PartiError } from "../../errors.ts";
import { refuseLong } from "../subject_length.ts";
import { fromClientError } from "./nats_errors.ts";
import { Waiting } from "./waiting.ts";

/** How exact timeouts are, in milliseconds: no timer per request, one sweep this often while requests are out. */
const SWEEP_MS = 10;

const NOTHING = new Uint8Array();

/** A request, and whoever waits for its answer. One of the two call-backs is called, once; they must not throw. */
export interface Waiter {
  /** Where the request goes. */
  readonly subject: string;
  /** How long to wait, in milliseconds. */
  readonly timeoutMs: number;
  /** When the wait ends, on the monotonic clock; set when it is sent. */
  deadlineMs: number;
  /** The answer has come. */
  answered(answer: Msg): void;
  /** There is none. */
  failed(error: PartiError): void;
}

/** Sends requests and matches their answers. */
export class Requester {
  readonly #nc: NatsConnection;
  readonly #inbox: string;
  /** By number; the number is the last token of where the answer goes. */
  readonly #pending = new Waiting<Waiter>();
  /** The time, as long as nothing but what is running now has run since it was read. */
  #nowMs: number | undefined;
  #subscribed = false;
  #sweep: ReturnType<typeof setTimeout> | undefined;
  /** When the last sweep was, on the monotonic clock, in milliseconds. */
  #sweptMs = 0;

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
    return new Promise<Msg>((answered, failed) => {
      this.send(data, { subject, timeoutMs, deadlineMs: 0, answered, failed }, headers);
    });
  }

  /**
   * Sends a request whose answer is told without a promise: for what comes 100,000 times a second. An answer with status 503 is turned
   * into an error.
   *
   * @param data the payload
   * @param waiter where to, and who is told; at once where nothing could be sent
   * @param headers headers, if any
   */
  send(data: Uint8Array, waiter: Waiter, headers?: MsgHdrs): void {
    try {
      this.#send(data, waiter, headers);
    } catch (error) {
      waiter.failed(fromClientError(error, `request to ${waiter.subject}`));
    }
  }

  /**
   * Asks which subjects nobody serves, and waits for no other answer. The server says "no responders" before it answers a ping that was
   * sent afterwards; so with the pong of `flushed` everything is known.
   *
   * @param subjects the subjects
   * @param timeoutMs how long to wait, in milliseconds
   * @param flushed sends a ping and waits for its pong; its errors are thrown
   * @param onRefused told of what this user may not ask, where that is not to hide what is known of the others; must not throw
   * @returns those that nobody serves
   * @throws {PartiError} what `flushed` throws, `PARTI_TIMEOUT`, `PARTI_REFUSED`, `PARTI_TOO_LARGE`
   */
  async unserved(
    subjects: readonly string[],
    timeoutMs: number,
    flushed: () => Promise<void>,
    onRefused?: (error: PartiError) => void,
  ): Promise<string[]> {
    const unserved: string[] = [];
    const numbers: number[] = [];
    let failure: PartiError | undefined;
    try {
      for (const subject of subjects) {
        const failed = (error: PartiError): void => {
          // An inbox that is refused is none of the subjects'.
          const isRefused = error.code === "PARTI_REFUSED" && error.value === subject;
          if (error.code === "PARTI_NO_RESPONDERS") unserved.push(subject);
          else if (isRefused && onRefused !== undefined) onRefused(error);
          else failure ??= error;
        };
        const waiter = { subject, timeoutMs, deadlineMs: 0, answered: () => {}, failed };
        numbers.push(this.#send(NOTHING, waiter));
      }
      await flushed();
    } catch (error) {
      throw fromClientError(error, "asking who is there");
    } finally {
      for (const number of numbers) this.#take(number);
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
    const numbers = this.#pending.find(({ subject }) => only === undefined || subject === only);
    for (const number of numbers) {
      const waiter = this.#take(number);
      waiter?.failed(makeError(waiter.subject));
    }
    return numbers.length;
  }

  #send(data: Uint8Array, waiter: Waiter, headers?: MsgHdrs): number {
    refuseLong(waiter.subject, "request to");
    this.#subscribe();
    waiter.deadlineMs = this.#monotonicMs() + waiter.timeoutMs;
    const number = this.#pending.add(waiter);
    const reply = this.#inbox + number;
    try {
      this.#nc.publish(waiter.subject, data, headers ? { reply, headers } : { reply });
    } catch (error) {
      this.#take(number);
      throw error;
    }
    this.#sweep ??= setTimeout(this.#onSweep, SWEEP_MS);
    return number;
  }

  /** Of many requests in a row the clock is asked once: looking at it costs as much as anything else here. */
  #monotonicMs(): number {
    if (this.#nowMs !== undefined) return this.#nowMs;
    queueMicrotask(() => this.#nowMs = undefined);
    return this.#nowMs = Math.ceil(performance.now());
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
    const waiter = this.#take(Number(msg.subject.slice(this.#inbox.length)));
    if (waiter === undefined) return;
    if (msg.data.length === 0 && msg.headers?.code === 503) {
      waiter.failed(
        new PartiError("PARTI_NO_RESPONDERS", `nobody answers on ${waiter.subject}`, {
          value: waiter.subject,
        }),
      );
    } else waiter.answered(msg);
  }

  #take(number: number): Waiter | undefined {
    const waiter = this.#pending.take(number);
    if (this.#pending.size === 0) {
      clearTimeout(this.#sweep);
      this.#sweep = undefined;
    }
    return waiter;
  }

  /**
   * A wait ends at the first sweep that finds it over already at the one before. After a pause of the process the timer fires first, and the
   * answers that have come meanwhile are read after it.
   */
  readonly #onSweep = (): void => {
    this.#sweep = undefined;
    const sweptMs = this.#sweptMs;
    this.#sweptMs = performance.now();
    for (const number of this.#pending.find(({ deadlineMs }) => deadlineMs <= sweptMs)) {
      const waiter = this.#pending.take(number);
      if (waiter === undefined) continue;
      const { subject, timeoutMs } = waiter;
      waiter.failed(
        new PartiError("PARTI_TIMEOUT", `no answer on ${subject} within ${timeoutMs} ms`, {
          value: subject,
        }),
      );
    }
    if (this.#pending.size > 0) this.#sweep ??= setTimeout(this.#onSweep, SWEEP_MS);
  };
}
