/**
 * A producer: publishes its partitions' messages at their rates, each partition strictly one after the other, and can be
 * killed between any two steps.
 *
 * What makes it crash-safe: a message's ID is its partition and sequence, so that the stream drops a second copy; a publication
 * of unknown outcome is looked up before it is repeated; and a new incarnation continues from what the server holds
 * ({@linkcode lastStored}) or from its own receipts, whichever is further.
 *
 * @module
 */
import { isPartiError, OUTAGE_CODES } from "../../lib/errors.ts";
import { sleep } from "../../lib/ports/clock.ts";
import type { KvBucket } from "../../lib/ports/kv.ts";
import type { World } from "../../lib/ports/world.ts";
import { replicasOf } from "../config/nats_section.ts";
import { Seeded } from "../seed/seeded.ts";
import { rateMultiplier } from "../seed/weights.ts";
import { lastStored } from "../streams/last_stored.ts";
import { encodeMessage, nowUs } from "../streams/message.ts";
import { feedSubject } from "../streams/topology.ts";
import type { Reporter } from "../wire/reporter.ts";
import { type ChildSpec, fromBytes, type PartitionChanges, toBytes } from "../wire/wire.ts";
import { addedLines, initialLines, type Line } from "./line.ts";

/** What is due within so long is sent together, … */
const TICK_MS = 5;
/** … and so often it is looked at the latest: rates change, and lines come. */
const LOOK_MS = 50;
const PUBLISH_TIMEOUT_MS = 2_000;
const RETRY_DELAY_MS = 200;
const RECEIPT_INTERVAL_MS = 500;
/** After an outage a producer catches up this much of what it owes; the rest is not owed any more. */
const MAX_ARREARS_MS = 2_000;
const LOOKUPS_AT_ONCE = 32;

/** A producer. */
export class SimProducer {
  readonly #spec: ChildSpec;
  readonly #world: World;
  readonly #reporter: Reporter;
  readonly #lines: Line[];
  readonly #finishing = new AbortController();
  /** The changes of partitions one after the other: each finds the lines that the one before has made. */
  #changing: Promise<void> = Promise.resolve();
  readonly #poisonings = new Map<number, Promise<void>>();
  #receipts: KvBucket | undefined;
  #sequence = 0;
  #changed = false;
  /** When the load began, on the producer's clock; undefined if it begins with this producer. */
  #loadFromMs: number | undefined;

  /**
   * @param spec who and where
   * @param world the producer's world
   * @param reporter where reports go
   */
  constructor(spec: ChildSpec, world: World, reporter: Reporter) {
    this.#spec = spec;
    this.#world = world;
    this.#reporter = reporter;
    this.#lines = initialLines(spec);
  }

