/**
 * What the application's handler sees.
 *
 * @module
 */
import type { Partition, PartitionId } from "../../assignment/partition.ts";

/** A message of a partition, as it is handed to the handler. */
export interface PartitionMessage {
  /** The subject it was published to. */
  readonly subject: string;
  /** The payload. */
  readonly data: Uint8Array;
  /** A header's value; the first one where the name occurs more than once. */
  header(name: string): string | undefined;
  /**
   * Its place in the stream: the same in every redelivery, so the key to handle something only once. A stream that is made anew gives
   * sequences out again; together with `storedAtMs` it is a key for that too.
   */
  readonly streamSequence: number;
  /** How often the present lane has delivered it, from 1. */
  readonly deliveryCount: number;
  /** When the stream stored it, in milliseconds since 1970 by the server's clock. */
  readonly storedAtMs: number;
}

/** Under what right a message is handled. */
export interface HandlerContext {
  /** The partition. */
  readonly partition: Partition;
  /** Its identity: the keys joined with dots. */
  readonly partitionId: PartitionId;
  /** The worker's stable ID. */
  readonly worker: string;
  /** The worker's instance. */
  readonly instance: string;
  /**
   * The epoch of the latest assignment that gives the partition to this worker. With `generation` it is the fencing token for writes
   * elsewhere: it never goes back, and any other owner's is below or above it.
   */
  readonly epoch: number;
  /** The generation of that assignment. */
  readonly generation: number;
  /** Which try this is within the present ownership, from 1. */
  readonly attempt: number;
  /**
   * Fires when the right to handle ends (lease lost, drain deadline over, worker closed) or is in doubt: the connection has been away
   * for `probe.grace`, so that others may take over from now on. After the latter (`PARTI_DISCONNECTED`) the message is handled anew, with a
   * new signal, once the connection is back and the partition is still this worker's; the try counts as no failure. Its reason is a
   * `PartiError`.
   */
  readonly signal: AbortSignal;
  /**
   * Whether the right to handle holds in this instant: the clock is asked. After a pause of the process {@linkcode signal} fires a little
   * late, and this does not; so ask before an effect that nothing else guards.
   */
  mayAct(): boolean;
  /** Acknowledges this try by hand; only with `manualAck`, where the next message of the partition waits for it. */
  ack(): void;
}

/**
 * Handles one message. Called for one message of a partition at a time, in order. Throwing (or rejecting) means that it failed: it is
 * tried again in place, with growing pauses, before the partition's next message.
 */
export type MessageHandler = (
  message: PartitionMessage,
  context: HandlerContext,
) => void | Promise<void>;
