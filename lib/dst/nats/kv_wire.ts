/**
 * Requests to the buckets of the simulated server, and what goes wrong with them.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { KvEntry } from "../../ports/kv.ts";
import type { BucketModel } from "./bucket_model.ts";
import type { ReaderFaults } from "./bucket_reader.ts";
import { FaultBoard } from "./fault_board.ts";
import type { FaultName, KvFaults } from "./faults.ts";
import { KvModel } from "./kv_model.ts";
import type { SimLink } from "./link.ts";
import type { ServerSession } from "./server.ts";

/** How long an API call waits for its answer, and a read or a write unless told otherwise, in milliseconds. */
export const API_TIMEOUT_MS = 5_000;

/** The requests of one connection. */
export class KvWire {
  /** The connection. */
  readonly link: SimLink;
  /** What is on the server. Only what runs there may touch it. */
  readonly model: KvModel;
  readonly #board: FaultBoard;

  /** @param link the connection */
  constructor(link: SimLink) {
    this.link = link;
    this.model = KvModel.of(link.server);
    this.#board = FaultBoard.of(link.server);
  }

  /** What goes wrong with the readers of this connection. */
  get readerFaults(): ReaderFaults {
    return {
      stallMs: () => {
        const { watchStall, watchStallMs } = this.#faults;
        if (!this.#strikes("kv.watchStall", watchStall)) return 0;
        return this.#board.drawsOf(this.link, "stall").between(0, watchStallMs);
      },
      isReset: () => this.#strikes("kv.watchReset", this.#faults.watchReset),
    };
  }

  /**
   * Asks the server for something.
   *
   * @param label what, from a small set of texts
   * @param carryOut what the server does; what it returns or refuses with goes back
   * @param timeoutMs how long to wait, in milliseconds
   * @returns what the server returned
   * @throws {PartiError} what the server refused with, and as the link does
   */
  ask<T>(
    label: string,
    carryOut: (session: ServerSession) => T,
    timeoutMs: number = API_TIMEOUT_MS,
  ): Promise<T> {
    return this.#call(label, carryOut, timeoutMs, () => false);
  }

  /**
   * Writes: as {@linkcode ask}, but its answer may get lost where that fault is on.
   *
   * @param label what, from a small set of texts
   * @param carryOut what the server does; what it returns or refuses with goes back
   * @param timeoutMs how long to wait, in milliseconds
   * @returns what the server returned
   * @throws {PartiError} what the server refused with, and as the link does
   */
  write<T>(label: string, carryOut: () => T, timeoutMs: number): Promise<T> {
    return this.#call(
      label,
      carryOut,
      timeoutMs,
      () => this.#strikes("kv.ackLost", this.#faults.ackLost),
    );
  }

  /**
   * Reads a key, at the server. Where that fault is on the state may be any earlier one.
   *
   * @param bucket the bucket
   * @param key the key
   * @returns a state of the key, which may be a removal; undefined if it is not or was not there
   */
  read(bucket: BucketModel, key: string): KvEntry | undefined {
    if (!this.#strikes("kv.staleRead", this.#faults.staleRead)) return bucket.last(key);
    return this.#board.drawsOf(this.link, "stale state").pick(bucket.earlier(key));
  }

  get #faults(): KvFaults {
    return this.#board.of(this.link).kv;
  }

  #strikes(fault: FaultName, probability: number): boolean {
    return this.#board.strikes(this.link, fault, probability);
  }

  #call<T>(
    label: string,
    carryOut: (session: ServerSession) => T,
    timeoutMs: number,
    isAnswerLost: () => boolean,
  ): Promise<T> {
    return this.link.call<T>(label, timeoutMs, (session, reply) => {
      if (this.#strikes("kv.requestLost", this.#faults.requestLost)) return;
      let settle: () => T;
      try {
        const result = carryOut(session);
        settle = () => result;
      } catch (error) {
        // A refusal goes back; anything else is a bug of the model, and must end the run.
        if (!(error instanceof PartiError)) throw error;
        settle = () => {
          throw error;
        };
      }
      if (isAnswerLost()) return;
      if (!this.#strikes("kv.answerLate", this.#faults.answerLate)) return reply(settle);
      const lateMs = this.#board.drawsOf(this.link, "how late").between(
        0,
        this.#faults.answerLateMs,
      );
      this.link.server.schedule(lateMs, "late answer", () => reply(settle));
    });
  }
}
