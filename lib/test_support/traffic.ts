/**
 * Messages through a group: published to its partitions, counted, and held against the effects in the output. Only tests import this.
 *
 * @module
 */
import assert from "node:assert/strict";
import { jetstream } from "@nats-io/jetstream";
import { type Partition, partitionId } from "../assignment/partition.ts";
import { encodeJson } from "../codec.ts";
import { partitionSubject } from "../names.ts";
import { sleep } from "../ports/clock.ts";
import { compareEffects } from "./owner_oracle.ts";
import { type ConnectedWorld, until } from "./rig.ts";

/** The names of a group's streams and the subjects in them. */
export function trafficNames(group: string) {
  return {
    feed: `FEED-${group}`,
    feedTemplate: `${group}.in.{{.PartitionID}}`,
    output: `OUT-${group}`,
    outputTemplate: `${group}.out.{{.PartitionID}}`,
  };
}

/** One group's messages. */
export class Traffic {
  readonly #own: ConnectedWorld;
  readonly #names: ReturnType<typeof trafficNames>;
  readonly #partitions: () => readonly Partition[];
  readonly #published = new Map<string, number>();

  /**
   * @param own a connection of the test's own
   * @param group the group
   * @param partitions the partitions there are now
   */
  constructor(own: ConnectedWorld, group: string, partitions: () => readonly Partition[]) {
    this.#own = own;
    this.#names = trafficNames(group);
    this.#partitions = partitions;
  }

  /** Makes the streams. */
  async open(): Promise<void> {
    const { feed: store } = this.#own.world;
    const { feed, feedTemplate, output, outputTemplate } = this.#names;
    const common = { storage: "file", replicas: 1 } as const;
    const subjects = (template: string) => [partitionSubject(template, ">")];
    await store.ensureStream(feed, {
      ...common,
      retention: "workqueue",
      subjects: subjects(feedTemplate),
    });
    await store.ensureStream(output, {
      ...common,
      retention: "limits",
      subjects: subjects(outputTemplate),
    });
  }

  /** Publishes to every partition. */
  async publish(perPartition = 1, list = this.#partitions()): Promise<void> {
    const { world } = this.#own;
    // The test's own connection has a server's restart behind it too.
    await until("the test is connected", () => world.messaging.connected);
    const all: Promise<unknown>[] = [];
    for (const partition of list) {
      const id = partitionId(partition);
      const first = this.#published.get(id) ?? 0;
      this.#published.set(id, first + perPartition);
      const subject = partitionSubject(this.#names.feedTemplate, id);
      for (let n = first; n < first + perPartition; n++) {
        all.push(world.feed.publish(subject, encodeJson({ n })));
      }
    }
    await Promise.all(all);
  }

  /** Publishes one round after another until the function comes back. */
  async whilePublishing(run: () => Promise<void>, everyMs = 10): Promise<void> {
    let over = false;
    const publishing = (async () => {
      while (!over) {
        await this.publish();
        await sleep(this.#own.world.clock, everyMs);
      }
    })();
    try {
      await run();
    } finally {
      over = true;
      await publishing;
    }
  }

  /** How many messages wait or are being handled. */
  async backlog(): Promise<number> {
    return (await this.#own.world.feed.streamInfo(this.#names.feed)).messages;
  }

  /** Waits until the feed is empty. */
  async untilDrained(timeoutMs = 15_000): Promise<void> {
    const { messaging } = this.#own.world;
    await until(
      "the feed is empty",
      async () => messaging.connected && await this.backlog() === 0,
      timeoutMs,
    );
  }

  /** Asserts that every message had its effect exactly once, in order. */
  async assertEffects(): Promise<void> {
    assert.deepEqual(compareEffects(this.#published, await this.#effects()), []);
  }

  async #effects(): Promise<Map<string, number[]>> {
    const { output, outputTemplate } = this.#names;
    const effects = new Map<string, number[]>();
    const { messages, lastSequence } = await this.#own.world.feed.streamInfo(output);
    if (messages === 0) return effects;
    const consumer = await jetstream(this.#own.nc).consumers.get(output);
    const all = await consumer.consume();
    const prefix = partitionSubject(outputTemplate, "");
    for await (const message of all) {
      const id = message.subject.slice(prefix.length);
      const list = effects.get(id) ?? [];
      effects.set(id, list);
      list.push(message.json<{ n: number }>().n);
      if (message.seq === lastSequence) break;
    }
    return effects;
  }
}
