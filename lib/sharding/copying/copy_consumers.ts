/**
 * A copy's consumers of its source: one that reads, and those that are left of earlier terms.
 *
 * Of an interest stream they are what holds the messages that are not copied yet. So the next one is made before the last one is
 * removed, and nobody removes one of a later term than his own.
 *
 * @module
 */
import { copyConsumer, copyMetadata, copyTerm } from "../../names.ts";
import type { World } from "../../ports/world.ts";
import { BATCH_MESSAGES_MAX } from "./copy_reader.ts";
import type { CopySource, SourceSubjects } from "./copy_source.ts";

/** A message that was not acknowledged comes again after this long, in milliseconds. */
const ACK_WAIT_MS = 60_000;
/** What waits here, what is being recorded, and some whose acks are under way. */
const ACK_PENDING = 4 * BATCH_MESSAGES_MAX;

/** What they are made from. */
export interface CopyConsumersOptions {
  /** Streams, and names. */
  readonly world: Pick<World, "feed" | "random">;
  /** The source. */
  readonly from: CopySource;
  /** What of it is read. */
  readonly subjects: SourceSubjects;
  /** What the names of the shards' streams begin with. */
  readonly feed: string;
}

/** Makes and removes them. */
export class CopyConsumers {
  readonly #options: CopyConsumersOptions;

  /** @param options what they are made from */
  constructor(options: CopyConsumersOptions) {
    this.#options = options;
  }

  /**
   * Makes one under a name that was never used.
   *
   * @param upTo it reads what follows this sequence
   * @param term in which term it is made
   * @param maxAckPending the most that the source allows; undefined for no limit of its own
   * @returns its name
   * @throws {PartiError} what the server says; it may be there then
   */
  async make(upTo: number, term: number, maxAckPending: number | undefined): Promise<string> {
    const { world, from, subjects, feed } = this.#options;
    const name = copyConsumer(feed, world.random.uuid());
    await world.feed.createConsumer(from.stream, {
      name,
      filterSubjects: subjects.filterSubjects,
      ackWaitMs: ACK_WAIT_MS,
      maxAckPending: Math.min(ACK_PENDING, maxAckPending ?? Infinity),
      inactiveThresholdMs: 0,
      metadata: copyMetadata(feed, term),
      startSequence: upTo + 1,
      survivesRestart: true,
    });
    return name;
  }

  /**
   * Removes what is left of earlier terms, and of others who wanted this one.
   *
   * @param term the term that is proven to be this copier's
   * @param own the consumer of this term
   * @returns `gone` if the own one is not there, and nothing was removed then; `later` if somebody has made one for a later term
   * @throws {PartiError} what the server says
   */
  async sweep(term: number, own: string): Promise<"gone" | "later" | "clean"> {
    const { world, from, feed } = this.#options;
    const all = await world.feed.listConsumers(from.stream);
    if (!all.some(({ name }) => name === own)) return "gone";
    let isLater = false;
    for (const { name, metadata } of all) {
      const made = copyTerm(feed, metadata);
      if (made === undefined || name === own) continue;
      if (made > term) isLater = true;
      else await world.feed.deleteConsumer(from.stream, name);
    }
    return isLater ? "later" : "clean";
  }

  /**
   * Removes one.
   *
   * @param name which
   * @throws {PartiError} what the server says
   */
  async remove(name: string): Promise<void> {
    await this.#options.world.feed.deleteConsumer(this.#options.from.stream, name);
  }

  /**
   * Whether a consumer has work: it is gone, or something waits for it.
   *
   * @param name which
   * @throws {PartiError} what the server says
   */
  async isBehind(name: string): Promise<boolean> {
    const info = await this.#options.world.feed.consumerInfo(this.#options.from.stream, name);
    return info === undefined || info.pending + info.ackPending > 0;
  }
}
