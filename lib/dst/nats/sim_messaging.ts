/**
 * Core messaging over a simulated connection, as the real adapter does it.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../errors.ts";
import type { ConnectionStatus, Messaging, Notice, Subscription } from "../../ports/messaging.ts";
import { refuseEmpty } from "../../ports/probe.ts";
import { refuseLong } from "../../ports/subject_length.ts";
import { type CoreMessage, CoreModel } from "./core_model.ts";
import { FaultBoard } from "./fault_board.ts";
import type { SimLink } from "./link.ts";
import { checkPayload, copyOf, MAX_PAYLOAD_BYTES } from "./payload.ts";

const NOTHING = new Uint8Array();

/** A notice as its receiver has it. */
class SimNotice implements Notice {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly #message: CoreMessage;
  readonly #link: SimLink;

  constructor(message: CoreMessage, link: SimLink) {
    this.subject = message.subject;
    this.data = copyOf(message.data);
    this.#message = message;
    this.#link = link;
  }

  respond(payload: Uint8Array): void {
    const { subject, answer } = this.#message;
    if (answer === undefined) return;
    const copy = checkPayload(payload, `answer to ${subject}`);
    this.#link.send("answer", () => answer(copy));
  }
}

class SimMessaging implements Messaging {
  readonly #link: SimLink;
  readonly #core: CoreModel;
  readonly #faults: FaultBoard;
  readonly #subscriptions = new Map<number, { subject: string; take: (m: CoreMessage) => void }>();
  #lastId = 0;

  constructor(link: SimLink) {
    this.#link = link;
    this.#core = CoreModel.of(link.server);
    this.#faults = FaultBoard.of(link.server);
    link.onStatus((status) => {
      if (status === "reconnected") {
        for (const id of this.#subscriptions.keys()) this.#announce(id);
      }
    });
  }

  get connected(): boolean {
    return this.#link.connected;
  }

  get maxPayloadBytes(): number {
    return MAX_PAYLOAD_BYTES;
  }

  publish(subject: string, data: Uint8Array): void {
    refuseEmpty(data, `publish to ${subject}`);
    if (!this.connected) return;
    checkSubject(subject, "publish");
    const copy = checkPayload(data, `publish to ${subject}`);
    this.#link.send("publish", () => void this.#core.publish(subject, copy));
  }

  subscribe(subject: string, onNotice: (notice: Notice) => void): Subscription {
    if (this.#link.closed) {
      throw new PartiError("PARTI_DISCONNECTED", `subscribe to ${subject}: closed connection`, {
        hint: "open a new connection",
      });
    }
    checkSubject(subject, "subscribe");
    const id = ++this.#lastId;
    const take = (message: CoreMessage): void => onNotice(new SimNotice(message, this.#link));
    this.#subscriptions.set(id, { subject, take });
    this.#announce(id);
    return {
      close: () => {
        if (!this.#subscriptions.delete(id)) return;
        this.#link.send("unsubscribe", (session) => this.#core.unsubscribe(session, id));
      },
    };
  }

  async request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    refuseEmpty(data, `request to ${subject}`);
    checkSubject(subject, "request");
    const copy = checkPayload(data, `request to ${subject}`);
    return await this.#link.call<Uint8Array>("request", timeoutMs, (_session, reply) => {
      const count = this.#core.publish(subject, copy, (answer) => {
        if (!this.#isLost()) reply(() => answer.slice());
      });
      if (count > 0) return;
      reply(() => {
        throw new PartiError("PARTI_NO_RESPONDERS", `nobody answers on ${subject}`, {
          value: subject,
        });
      });
    });
  }

  async unserved(subjects: readonly string[], timeoutMs: number): Promise<readonly string[]> {
    for (const subject of subjects) checkSubject(subject, "request");
    // One write of the client carries them all, and the ping by which it knows that the server has had them.
    return await this.#link.call<string[]>("who serves", timeoutMs, (_session, reply) => {
      const unserved = subjects.filter((subject) => this.#core.publish(subject, NOTHING) === 0);
      reply(() => unserved);
    });
  }

  async flush(timeoutMs: number): Promise<void> {
    try {
      await this.#link.call<void>("ping", timeoutMs, (_session, reply) => reply(() => {}));
    } catch (error) {
      // A ping has no outcome that could be unknown: where the connection went, that is all there is to say.
      if (!isPartiError(error, "PARTI_TIMEOUT") || this.connected) throw error;
      throw new PartiError("PARTI_DISCONNECTED", "the connection went while flushing", {
        cause: error,
      });
    }
  }

  onStatus(onStatus: (status: ConnectionStatus) => void): Subscription {
    return this.#link.onStatus(onStatus);
  }

  onRefused(): Subscription {
    // The simulated server has no permissions.
    return { close: () => {} };
  }

  /** Tells the server of a subscription. While the connection is down nobody hears it, and it is told when the connection is back. */
  #announce(id: number): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return;
    const { subject } = subscription;
    this.#link.send("subscribe", (session) =>
      this.#core.subscribe(session, {
        id,
        subject,
        deliver: (message) => this.#subscriptions.get(id)?.take(message),
        isLost: () => this.#isLost(),
      }));
  }

  #isLost(): boolean {
    const { noticeLost } = this.#faults.of(this.#link).messaging;
    return this.#faults.strikes(this.#link, "messaging.noticeLost", noticeLost);
  }
}

function checkSubject(subject: string, what: string): void {
  refuseLong(subject, `${what} to`);
  if (subject === "" || /\s/.test(subject)) {
    throw new PartiError("PARTI_REFUSED", `${what}: not a subject`, {
      value: subject,
      hint: "check the subject and the size of the payload",
    });
  }
}

/**
 * Core messaging of a connection. Make it before anything else listens to the link's status, since subscriptions have to be renewed
 * before anybody acts on the news that the connection is back.
 *
 * @param link the connection
 * @returns the port
 */
export function simMessaging(link: SimLink): Messaging {
  return new SimMessaging(link);
}
