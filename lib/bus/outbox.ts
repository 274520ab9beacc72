/**
 * What a node says: calls, calls that it sends on, and answers. What is for this node itself need not travel.
 *
 * @module
 */
import { isPartiError, PartiError } from "../errors.ts";
import type { World } from "../ports/world.ts";
import type { BusCounts } from "./bus_counts.ts";
import type { BusOptions } from "./bus_options.ts";
import type { Send } from "./caller.ts";
import {
  type Answer,
  type Call,
  encodeEnvelope,
  type Envelope,
  type Refusal,
  type Said,
} from "./envelope.ts";
import type { Incoming } from "./incoming.ts";
import { lag } from "./lag.ts";
import { type Address, addressSubject } from "./names.ts";
import { errorOf, notSent } from "./outcome.ts";

/** What an outbox needs. */
export interface OutboxOptions extends Pick<BusOptions, "onForwarded"> {
  /** The world. */
  readonly world: World;
  /** The bus's name. */
  readonly bus: string;
  /** This life of the node. */
  readonly address: Address;
  /** Where it is counted. */
  readonly counts: BusCounts;
  /** Fires when the bus stops. */
  readonly signal: AbortSignal;
  /** Told of what nobody else would hear of. */
  readonly onError: (error: PartiError) => void;
  /** Takes what was sent to this node itself. */
  readonly arrived: (bytes: Uint8Array) => void;
}

const NOTHING = new Uint8Array();
/** So much longer the head of a call becomes at most where it is sent on: what has left must not be too large then. */
const GROWTH_BYTES = 64;

/** What a node says. */
export class Outbox {
  readonly #options: OutboxOptions;
  /** What is sent there need not travel. */
  readonly #ownSubjects = new Set<string>();

  /**
   * Says nothing yet.
   *
   * @param options what it needs
   */
  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /**
   * What is sent to a subject is for this node itself.
   *
   * @param subject the subject
   * @returns ends it
   */
  own(subject: string): () => void {
    this.#ownSubjects.add(subject);
    return () => void this.#ownSubjects.delete(subject);
  }

  /**
   * Sends a call.
   *
   * @param subject where to
   * @param makeCall makes it as late as possible, since it says how much time is left; or not at all
   * @throws {PartiError} what the connection says
   */
  async send(subject: string, makeCall: () => Call | undefined): Promise<void> {
    const { world, signal } = this.#options;
    if (world.buggify("bus-send-late")) await lag(world, signal);
    if (world.buggify("bus-send-fails")) {
      throw new PartiError("PARTI_DISCONNECTED", "made to fail by the simulation");
    }
    const call = makeCall();
    if (call !== undefined) await this.#post(subject, call);
  }

  /**
   * What sends calls to a subject.
   *
   * @param subject where to
   * @returns as {@linkcode send} does, for a {@linkcode Caller}
   */
  to(subject: string): Send {
    return (makeCall) => this.send(subject, makeCall);
  }

  /**
   * Sends a call on.
   *
   * @param incoming the call, as it came
   * @param subject where to
   * @param placed whether an actor may begin there
   * @throws {PartiError} `PARTI_NOT_SENT`
   */
  async forward(incoming: Incoming, subject: string, placed: boolean): Promise<void> {
    const { counts, onForwarded } = this.#options;
    const { placed: _, ...call } = incoming.call;
    const { hops } = call;
    counts.forwarded++;
    onForwarded?.(call);
    try {
      await this.send(subject, () => ({
        ...call,
        leftMs: incoming.leftMs,
        hops: hops + 1,
        ...(placed ? { placed } : {}),
      }));
    } catch (error) {
      throw notSent(error);
    }
  }

  /**
   * Answers a call.
   *
   * @param call the call; of a one-way one nobody waits for the answer: none is sent, and what went wrong is told here
   * @param answer what to say
   */
  answer(call: Call, answer: Said): void {
    const { id, hops, method, to } = call;
    const { address, counts, onError } = this.#options;
    if (answer.status === "failed") counts.failed++;
    const envelope: Answer = {
      ...{ kind: "answer", id, at: address, hops, payload: NOTHING },
      ...answer,
    };
    if (call.kind === "request") return void this.#sendAnswer(call.from, envelope);
    const error = errorOf(envelope);
    if (error === undefined) return;
    const why = `nobody waits for the answer to ${method} of ${to}: ${error.message}`;
    onError(new PartiError(error.code, why, { value: to }));
  }

  /**
   * Refuses a call.
   *
   * @param call the call
   * @param reason why, as callers' code reads it
   * @param message why, in words
   */
  refuse(call: Call, reason: Refusal, message?: string): void {
    this.#options.counts.refused++;
    const why = message === undefined ? {} : { message };
    this.answer(call, { status: "refused", reason, ...why });
  }

  /**
   * Tells a caller that its call was sent on to a node that is there no more.
   *
   * @param call what is left of the call
   */
  gone({ id, from, hops }: Pick<Call, "id" | "from" | "hops">): void {
    const { counts, address } = this.#options;
    counts.refused++;
    const said = { status: "refused", reason: "gone", payload: NOTHING } as const;
    void this.#sendAnswer(from, { kind: "answer", id, at: address, hops, ...said });
  }

  /** Rejects only for a bug: the caller learns by its deadline what could not be sent. */
  async #sendAnswer(to: Address, envelope: Answer): Promise<void> {
    const { world, bus, signal, onError } = this.#options;
    const subject = addressSubject(bus, to);
    try {
      if (world.buggify("bus-answer-late")) await lag(world, signal);
      await this.#post(subject, envelope);
      if (world.buggify("bus-answer-twice", 0.05)) await this.#post(subject, envelope);
    } catch (error) {
      if (isPartiError(error, "PARTI_TOO_LARGE")) return this.#answerTooLarge(to, envelope, error);
      if (!isPartiError(error)) throw error;
      onError(error);
    }
  }

  /** What cannot be sent is said, in its place. */
  #answerTooLarge(to: Address, envelope: Answer, error: PartiError): void {
    if (envelope.status === "failed") return this.#options.onError(error);
    const message = `the answer cannot be sent: ${error.message}`;
    void this.#sendAnswer(to, { ...envelope, status: "failed", message, payload: NOTHING });
  }

  /** Hands it to the connection, or to this node itself. */
  async #post(subject: string, envelope: Envelope): Promise<void> {
    const { world: { messaging }, arrived } = this.#options;
    const bytes = encodeEnvelope(envelope);
    // What a caller is told must not hang on where an actor happens to live: at home nobody else would look.
    const isFirst = envelope.kind !== "answer" && envelope.hops === 0;
    const maxBytes = messaging.maxPayloadBytes - (isFirst ? GROWTH_BYTES : 0);
    if (bytes.length > maxBytes) throw tooLarge(subject, bytes.length, maxBytes);
    if (this.#ownSubjects.has(subject)) {
      // In a turn of its own: whoever sends does not expect to be called meanwhile.
      await Promise.resolve();
      return arrived(bytes);
    }
    if (!messaging.connected) {
      throw new PartiError("PARTI_DISCONNECTED", `send to ${subject}: not connected`);
    }
    messaging.publish(subject, bytes);
  }
}

function tooLarge(subject: string, sizeBytes: number, maxBytes: number): PartiError {
  return new PartiError(
    "PARTI_TOO_LARGE",
    `send to ${subject}: ${sizeBytes} bytes with its head are more than ${maxBytes}`,
    { value: sizeBytes, hint: "send less in one message, or raise max_payload of the server" },
  );
}