  /** Finds out where each partition stands and tells the coordinator. */
  async prepare(): Promise<void> {
    const { topology, name, config } = this.#spec;
    const options = { ttlMs: 0, replicas: replicasOf(config.nats), storage: "file" } as const;
    const bucket = await this.#patiently(() =>
      this.#world.kv.open(topology.producerBucket, options)
    );
    this.#receipts = bucket;
    const entry = await this.#patiently(() => bucket.get(name));
    const receipts = entry === undefined || entry.operation !== "put"
      ? {}
      : fromBytes<Record<string, number>>(entry.value);
    await this.#lookUp(this.#lines, receipts);
    await this.#reporter.flush();
  }

  /**
   * Goes by the partitions that there are now. Lines of new ones are begun where they stand, since a former process of this name may have
   * sent there; what is retired gets no further message.
   *
   * @param changes what came and what went
   * @returns when all that was sent to retired ones is known and reported
   */
  change({ added, retired }: PartitionChanges): Promise<void> {
    this.#changing = this.#changing.then(async () => {
      const known = new Set(this.#lines.map(({ partition }) => partition));
      const nowMs = this.#world.clock.monotonicMs();
      const lines = addedLines(this.#spec, added.filter((one) => !known.has(one)), nowMs);
      await this.#lookUp(lines, {});
      this.#lines.push(...lines);
      for (const line of this.#lines) {
        if (!retired.includes(line.partition)) continue;
        line.retired = true;
        await line.underWay;
      }
      await this.#reporter.flush();
    });
    return this.#changing;
  }

  /**
   * Sends a message on which every handler fails, and the next one right behind it.
   *
   * @param partition where
   * @param order the number of the wish: a wish that is repeated, because its answer was lost, is fulfilled once
   * @returns when both are stored and reported
   */
  poison(partition: number, order: number): Promise<void> {
    const known = this.#poisonings.get(order);
    if (known !== undefined) return known;
    const poisoning = this.#poison(partition);
    this.#poisonings.set(order, poisoning);
    return poisoning;
  }

  async #poison(partition: number): Promise<void> {
    const line = this.#lines.find((one) => one.partition === partition);
    if (line === undefined || line.retired) return;
    while (line.underWay !== undefined) await line.underWay;
    await this.#begin(line, async () => {
      await this.#publish(line, true);
      await this.#publish(line);
    });
    await this.#reporter.flush();
  }

  /** Finds out how far lines are, and reports it. */
  async #lookUp(lines: readonly Line[], receipts: Record<string, number>): Promise<void> {
    for (let from = 0; from < lines.length; from += LOOKUPS_AT_ONCE) {
      await Promise.all(
        lines.slice(from, from + LOOKUPS_AT_ONCE).map(async (line) => {
          const stored = await this.#lastStored(line.partition);
          line.last = Math.max(stored, receipts[line.partition] ?? 0);
          this.#reportSent(line.partition, 1, line.last);
        }),
      );
    }
  }

  /**
   * The load began before this process was told to begin, if it is a new one: all producers go up and down together.
   *
   * @param elapsedMs how long ago
   */
  loadHasLasted(elapsedMs: number): void {
    this.#loadFromMs = this.#world.clock.monotonicMs() - elapsedMs;
  }

  /** Publishes until {@linkcode finish}; returns when every outcome is known and reported. */
  async run(): Promise<void> {
    const { clock } = this.#world;
    const startMs = clock.monotonicMs();
    const { rate_variation } = this.#spec.config.producers;
    for (const line of this.#lines) {
      // Partitions start at seeded places of their interval, so that they do not all come at once.
      const phase = new Seeded(this.#spec.seed, "phase", line.partition).float(line.last);
      line.dueMs = startMs + (phase * 1_000) / line.ratePerSecond;
    }
    let receiptMs = startMs;
    while (!this.#finishing.signal.aborted) {
      await this.#reporter.room();
      const nowMs = clock.monotonicMs();
      const multiplier = rateMultiplier(rate_variation, nowMs - (this.#loadFromMs ?? startMs));
      for (const line of this.#lines) {
        if (line.underWay !== undefined || line.retired || line.dueMs > nowMs) continue;
        this.#publishNext(line, nowMs, multiplier);
      }
      if (nowMs - receiptMs >= RECEIPT_INTERVAL_MS) {
        receiptMs = nowMs;
        void this.#writeReceipt();
      }
      await sleep(clock, this.#restMs(clock.monotonicMs()), this.#finishing.signal);
    }
    await this.#changing;
    await Promise.all(this.#lines.map(({ underWay }) => underWay));
    await this.#writeReceipt();
    await this.#reporter.flush();
  }

  /** How long there is nothing to do: ten producers that look at every moment would take a fourth of a core from what is to be seen. */
  #restMs(nowMs: number): number {
    let restMs = LOOK_MS;
    for (const { retired, dueMs } of this.#lines) {
      // Also of one that is being published: the end of that wakes nobody.
      if (!retired) restMs = Math.min(restMs, dueMs - nowMs);
    }
    return Math.max(TICK_MS, restMs);
  }

  /** No further messages; {@linkcode run} ends when the outcome of those under way is known. */
  finish(): void {
    this.#finishing.abort();
  }

  #publishNext(line: Line, nowMs: number, multiplier: number): void {
    const intervalMs = 1_000 / (line.ratePerSecond * multiplier);
    line.dueMs = Math.max(line.dueMs + intervalMs, nowMs - MAX_ARREARS_MS);
    void this.#begin(line, () => this.#publish(line));
  }

  /** One publishing of a line at a time: its messages keep their order. */
  #begin(line: Line, work: () => Promise<void>): Promise<void> {
    return line.underWay = work().finally(() => line.underWay = undefined);
  }

  async #publish(line: Line, poisoned = false): Promise<void> {
    const sequence = line.last + 1;
    this.#sequence++;
    const data = encodeMessage({
      partitionId: line.partition,
      producerId: this.#spec.name,
      partitionSequence: sequence,
      producerSequence: this.#sequence,
      timestampUs: nowUs(),
      weight: line.weight,
      poisoned,
    });
    await this.#storeOnce(line.partition, sequence, data);
    line.last = sequence;
    this.#changed = true;
    this.#reportSent(line.partition, sequence, sequence);
  }

  /** Returns when the message is known to be stored, once. */
  async #storeOnce(partition: number, sequence: number, data: Uint8Array): Promise<void> {
    const { feed, clock } = this.#world;
    const { topology } = this.#spec;
    const subject = feedSubject(topology, partition);
    const options = { messageId: `${partition}-${sequence}`, timeoutMs: PUBLISH_TIMEOUT_MS };
    for (;;) {
      try {
        await feed.publish(subject, data, options);
        return;
      } catch (error) {
        if (!isTemporary(error)) throw error;
        if (isPartiError(error, "PARTI_TIMEOUT")) {
          this.#reporter.add({ kind: "uncertain", partition, sequence });
        }
      }
      // The ID protects from a repeat only as long as the server remembers it, and a killed server forgets the IDs of
      // messages that are already consumed. So the outcome is looked up first.
      await sleep(clock, RETRY_DELAY_MS);
      if (await this.#lastStored(partition) >= sequence) return;
    }
  }

  #lastStored(partition: number): Promise<number> {
    return this.#patiently(() => lastStored(this.#world.feed, this.#spec.topology, partition));
  }

  /** Tries until there is an answer; how long that may take is the coordinator's business. */
  async #patiently<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!isTemporary(error)) throw error;
        await sleep(this.#world.clock, RETRY_DELAY_MS);
      }
    }
  }

  #reportSent(partition: number, first: number, last: number): void {
    if (last >= first) this.#reporter.add({ kind: "sent", partition, first, last });
  }

  /** A receipt is a second source only: it may be late or missing. */
  async #writeReceipt(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    const receipts = Object.fromEntries(
      this.#lines.map(({ partition, last }) => [partition, last]),
    );
    try {
      await this.#receipts?.put(this.#spec.name, toBytes(receipts));
    } catch {
      this.#changed = true;
    }
  }
}

function isTemporary(error: unknown): boolean {
  return isPartiError(
    error,
    ...OUTAGE_CODES,
    // A server that has just started refuses for a moment, and a full stream until the workers have caught up. The coordinator's
    // patience bounds this.
    "PARTI_REFUSED",
    "PARTI_STREAM_FULL",
  );
}
