/**
 * Reads the output stream, all of it and in its order: the truth about what happened.
 *
 * @module
 */
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";

/** What a reader gives for each message. */
export type OnEffect = (data: Uint8Array, storedUs: number, outputSequence: number) => void;

const RETRY_DELAY_MS = 100;

/** A running reader. */
export class EffectsReader {
  readonly #nc: NatsConnection;
  readonly #stream: string;
  readonly #onEffect: OnEffect;
  #messages: { stop(): void } | undefined;
  #last = 0;
  #missed = 0;
  #stopped = false;
  #running: Promise<void> | undefined;
  #waiters: (() => void)[] = [];

  /**
   * @param nc the connection
   * @param stream the output stream
   * @param onEffect called for each message in the stream's order; must not throw
   */
  constructor(nc: NatsConnection, stream: string, onEffect: OnEffect) {
    this.#nc = nc;
    this.#stream = stream;
    this.#onEffect = onEffect;
  }

  /** The last sequence read. */
  get last(): number {
    return this.#last;
  }

  /** How many messages were gone from the stream before they were read. The verdict cannot speak for them. */
  get missed(): number {
    return this.#missed;
  }

  /**
   * Goes on after what was read before; to be called before {@linkcode start}.
   *
   * @param last the last sequence read
   * @param missed how many were missed
   */
  load(last: number, missed: number): void {
    this.#last = last;
    this.#missed = missed;
  }

  /** Begins to read. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends reading. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#messages?.stop();
    await this.#running;
  }

  /** Waits for the next message, or a short while. */
  async progress(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#waiters.push(resolve);
      timer = setTimeout(resolve, RETRY_DELAY_MS);
    });
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    const js = jetstream(this.#nc);
    while (!this.#stopped) {
      try {
        // Ordered: no acks, in order, made anew by the client when it notices a gap or a silence.
        const consumer = await js.consumers.get(this.#stream, { opt_start_seq: this.#last + 1 });
        const messages = await consumer.consume({ max_messages: 2_000, idle_heartbeat: 1_000 });
        this.#messages = messages;
        for await (const message of messages) {
          const storedUs = Math.round(message.info.timestampNanos / 1_000);
          this.#accept(message.seq, message.data, storedUs);
        }
      } catch {
        // The server is away or restarting: the next round begins after the last message that was read.
      }
      if (!this.#stopped) await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
    }
  }

  #accept(sequence: number, data: Uint8Array, storedUs: number): void {
    if (sequence <= this.#last) return;
    this.#missed += sequence - this.#last - 1;
    this.#last = sequence;
    this.#onEffect(data, storedUs, sequence);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

/**
 * The first message of a subject that is still in a stream.
 *
 * @param nc the connection
 * @param stream the stream
 * @param subject the subject
 * @returns its payload; undefined if there is none
 */
export async function firstOf(
  nc: NatsConnection,
  stream: string,
  subject: string,
): Promise<Uint8Array | undefined> {
  const manager = await jetstreamManager(nc);
  const first = { seq: 1, next_by_subj: subject } as { seq: number };
  return (await manager.streams.getMessage(stream, first))?.data;
}

/**
 * What is still in a WorkQueue stream.
 *
 * @param nc the connection
 * @param stream the stream
 * @param limit how many messages to read at most
 * @param onMessage called with each payload
 * @returns true if all of them were read
 */
export async function readRemaining(
  nc: NatsConnection,
  stream: string,
  limit: number,
  onMessage: (data: Uint8Array) => void,
): Promise<boolean> {
  const manager: JetStreamManager = await jetstreamManager(nc);
  // The server takes both fields together ("the next one from here on"); the client's types do not know.
  const from = (seq: number) => ({ seq, next_by_subj: ">" }) as { seq: number };
  let next = 1;
  for (let count = 0; count < limit; count++) {
    const message = await manager.streams.getMessage(stream, from(next));
    if (message === null) return true;
    onMessage(message.data);
    next = message.seq + 1;
  }
  return false;
}
