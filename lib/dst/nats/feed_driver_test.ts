/**
 * For tests: carries operations on streams and consumers out in any world, and says what came of them. Holds no test.
 *
 * @module
 */
import { isPartiError } from "../../errors.ts";
import { sleep } from "../../ports/clock.ts";
import { bytes, textOf } from "../../ports/contract/helpers_test.ts";
import type { ConsumerConfig, FeedStore, Pull, StreamOptions } from "../../ports/feed.ts";
import type { World } from "../../ports/world.ts";
import {
  type FeedOperation,
  type FeedTroubles,
  headersOf,
  LONG_MS,
  NAMES,
  STREAMS,
} from "./feed_operations_test.ts";
import { PullBook } from "./pull_book_test.ts";

/** An ack wait for redeliveries. */
const SHORT_MS = 50;
/** The server looks at a changed ack wait after 100 ms. */
const EXPIRED_MS = 160;

/** Carries operations out in one world. */
export class FeedDriver {
  readonly #world: World;
  readonly #feed: FeedStore;
  readonly #options: readonly StreamOptions[];
  readonly #prefix: string;
  readonly #version: string;
  readonly #troubles: FeedTroubles;
  readonly #pulls: PullBook;
  readonly #made = new Map<string, ConsumerConfig>();
  readonly #now = new Map<string, ConsumerConfig>();
  readonly #lastSeen = new Map<string, number>();
  /** The last sequence of each stream, by its place. */
  readonly #lastOf = new Map<number, number>();
  #published = 0;

  /**
   * @param world the world
   * @param prefix what the names of the streams begin with
   * @param options how the streams are made
   * @param version the server's version
   * @param troubles what can go wrong
   */
  constructor(
    world: World,
    prefix: string,
    options: readonly StreamOptions[],
    version: string,
    troubles: FeedTroubles,
  ) {
    this.#version = version;
    this.#troubles = troubles;
    this.#world = world;
    this.#feed = world.feed;
    this.#pulls = new PullBook(world.feed);
    this.#prefix = prefix;
    this.#options = options;
  }

  /** Makes the streams. */
  async start(): Promise<void> {
    for (const place of STREAMS) await this.#make(place);
  }

  /** Removes the streams. */
  async end(): Promise<void> {
    this.#pulls.closeAll();
    for (const place of STREAMS) await this.#feed.destroyStream(this.#stream(place));
  }

  /** Carries one operation out. Returns what came of it, as text. */
  async run(operation: FeedOperation): Promise<string> {
    try {
      return String(await this.#run(operation));
    } catch (error) {
      if (!isPartiError(error)) throw error;
      const { errCode } = (error.value ?? {}) as { errCode?: number };
      return errCode === undefined ? error.code : `${error.code} ${errCode}`;
    }
  }

  /** What pulls have said since this was last called. */
  takeHeard(): string[] {
    return this.#pulls.takeHeard();
  }

  /** How many lines {@linkcode takeHeard} would return. */
  get heardCount(): number {
    return this.#pulls.heardCount;
  }

  /** How everything is, as text. */
  async state(): Promise<string> {
    const lines: string[] = [];
    for (const place of STREAMS) {
      const { messages, lastSequence } = await this.#feed.streamInfo(this.#stream(place));
      lines.push(`${place}: ${messages} messages, last ${lastSequence}`);
      for (const info of await this.#feed.listConsumers(this.#stream(place))) {
        const { name, filterSubjects, metadata, pending, ackPending, delivered } = info;
        const wants = this.#pulls.outstanding(`${place} ${name}`);
        lines.push(
          `  ${name} [${filterSubjects}] ${metadata["worker"]} pending ${pending} ` +
            `unacked ${ackPending} delivered ${delivered} wants ${wants}`,
        );
      }
    }
    return lines.join("\n");
  }

  #stream(place: number): string {
    return `${this.#prefix}${place}`;
  }

