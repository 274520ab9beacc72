/**
 * For tests: a connection to the model server, with latency, and with whatever can go wrong on the way. Holds no test.
 *
 * @module
 */
import { PartiError } from "../errors.ts";
import type {
  ConsumerConfig,
  ConsumerInfo,
  FeedMessage,
  FeedStore,
  PublishAck,
  PublishOptions,
  Pull,
  PullHandler,
  StoredMessage,
} from "../ports/feed.ts";
import type { KvStore } from "../ports/kv.ts";
import type { ConnectionStatus, Messaging, Notice } from "../ports/messaging.ts";
import { NO_BUGGIFY } from "../ports/buggify.ts";
import type { World } from "../ports/world.ts";
import type { ModelServer, Puller, Sent, Stored } from "./model_server_test.ts";

/** How a connection behaves. */
export interface LinkOptions {
  /** A number in [0, 1); all latencies come from it. */
  readonly random: () => number;
  /** The longest way of a message in one direction, in milliseconds. */
  readonly latencyMaxMs: number;
}

const REQUEST_TIMEOUT_MS = 2_000;

type Fault = "lose-request" | "lose-answer";

/** A connection. Messages in one direction arrive in the order they were sent. */
export class ModelClient {
  /** The world over this connection. */
  readonly world: World;
  readonly server: ModelServer;
  readonly #options: LinkOptions;
  readonly #pulls = new Set<ModelPull>();
  readonly #statusListeners = new Set<(status: ConnectionStatus) => void>();
  readonly #failInFlight = new Set<() => void>();
  readonly #faults: { readonly fault: Fault; readonly call: string }[] = [];
  connected = true;
  /** How much later than calls the server takes acks, in milliseconds. */
  acksLateMs = 0;
  /** Grows with every cut: what was sent before is lost. */
  #life = 0;
  #upMs = 0;
  #downMs = 0;
  #ackMs = 0;

  constructor(server: ModelServer, options: LinkOptions) {
    this.server = server;
    this.#options = options;
    let uuids = 0;
    this.world = {
      clock: server.clock,
      random: { float: options.random, uuid: () => `uuid-${++uuids}` },
      kv: {} as KvStore,
      feed: this.#feed(),
      messaging: this.#messaging(),
      buggify: NO_BUGGIFY,
    };
  }

  /** The next call of that name goes wrong. */
  fault(fault: Fault, call: string): void {
    this.#faults.push({ fault, call });
  }

  /** Nothing goes wrong by plan any more. */
  clearFaults(): void {
    this.#faults.length = 0;
  }

