/**
 * Reads the output stream, all of it and in its order: the truth about what happened.
 *
 * @module
 */
import {
  type Consumer,
  type ConsumerMessages,
  jetstream,
  type JetStreamManager,
  jetstreamManager,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { describeError } from "../../lib/errors.ts";
import { isOutage } from "./outage.ts";

/** What a reader gives for each message; `missed` says how many were gone until then before they were read. */
export type OnEffect = (
  data: Uint8Array,
  storedUs: number,
  outputSequence: number,
  subject: string,
  missed: number,
) => void;

/** Where nothing comes for so long it is asked anew. */
const SILENT_MS = 5_000;
const RETRY_DELAY_MS = 100;

/** A running reader. */
export class EffectsReader {
  readonly #nc: NatsConnection;
  readonly #stream: string;
  readonly #onEffect: OnEffect;
  readonly #onTrouble: (incident: string) => void;
  readonly #silentMs: number;
  readonly #told = new Set<string>();
  #messages: { stop(): void } | undefined;
  #last = 0;
  #missed = 0;
  #stopped = false;
  #running: Promise<void> | undefined;

  /**
   * @param nc the connection
   * @param stream the output stream
   * @param onEffect called for each message in the stream's order
   * @param onTrouble told, once, of each error that is no outage's: what `onEffect` throws, and why nothing can be read; it goes on
   * @param silentMs where nothing comes for so long it asks anew, in milliseconds
   */
  constructor(
    nc: NatsConnection,
    stream: string,
    onEffect: OnEffect,
    onTrouble: (incident: string) => void,
    silentMs: number = SILENT_MS,
  ) {
    this.#nc = nc;
    this.#stream = stream;
    this.#onEffect = onEffect;
    this.#onTrouble = onTrouble;
    this.#silentMs = silentMs;
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

  async #run(): Promise<void> {
    const js = jetstream(this.#nc);
    while (!this.#stopped) {
      try {
        // Ordered: no acks, in order, made anew by the client when it notices a gap or a silence.
        const consumer = await js.consumers.get(this.#stream, { opt_start_seq: this.#last + 1 });
        const messages = await consumer.consume({ max_messages: 2_000, idle_heartbeat: 1_000 });
        this.#messages = messages;
        // It may have been asked to stop while there was nothing to stop yet.
        if (this.#stopped) messages.stop();
        if (await this.#read(messages) === "silent") void this.#drop(consumer);
      } catch (error) {
        // A server that is away or restarting is no trouble: the next round begins after the last message that was read.
        if (!this.#stopped && !isOutage(error)) {
          this.#tell(`the output stream could not be read: ${describeError(error)}`);
        }
      }
      if (!this.#stopped) await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
    }
  }

  /** Until it ends, or nothing has come for long: a client whose consumer went with its node was seen to wait for it for ever. */
  async #read(messages: ConsumerMessages): Promise<"silent" | "over"> {
    let read = this.#last;
    let isSilent = false;
    const looking = setInterval(() => {
      if (read === this.#last) {
        isSilent = true;
        messages.stop();
      }
      read = this.#last;
    }, this.#silentMs);
    try {
      for await (const message of messages) {
        const storedUs = Math.round(message.info.timestampNanos / 1_000);
        this.#accept(message.seq, message.data, storedUs, message.subject);
      }
      return isSilent ? "silent" : "over";
    } finally {
      clearInterval(looking);
    }
  }

  /** A stream that is at rest is silent again and again, and the server would keep each consumer for minutes. Nobody waits for this. */
  async #drop(consumer: Consumer): Promise<void> {
    try {
      await consumer.delete();
    } catch (error) {
      // It may have gone with its node.
      if (!this.#stopped && !isOutage(error)) {
        this.#tell(`a consumer of the output stream could not be removed: ${describeError(error)}`);
      }
    }
  }

  #accept(sequence: number, data: Uint8Array, storedUs: number, subject: string): void {
    if (sequence <= this.#last) return;
    this.#missed += sequence - this.#last - 1;
    this.#last = sequence;
    try {
      this.#onEffect(data, storedUs, sequence, subject, this.#missed);
    } catch (error) {
      // It is not read again: it would be counted in part twice.
      this.#tell(
        `message ${sequence} of the output stream could not be counted: ${describeError(error)}`,
        describeError(error),
      );
    }
  }

  /** What is wrong with one message may be wrong with thousands, and what cannot be read is tried again and again. */
  #tell(incident: string, why = incident): void {
    if (this.#told.has(why)) return;
    this.#told.add(why);
    this.#onTrouble(incident);
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
 * @param signal ends the reading early
 * @returns true if all of them were read
 */
export async function readRemaining(
  nc: NatsConnection,
  stream: string,
  limit: number,
  onMessage: (data: Uint8Array) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const manager: JetStreamManager = await jetstreamManager(nc);
  // The server takes both fields together ("the next one from here on"); the client's types do not know.
  const from = (seq: number) => ({ seq, next_by_subj: ">" }) as { seq: number };
  let next = 1;
  for (let count = 0; !signal.aborted; count++) {
    const message = await manager.streams.getMessage(stream, from(next));
    if (message === null) return true;
    if (count === limit) return false;
    onMessage(message.data);
    next = message.seq + 1;
  }
  return false;
}