  #make(place: number): Promise<void> {
    return this.#feed.ensureStream(this.#stream(place), this.#options[place]!);
  }

  async #run(operation: FeedOperation): Promise<unknown> {
    switch (operation.op) {
      case "publish":
        return await this.#publish(operation);
      case "create":
        return await this.#create(operation.stream, operation.config);
      case "createAgain": {
        const { stream, who } = operation;
        const config = this.#made.get(`${stream} ${this.#name(stream, who)}`);
        if (config === undefined) return "none";
        return await this.#feed.createConsumer(this.#stream(operation.stream), config);
      }
      case "shrink":
        return await this.#shrink(operation);
      case "delete":
        return await this.#delete(operation.stream, this.#name(operation.stream, operation.who));
      case "pull": {
        const { stream, who, count, bytes } = operation;
        return this.#pull(stream, this.#name(stream, who)).request(count, bytes);
      }
      case "close":
        return this.#pulls.close(
          `${operation.stream} ${this.#name(operation.stream, operation.who)}`,
        );
      case "ack":
        return this.#pulls.message(operation.pick)?.ack();
      case "ackConfirmed":
        return await this.#pulls.message(operation.pick)?.ackConfirmed(200);
      case "working":
        return this.#pulls.message(operation.pick)?.working();
      case "last":
        return await this.#last(operation.stream, operation.subject);
      case "redeliver":
        return await this.#redeliver(operation.stream, operation.who);
      case "handOver":
        return await this.#handOver(operation.stream, operation.who);
      case "recreate":
        // An older server may end the stream before it has told all who pull from it.
        for (const name of NAMES) this.#pulls.close(`${operation.stream} ${name}`);
        await this.#feed.destroyStream(this.#stream(operation.stream));
        for (const name of NAMES) this.#now.delete(`${operation.stream} ${name}`);
        this.#lastOf.delete(operation.stream);
        return await this.#make(operation.stream);
      case "cut":
        return await this.#troubles.cut();
      case "crash":
        await this.#troubles.crash();
        for (const place of STREAMS) {
          if (this.#options[place]!.storage === "memory") this.#lastOf.delete(place);
        }
        // Consumers are gone, and streams that were only in memory.
        this.#now.clear();
        return await this.start();
    }
  }

  /**
   * Before 2.12.15 a server may find no last message of a subject after the last one was removed from behind others, until something else
   * makes it look again. Where acks remove messages it cannot be told what it will say.
   */
  #knowsLast(subject: string): boolean {
    return subject.startsWith("2.") || !/^2\.1[01]\./.test(this.#version);
  }

  /** Mostly a consumer that is there. */
  #name(stream: number, who: number): string {
    const there = NAMES.filter((name) => this.#now.has(`${stream} ${name}`));
    const names = who % 8 === 0 || there.length === 0 ? NAMES : there;
    return names[who % names.length]!;
  }

  async #create(stream: number, wanted: ConsumerConfig): Promise<string> {
    const key = `${stream} ${wanted.name}`;
    const { startSequence = 0 } = wanted;
    const behindLast = (this.#lastOf.get(stream) ?? 0) + 1;
    // Farther behind the end servers of different versions begin elsewhere.
    const config = startSequence > behindLast ? { ...wanted, startSequence: behindLast } : wanted;
    await this.#feed.createConsumer(this.#stream(stream), config);
    this.#made.set(key, config);
    this.#now.set(key, config);
    return "made";
  }

  async #delete(stream: number, name: string): Promise<boolean> {
    const isDeleted = await this.#feed.deleteConsumer(this.#stream(stream), name);
    this.#now.delete(`${stream} ${name}`);
    return isDeleted;
  }

  async #publish(operation: FeedOperation & { op: "publish" }): Promise<string> {
    const { stream, subject, size, id, streamPlus } = operation;
    const expectedPlus = this.#knowsLast(subject) ? operation.expectedPlus : undefined;
    const text = String(++this.#published).padEnd(size, ".");
    const expected = (this.#lastSeen.get(subject) ?? 0) + (expectedPlus ?? 0);
    const { sequence, duplicate } = await this.#feed.publish(subject, bytes(text), {
      ...(id === undefined ? {} : { messageId: id }),
      ...(expectedPlus === undefined ? {} : { expectedLastSubjectSequence: expected }),
      ...(streamPlus === undefined
        ? {}
        : { expectedLastSequence: (this.#lastOf.get(stream) ?? 0) + streamPlus }),
      ...(size % 3 === 0 ? { headers: { "X-Size": ` ${size}ü` } } : {}),
    });
    if (!duplicate) {
      this.#lastSeen.set(subject, sequence);
      this.#lastOf.set(stream, sequence);
    }
    return `${sequence}${duplicate ? " duplicate" : ""}`;
  }

  async #shrink(operation: FeedOperation & { op: "shrink" }): Promise<string> {
    const { stream, who, keep, fromStart } = operation;
    const name = this.#name(stream, who);
    const key = `${stream} ${name}`;
    const config = (fromStart ? this.#made : this.#now).get(key);
    if (config === undefined) return "none";
    const kept = config.filterSubjects.filter((_, index) => (keep >> index) % 2 === 1);
    await this.#feed.shrinkConsumer(this.#stream(stream), config, kept);
    this.#now.set(key, { ...config, filterSubjects: kept });
    return "shrunk";
  }

  #pull(stream: number, name: string): Pull {
    return this.#pulls.open(`${stream} ${name}`, this.#stream(stream), name);
  }

  async #last(stream: number, subject: string): Promise<string> {
    if (!this.#knowsLast(subject)) return "not known";
    const last = await this.#feed.lastMessage(this.#stream(stream), subject);
    if (last === undefined) return "none";
    return `${last.sequence} ${textOf(last.data)} ${headersOf(last)}`;
  }

  /** Gives one subject of a consumer to a new one, as lanes are moved. */
  async #handOver(stream: number, who: number): Promise<string> {
    const name = this.#name(stream, who);
    const config = this.#now.get(`${stream} ${name}`);
    const heir = NAMES.find((other) => !this.#now.has(`${stream} ${other}`));
    if (config === undefined || config.filterSubjects.length < 2 || heir === undefined) {
      return "none";
    }
    const given = config.filterSubjects[who % config.filterSubjects.length]!;
    const kept = config.filterSubjects.filter((subject) => subject !== given);
    await this.#feed.shrinkConsumer(this.#stream(stream), config, kept);
    this.#now.set(`${stream} ${name}`, { ...config, filterSubjects: kept });
    const made = { ...config, name: heir, filterSubjects: [given] };
    await this.#create(stream, made);
    if (who % 2 === 0) this.#pull(stream, heir).request(who % 5);
    return "handed over";
  }

  /** Lets all ack waits of a consumer end, while nobody pulls. */
  async #redeliver(stream: number, who: number): Promise<string> {
    const name = this.#name(stream, who);
    const config = this.#now.get(`${stream} ${name}`);
    if (config === undefined || config.filterSubjects.length === 0) return "none";
    this.#pulls.close(`${stream} ${name}`);
    await sleep(this.#world.clock, 1.2 * SHORT_MS);
    const change = (ackWaitMs: number): Promise<void> =>
      this.#feed.shrinkConsumer(
        this.#stream(stream),
        { ...config, ackWaitMs },
        config.filterSubjects,
      );
    await change(SHORT_MS);
    await sleep(this.#world.clock, EXPIRED_MS);
    await change(LONG_MS);
    if (who % 3 > 0) this.#pull(stream, name).request(who % 8);
    return "due";
  }
}
