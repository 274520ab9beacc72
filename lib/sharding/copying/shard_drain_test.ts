/**
 * For tests: takes messages out of shards with an ack for each, whatever happens to the server, and compares what came with what was
 * published. Holds no test.
 *
 * @module
 */
import { describeError, isPartiError } from "../../errors.ts";
import type { FeedMessage, Pull } from "../../ports/feed.ts";
import type { World } from "../../ports/world.ts";
import { type ShardedFeed, shardStream, shardSubject } from "../shards.ts";
import { SOURCE_SEQUENCE_HEADER } from "./shard_writer.ts";

/** So many messages are asked for. */
const WANTED = 500;

/** A message that came. */
interface Arrival {
  /** Its place in the source. */
  readonly source: number;
  /** Its payload. */
  readonly payload: string;
  /** Its subject. */
  readonly subject: string;
  /** A header that some have. */
  readonly number: string | undefined;
}

const decoder = new TextDecoder();

/** Drains all shards of a feed. */
export class ShardDrain {
  readonly #world: World;
  readonly #layout: ShardedFeed;
  /** What lay at each place of each shard. */
  readonly #arrivals: Map<number, Arrival>[];
  readonly #sources = new Set<number>();
  /** What is added to the sequences of a shard whose server has forgotten how far it had come, and the highest of all. */
  readonly #offsets: number[];
  readonly #highest: number[];
  /** How often that has happened. */
  forgotten = 0;
  readonly #flaws: string[] = [];
  readonly #shards: Promise<void>[];
  readonly #status;
  #renew = Promise.withResolvers<void>();
  #closed = false;

  /**
   * @param world streams, over a connection of its own
   * @param layout the shards
   */
  constructor(world: World, layout: ShardedFeed) {
    this.#world = world;
    this.#layout = layout;
    this.#arrivals = Array.from({ length: layout.shards }, () => new Map());
    this.#offsets = this.#arrivals.map(() => 0);
    this.#highest = this.#arrivals.map(() => 0);
    this.#status = world.messaging.onStatus((status) => {
      if (status === "reconnected") this.#beginAnew();
    });
    this.#shards = this.#arrivals.map((_, shard) => this.#run(shard));
  }

  /** How many messages came, those that came again left out. */
  get count(): number {
    return this.#sources.size;
  }

  /** Whether all of these have come. */
  hasAll(published: ReadonlyMap<number, string>): boolean {
    return published.keys().every((sequence) => this.#sources.has(sequence));
  }

  /** Whether nothing is left in the shards. */
  async isEmpty(): Promise<boolean> {
    try {
      for (let shard = 0; shard < this.#layout.shards; shard++) {
        if ((await this.#info(shard)).messages > 0) return false;
      }
      return true;
    } catch (error) {
      if (isPartiError(error)) return false;
      throw error;
    }
  }

  /**
   * Compares what came with what was published.
   *
   * @param published what was published for certain
   * @returns what is wrong
   */
  async flaws(published: ReadonlyMap<number, string>): Promise<string[]> {
    const flaws = [...this.#flaws];
    const where = new Map<number, string>();
    for (const [shard, arrivals] of this.#arrivals.entries()) {
      const last = await this.#lastOf(shard);
      if (arrivals.size !== last) flaws.push(`shard ${shard}: ${arrivals.size} came of ${last}`);
      let before = 0;
      for (const [sequence, { source, payload, subject, number }] of sorted(arrivals)) {
        const place = `${shard}/${sequence}`;
        if (source <= before) flaws.push(`${place}: ${source} behind ${before}`);
        before = source;
        const twice = where.get(source);
        if (twice !== undefined) flaws.push(`${source} is at ${twice} and at ${place}`);
        where.set(source, place);
        const [key, text] = payload.split(" ") as [string, string];
        if (subject !== shardSubject(this.#layout, key)) flaws.push(`${place}: ${subject}`);
        const wanted = Number(text) % 3 === 0 ? text : undefined;
        if (number !== wanted) flaws.push(`${place}: header ${number} instead of ${wanted}`);
        const sent = published.get(source);
        if (sent !== undefined && sent !== payload) flaws.push(`${place}: ${payload}, not ${sent}`);
      }
    }
    const lost = published.keys().filter((sequence) => !where.has(sequence)).toArray();
    if (lost.length > 0) flaws.push(`${lost.length} lost, ${lost[0]} for one`);
    return flaws.slice(0, 20);
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#status.close();
    this.#renew.resolve();
    await Promise.all(this.#shards);
  }

  #info(shard: number) {
    return this.#world.feed.streamInfo(shardStream(this.#layout.stream, shard));
  }

  /** The last sequence, as if a server never began anew. */
  async #lastOf(shard: number): Promise<number> {
    const { lastSequence } = await this.#info(shard);
    if (this.#offsets[shard]! + lastSequence < this.#highest[shard]!) {
      this.forgotten++;
      this.#offsets[shard] = this.#highest[shard]!;
    }
    return this.#offsets[shard]! + lastSequence;
  }

  #beginAnew(): void {
    this.#renew.resolve();
    this.#renew = Promise.withResolvers();
  }

  /** One consumer after the other: what was under way when a connection went comes again at once from a new one. */
  async #run(shard: number): Promise<void> {
    const { feed } = this.#world;
    const stream = shardStream(this.#layout.stream, shard);
    for (let serial = 1; !this.#closed; serial++) {
      const name = `drain-${serial}`;
      const { promise: over, resolve } = Promise.withResolvers<void>();
      const renewed = this.#renew.promise;
      let pull: Pull | undefined;
      try {
        await this.#lastOf(shard);
        await this.#make(stream, name);
        pull = feed.pull(stream, name, {
          onMessage: (message) => {
            this.#take(shard, message);
            pull?.request(WANTED);
          },
          onLost: () => resolve(),
          onPermission: () => {},
        });
        pull.request(WANTED);
        await Promise.race([over, renewed]);
      } catch (error) {
        if (!isPartiError(error)) this.#flaws.push(describeError(error));
        await new Promise((goOn) => setTimeout(goOn, 20));
      }
      pull?.close();
    }
  }

  async #make(stream: string, name: string): Promise<void> {
    const { feed } = this.#world;
    for (const { name: old } of await feed.listConsumers(stream)) {
      await feed.deleteConsumer(stream, old);
    }
    await feed.createConsumer(stream, {
      ...{ name, filterSubjects: [], ackWaitMs: 30_000, maxAckPending: 2_000 },
      ...{ inactiveThresholdMs: 60_000, metadata: {} },
    });
  }

  #take(shard: number, message: FeedMessage): void {
    const { subject, data } = message;
    const sequence = this.#offsets[shard]! + message.streamSequence;
    this.#highest[shard] = Math.max(this.#highest[shard]!, sequence);
    const arrival: Arrival = {
      source: Number(message.header(SOURCE_SEQUENCE_HEADER)),
      ...{ payload: decoder.decode(data), subject, number: message.header("X-Number") },
    };
    const known = this.#arrivals[shard]!.get(sequence);
    if (known !== undefined && known.payload !== arrival.payload) {
      this.#flaws.push(`${shard}/${sequence} was ${known.payload} and is ${arrival.payload}`);
    }
    this.#arrivals[shard]!.set(sequence, arrival);
    this.#sources.add(arrival.source);
    message.ack();
  }
}

function sorted(arrivals: ReadonlyMap<number, Arrival>): [number, Arrival][] {
  return [...arrivals].sort(([a], [b]) => a - b);
}
