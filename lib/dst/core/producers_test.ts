/** Each partition has one producer, each message one number, and what comes twice comes before what follows it. */
import assert from "node:assert/strict";
import { decodeJsonObject } from "../../codec.ts";
import { PartiError } from "../../errors.ts";
import type { PublishOptions } from "../../ports/feed.ts";
import type { World } from "../../ports/world.ts";
import { Assertions } from "../assertions/assertions.ts";
import { drawsOf, type Simulation } from "../workload.ts";
import { type CoreCatalog, coreCatalog } from "./catalog.ts";
import type { CoreParameters } from "./parameters.ts";
import { plainParameters } from "./plain_parameters_test.ts";
import { Producers } from "./producers.ts";

interface Publication {
  readonly producer: string;
  readonly subject: string;
  readonly number: number;
  readonly id: string | undefined;
}

/** Producers on a feed that remembers everything it is asked to store, and loses its word for each message of some number once. */
class Rig {
  readonly published: Publication[] = [];
  readonly assertions = new Assertions<CoreCatalog>(coreCatalog, () => {});
  readonly producers: Producers;
  readonly #lost: Set<number>;

  constructor(more: Partial<CoreParameters>, partitions: readonly string[], lost: number[] = []) {
    this.#lost = new Set(lost);
    const simulation = {
      assertions: this.assertions,
      plan: { seed: 1 },
      draws: drawsOf(1),
    } as unknown as Simulation<CoreCatalog>;
    this.producers = new Producers({
      simulation,
      parameters: { ...plainParameters("2.15.1"), ...more },
      connect: (name) => this.#world(name),
      partitions: () => partitions,
      subjectOf: (partition) => `in.${partition}`,
    });
  }

  #world(producer: string): World {
    const publish = (subject: string, data: Uint8Array, { messageId }: PublishOptions = {}) => {
      const number = Number(decodeJsonObject(data)?.["n"]);
      const duplicate = this.published.some(({ id }) => id === messageId);
      this.published.push({ producer, subject, number, id: messageId });
      if (!this.#lost.delete(number)) return Promise.resolve({ sequence: 1, duplicate });
      return Promise.reject(new PartiError("PARTI_TIMEOUT", "the feed's word is lost"));
    };
    const setTimer = (_delayMs: number, fire: () => void) => {
      queueMicrotask(fire);
      return { cancel: () => {} };
    };
    const world = { feed: { publish }, clock: { monotonicMs: () => 0, setTimer } };
    return world as unknown as World;
  }
}

const PARTITIONS = Array.from({ length: 8 }, (_, n) => `p${n}`);

Deno.test("each partition is published to by one producer, and no number is used twice", async () => {
  const rig = new Rig({ producers: 3 }, PARTITIONS);
  await rig.producers.visitAll();
  await rig.producers.visitAll();
  assert.equal(rig.published.length, 2 * PARTITIONS.length);
  const producersOf = new Map<string, Set<string>>();
  for (const { subject, producer } of rig.published) {
    producersOf.set(subject, (producersOf.get(subject) ?? new Set()).add(producer));
  }
  assert.ok([...producersOf.values()].every(({ size }) => size === 1));
  assert.equal(new Set(rig.published.map(({ producer }) => producer)).size, 3);
  assert.equal(new Set(rig.published.map(({ number }) => number)).size, rig.published.length);
});

Deno.test("a partition keeps its producer when others come after it or go", async () => {
  const before = new Rig({ producers: 2 }, PARTITIONS);
  const after = new Rig({ producers: 2 }, [...PARTITIONS.slice(0, 5), "p8", "p9"]);
  await Promise.all([before.producers.visitAll(), after.producers.visitAll()]);
  for (const { subject, producer } of before.published) {
    const other = after.published.find((one) => one.subject === subject);
    if (other !== undefined) assert.equal(other.producer, producer);
  }
});

Deno.test("only the first one repeats, under the same ID and at once", async () => {
  const rig = new Rig({ producers: 2, repeats: 1 }, ["p0", "p1"]);
  await rig.producers.visitAll();
  await rig.producers.visitAll();
  const ofFirst = rig.published.filter(({ subject }) => subject === "in.p0");
  assert.deepEqual(ofFirst.map(({ number }) => number), [0, 0, 2, 2]);
  assert.ok(ofFirst.every(({ id, number }) => id === `message-${number}`));
  const ofSecond = rig.published.filter(({ subject }) => subject === "in.p1");
  assert.deepEqual(ofSecond.map(({ number }) => number), [1, 3]);
  assert.equal(rig.assertions.tallies()["the feed dropped what came twice"]?.held, 2);
});

Deno.test("what had no answer is published again under the same ID until it has one", async () => {
  const rig = new Rig({ producers: 2 }, ["p0", "p1"], [0, 1]);
  await rig.producers.visitAll();
  const numbers = rig.published.map(({ number }) => number);
  assert.deepEqual(numbers.sort(), [0, 0, 1, 1]);
});