  /** Cuts the connection with everything under way. */
  cut(): void {
    if (!this.connected) return;
    this.connected = false;
    this.#life++;
    for (const pull of this.#pulls) {
      pull.reset();
      this.server.revoke(pull);
    }
    for (const fail of [...this.#failInFlight]) fail();
    for (const listener of [...this.#statusListeners]) listener("disconnected");
  }

  /** Connects again. */
  restore(): void {
    if (this.connected) return;
    this.connected = true;
    for (const pull of this.#pulls) pull.refill();
    for (const listener of [...this.#statusListeners]) listener("reconnected");
  }

  /** Sends something up; it arrives later, or never if the connection is cut before. */
  up(arrive: () => void): void {
    if (!this.connected) return;
    const life = this.#life;
    this.#upMs = Math.max(this.#upMs, this.#now + this.#latency());
    this.server.clock.setTimer(this.#upMs - this.#now, () => {
      if (life === this.#life) arrive();
    });
  }

  /** Sends something down. */
  down(arrive: () => void): void {
    const life = this.#life;
    this.#downMs = Math.max(this.#downMs, this.#now + this.#latency());
    this.server.clock.setTimer(this.#downMs - this.#now, () => {
      if (life === this.#life) arrive();
    });
  }

  /** Sends an ack up. The server takes acks one after the other, beside all other calls: later than a call sent after them, maybe. */
  upAck(take: () => void): void {
    this.up(() => {
      const takenAtMs = this.#now + this.#latency() + this.acksLateMs;
      this.#ackMs = Math.max(this.#ackMs, takenAtMs);
      this.server.clock.setTimer(this.#ackMs - this.#now, take);
    });
  }

  /** Calls the server. */
  call<T>(name: string, run: () => T, send = (arrive: () => void) => this.up(arrive)): Promise<T> {
    if (!this.connected) {
      return Promise.reject(new PartiError("PARTI_DISCONNECTED", `${name}: not connected`));
    }
    const index = this.#faults.findIndex((planned) => planned.call === name);
    const fault = index < 0 ? undefined : this.#faults.splice(index, 1)[0]!.fault;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const fail = (): void => {
      timer.cancel();
      this.#failInFlight.delete(fail);
      reject(new PartiError("PARTI_TIMEOUT", `${name}: no answer`));
    };
    const timer = this.server.clock.setTimer(REQUEST_TIMEOUT_MS, fail);
    this.#failInFlight.add(fail);
    const over = (settle: () => void): void => {
      if (fault === "lose-answer") return;
      this.down(() => {
        timer.cancel();
        this.#failInFlight.delete(fail);
        settle();
      });
    };
    if (fault !== "lose-request") {
      send(() => {
        try {
          const result = run();
          over(() => resolve(result));
        } catch (error) {
          over(() => reject(error));
        }
      });
    }
    return promise;
  }

  /** A pull is over. */
  forget(pull: ModelPull): void {
    this.#pulls.delete(pull);
    this.up(() => this.server.revoke(pull));
  }

  get #now(): number {
    return this.server.clock.monotonicMs();
  }

  #latency(): number {
    return this.#options.random() * this.#options.latencyMaxMs;
  }

  #feed(): FeedStore {
    const { server } = this;
    const unused = (): never => {
      throw new Error("not in the model");
    };
    return {
      streamInfo: (stream: string) => this.call("stream", () => server.streamInfo(stream)),
      ensureStream: unused,
      destroyStream: unused,
      createConsumer: (stream: string, config: ConsumerConfig) =>
        this.call("create", () => server.create(config, stream)),
      shrinkConsumer: (_stream: string, config: ConsumerConfig, filter: readonly string[]) =>
        this.call("shrink", () => server.shrink(config, filter)),
      rewindConsumer: async (_stream: string, name: string): Promise<boolean> => {
        if (server.canRewind) await this.call("rewind", () => server.rewind(name));
        return server.canRewind;
      },
      deleteConsumer: (_stream: string, name: string): Promise<boolean> =>
        this.call("delete", () => server.delete(name)),
      consumerInfo: (_stream: string, name: string): Promise<ConsumerInfo | undefined> =>
        this.call("info", () => server.info(name)),
      listConsumers: (stream: string): Promise<ConsumerInfo[]> =>
        this.call("list", () => server.list(stream)),
      pull: (_stream: string, consumer: string, handler: PullHandler): Pull => {
        const pull = new ModelPull(this, consumer, handler);
        this.#pulls.add(pull);
        return pull;
      },
      publish: (
        subject: string,
        data: Uint8Array,
        options: PublishOptions = {},
      ): Promise<PublishAck> =>
        this.call("publish", () => ({
          sequence: server.write(subject, data, options),
          duplicate: false,
        })),
      room: unused,
      lastMessage: (_stream: string, subject: string): Promise<StoredMessage | undefined> =>
        this.call("last", () => {
          const last = server.last(subject);
          return last && { ...last, header: (name: string) => last.headers[name] };
        }),
    };
  }

  #messaging(): Messaging {
    const { server } = this;
    const isConnected = () => this.connected;
    return {
      get connected() {
        return isConnected();
      },
      maxPayloadBytes: 1_048_576,
      publish: (subject, data) => this.up(() => server.notify(subject, data)),
      subscribe: (wanted, onNotice) => {
        const end = server.subscribe((subject, data) => {
          if (subject !== wanted) return;
          const notice: Notice = { subject, data, respond: () => {} };
          if (this.connected) this.down(() => onNotice(notice));
        });
        return { close: end };
      },
      request: () => Promise.reject(new Error("not in the model")),
      unserved: () => Promise.reject(new Error("not in the model")),
      flush: () => Promise.resolve(),
      onStatus: (listener) => {
        this.#statusListeners.add(listener);
        return { close: () => void this.#statusListeners.delete(listener) };
      },
      onRefused: () => ({ close: () => {} }),
    };
  }
}

/** A pull over a connection. */
class ModelPull implements Pull, Puller {
  readonly #client: ModelClient;
  readonly #consumer: string;
  readonly #handler: PullHandler;
  #wanted = 0;
  #closed = false;
  outstanding = 0;

  constructor(client: ModelClient, consumer: string, handler: PullHandler) {
    this.#client = client;
    this.#consumer = consumer;
    this.#handler = handler;
  }

  request(count: number): void {
    this.#wanted = count;
    this.refill();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#client.forget(this);
  }

  /** What was asked for is lost. */
  reset(): void {
    this.outstanding = 0;
  }

  refill(): void {
    if (this.#closed || !this.#client.connected || this.#wanted <= this.outstanding) return;
    const credits = this.#wanted - this.outstanding;
    this.outstanding = this.#wanted;
    this.#client.up(() => {
      if (this.#closed || this.#client.server.grant(this.#consumer, this, credits)) return;
      this.#client.down(() => this.#lost());
    });
  }

  deliver(message: Sent): void {
    this.#client.down(() => {
      if (this.#closed) return;
      this.outstanding--;
      this.#wanted--;
      this.#handler.onMessage(new ModelMessage(this.#client, this.#consumer, message));
    });
  }

  deleted(): void {
    this.#client.down(() => this.#lost());
  }

  #lost(): void {
    if (this.#closed) return;
    this.close();
    this.#handler.onLost("deleted", "consumer deleted");
  }
}

class ModelMessage implements FeedMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly streamSequence: number;
  readonly deliverySequence: number;
  readonly deliveryCount: number;
  readonly storedAtMs: number;
  readonly pending = 0;
  readonly ackHandle = this;
  readonly #client: ModelClient;
  readonly #consumer: string;
  readonly #stored: Stored;

  constructor(client: ModelClient, consumer: string, sent: Sent) {
    this.#client = client;
    this.#consumer = consumer;
    this.#stored = sent;
    this.subject = sent.subject;
    this.data = sent.data;
    this.streamSequence = sent.sequence;
    this.deliverySequence = sent.deliverySequence;
    this.deliveryCount = sent.deliveryCount;
    this.storedAtMs = sent.storedAtMs;
  }

  header(name: string): string | undefined {
    return this.#stored.headers[name];
  }
  get headers(): Readonly<Record<string, string>> {
    return { ...this.#stored.headers };
  }

  ack(): void {
    this.#client.upAck(() => this.#client.server.ack(this.#consumer, this.streamSequence));
  }

  ackConfirmed(): Promise<void> {
    return this.#client.call("confirm", () => {
      if (this.#client.server.ack(this.#consumer, this.streamSequence)) return;
      throw new PartiError("PARTI_NO_RESPONDERS", "the consumer is gone");
    }, (arrive) => this.#client.upAck(arrive));
  }

  working(): void {
    this.#client.up(() => this.#client.server.working(this.#consumer, this.streamSequence));
  }
}
