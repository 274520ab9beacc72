/**
 * The consumers of a stream: by name, and by what they read. A stream may have hundreds, and for each message only its readers matter.
 *
 * @module
 */
import type { ConsumerConfig } from "../../ports/feed.ts";
import type { ConsumerModel } from "./consumer_model.ts";
import { isPattern } from "./subject_match.ts";

/** Told how a consumer was and how it is; undefined where there was none, or is none any more. */
export type ConsumerFollower = (
  before: ConsumerConfig | undefined,
  after: ConsumerConfig | undefined,
) => void;

/** The consumers. */
export class ConsumerTable {
  readonly #byName = new Map<string, ConsumerModel>();
  /** Those that name a subject, by that subject. */
  readonly #exact = new Map<string, Set<ConsumerModel>>();
  /** Those with wildcards in their filter, or without a filter. */
  readonly #wide = new Set<ConsumerModel>();
  /** Who reads a subject, as far as it was asked for since the last change. */
  readonly #readers = new Map<string, readonly ConsumerModel[]>();
  readonly #followers: ConsumerFollower[] = [];

  /** How many there are. */
  get size(): number {
    return this.#byName.size;
  }

  /** All of them, in no order. */
  all(): ConsumerModel[] {
    return [...this.#byName.values()];
  }

  /** Tells a simulation's observer of each change from now on. That the server forgets all of them with its process is none. */
  follow(follower: ConsumerFollower): void {
    this.#followers.push(follower);
  }

  /** One of them; undefined if it is not there. */
  get(name: string): ConsumerModel | undefined {
    return this.#byName.get(name);
  }

  /** Puts one in. */
  add(consumer: ConsumerModel): void {
    this.putBack(consumer);
    this.#tell(undefined, consumer.config);
  }

  /** Puts one in that has outlived the server's process: nobody was told that it went. */
  putBack(consumer: ConsumerModel): void {
    this.#byName.set(consumer.name, consumer);
    this.#index(consumer);
  }

  /** Changes one. */
  update(consumer: ConsumerModel, config: ConsumerConfig): void {
    const before = consumer.config;
    this.#unindex(consumer);
    consumer.update(config);
    this.#index(consumer);
    this.#tell(before, config);
  }

  /** Takes one out; undefined if it is not there. */
  remove(name: string): ConsumerModel | undefined {
    const consumer = this.#byName.get(name);
    if (consumer === undefined) return undefined;
    this.#byName.delete(name);
    this.#unindex(consumer);
    this.#tell(consumer.config, undefined);
    return consumer;
  }

  /** Takes all out. */
  clear(): ConsumerModel[] {
    const consumers = this.all();
    this.#byName.clear();
    this.#exact.clear();
    this.#wide.clear();
    this.#readers.clear();
    return consumers;
  }

  /**
   * Who reads a subject.
   *
   * @param subject a subject without wildcards
   * @returns the consumers whose filter it passes
   */
  readersOf(subject: string): readonly ConsumerModel[] {
    let readers = this.#readers.get(subject);
    if (readers === undefined) {
      const found = new Set(this.#exact.get(subject));
      for (const consumer of this.#wide) if (consumer.filter.matches(subject)) found.add(consumer);
      readers = [...found];
      this.#readers.set(subject, readers);
    }
    return readers;
  }

  /**
   * Whether a consumer would read what another one reads.
   *
   * @param config the consumer; it may be in the table, and does not get in its own way
   * @returns true if it would
   */
  overlaps({ name, filterSubjects }: ConsumerConfig): boolean {
    const isOther = (consumer: ConsumerModel): boolean => consumer.name !== name;
    return filterSubjects.some((subject) =>
      isPattern(subject)
        ? this.all().some((consumer) => isOther(consumer) && consumer.filter.collides(subject))
        : this.readersOf(subject).some(isOther)
    );
  }

  #tell(...change: Parameters<ConsumerFollower>): void {
    for (const follower of this.#followers) follower(...change);
  }

  #index(consumer: ConsumerModel): void {
    this.#readers.clear();
    const { filter } = consumer;
    if (!filter.isExact) this.#wide.add(consumer);
    for (const subject of filter.exact) {
      const same = this.#exact.get(subject);
      if (same === undefined) this.#exact.set(subject, new Set([consumer]));
      else same.add(consumer);
    }
  }

  #unindex(consumer: ConsumerModel): void {
    this.#readers.clear();
    this.#wide.delete(consumer);
    for (const subject of consumer.filter.exact) {
      const same = this.#exact.get(subject);
      if (same?.delete(consumer) && same.size === 0) this.#exact.delete(subject);
    }
  }
}
