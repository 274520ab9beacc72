import assert from "node:assert/strict";
import fc from "fast-check";
import { type EffectToken, EPOCH_HEADER, FencedOutput, INPUT_SEQUENCE_HEADER } from "./effects.ts";
import { isPartiError, PartiError } from "../errors.ts";
import type { FeedStore, PublishAck, PublishOptions, StoredMessage } from "../ports/feed.ts";
import { natsTest } from "../test_support/rig.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const OPTIONS = { stream: "output", subjectTemplate: "output.{{.PartitionID}}", timeoutMs: 1_000 };

/** An output stream in memory: a list, and the one rule that counts. */
class ModelOutput {
  readonly stored: StoredMessage[] = [];
  /** Called before the stream decides; what it returns happens instead of an answer. */
  onPublish: (number: number) => "store" | "store, no answer" | "no answer" = () => "store";
  publishes = 0;
  reads = 0;

  /** The stream as a port. Every call takes a turn, so that calls of two owners can meet. */
  get feed(): FeedStore {
    return {
      publish: async (subject: string, data: Uint8Array, options: PublishOptions = {}) => {
        const what = this.onPublish(++this.publishes);
        await undefined;
        if (what === "no answer") throw new PartiError("PARTI_TIMEOUT", "lost on the way");
        const ack = this.#store(subject, data, options);
        await undefined;
        if (what === "store, no answer") throw new PartiError("PARTI_TIMEOUT", "answer lost");
        return ack;
      },
      lastMessage: async (_stream: string, subject: string) => {
        this.reads++;
        await undefined;
        const last = this.last(subject);
        await undefined;
        return last;
      },
    } as Partial<FeedStore> as FeedStore;
  }

  last(subject: string): StoredMessage | undefined {
    return this.stored.findLast((message) => message.subject === subject);
  }

  /** The inputs whose effects are stored, of one partition. */
  inputs(partition: string): number[] {
    return this.stored.filter(({ subject }) => subject === `output.${partition}`)
      .map((message) => Number(message.header(INPUT_SEQUENCE_HEADER)));
  }

  #store(subject: string, data: Uint8Array, options: PublishOptions): PublishAck {
    const last = this.last(subject)?.sequence ?? 0;
    if (options.expectedLastSubjectSequence !== last) {
      throw new PartiError("PARTI_CONFLICT", `the last one is ${last}`);
    }
    const sequence = this.stored.length + 1;
    const { headers = {} } = options;
    this.stored.push({ subject, sequence, data, header: (name) => headers[name] });
    return { sequence, duplicate: false };
  }
}

function token(instance: string, generation: number, partitionId = "a", epoch = 1): EffectToken {
  return { partitionId, instance, epoch, generation };
}

const data = encoder.encode("effect");

Deno.test("the first write to an empty subject, and the ones after it, cost one call each once the tail is known", async () => {
  const model = new ModelOutput();
  const output = new FencedOutput(model.feed, OPTIONS);
  for (const input of [3, 5, 9]) {
    assert.equal(await output.write(token("x", 1), input, data, { Extra: `${input}` }), "written");
  }
  assert.deepEqual(model.inputs("a"), [3, 5, 9]);
  assert.deepEqual([model.publishes, model.reads], [3, 1]);
  const [first] = model.stored;
  assert.equal(first!.header("Extra"), "3");
  assert.equal(first!.header(EPOCH_HEADER), "1");
});

Deno.test("an effect that is there is not written again, also by a new owner that knows nothing", async () => {
  const model = new ModelOutput();
  await new FencedOutput(model.feed, OPTIONS).write(token("x", 1), 7, data);
  const output = new FencedOutput(model.feed, OPTIONS);
  assert.equal(await output.write(token("y", 2), 7, data), "already");
  assert.equal(await output.write(token("y", 2), 6, data), "already");
  assert.equal(await output.write(token("y", 2), 8, data), "written");
  assert.equal(await output.write(token("y", 2), 8, data), "already");
});

Deno.test("a zombie is refused once its successor has written, by generation as by epoch", async () => {
  for (const successor of [token("y", 2), token("y", 1, "a", 2)]) {
    const model = new ModelOutput();
    const zombie = new FencedOutput(model.feed, OPTIONS);
    await zombie.write(token("x", 1), 1, data);
    await new FencedOutput(model.feed, OPTIONS).write(successor, 2, data);
    await assert.rejects(zombie.write(token("x", 1), 3, data), { code: "PARTI_FENCED" });
    assert.deepEqual(model.inputs("a"), [1, 2]);
  }
});

Deno.test("a worker that gets a partition back under a newer right writes again, whatever it remembers", async () => {
  const model = new ModelOutput();
  const mine = new FencedOutput(model.feed, OPTIONS);
  await mine.write(token("x", 1), 1, data);
  await new FencedOutput(model.feed, OPTIONS).write(token("y", 2), 2, data);
  assert.equal(await mine.write(token("x", 3), 2, data), "already");
  assert.equal(await mine.write(token("x", 3), 4, data), "written");
  mine.forget("a");
  assert.equal(await mine.write(token("x", 3), 5, data), "written");
  assert.deepEqual(model.inputs("a"), [1, 2, 4, 5]);
});

Deno.test("an unknown outcome is looked up: stored counts as stored, lost is sent again", async () => {
  for (const first of ["store, no answer", "no answer"] as const) {
    const model = new ModelOutput();
    model.onPublish = (number) => number === 1 ? first : "store";
    const outcome = await new FencedOutput(model.feed, OPTIONS).write(token("x", 1), 1, data);
    assert.equal(outcome, first === "no answer" ? "written" : "already");
    assert.deepEqual(model.inputs("a"), [1]);
  }
});

Deno.test("a stream that never answers is given up after a few tries, and the same write may be tried again", async () => {
  const model = new ModelOutput();
  model.onPublish = () => "no answer";
  const output = new FencedOutput(model.feed, OPTIONS);
  await assert.rejects(output.write(token("x", 1), 1, data), { code: "PARTI_TIMEOUT" });
  assert.equal(model.publishes, 5);
  model.onPublish = () => "store";
  assert.equal(await output.write(token("x", 1), 1, data), "written");
});

Deno.test("what else the stream says is the caller's, and nothing is remembered wrongly", async () => {
  const model = new ModelOutput();
  const output = new FencedOutput(model.feed, OPTIONS);
  const feed = model.feed;
  const broken = new FencedOutput({
    ...feed,
    publish: () => Promise.reject(new PartiError("PARTI_DISCONNECTED", "down")),
  }, OPTIONS);
  await assert.rejects(broken.write(token("x", 1), 1, data), { code: "PARTI_DISCONNECTED" });
  assert.equal(await output.write(token("x", 1), 1, data), "written");
});

Deno.test("a message without readable headers counts as nobody's", async () => {
  const model = new ModelOutput();
  model.stored.push({ subject: "output.a", sequence: 1, data, header: () => "nonsense" });
  assert.equal(
    await new FencedOutput(model.feed, OPTIONS).write(token("x", 1), 1, data),
    "written",
  );
});

/** What an owner does in a run: it handles from where it stands, and may be a zombie at any time. */
interface Step {
  readonly owner: number;
  readonly fate: "store" | "store, no answer" | "no answer";
}

const steps = fc.array(
  fc.record({
    owner: fc.nat({ max: 1 }),
    fate: fc.constantFrom<Step["fate"]>("store", "store", "store, no answer", "no answer"),
  }),
  { minLength: 1, maxLength: 40 },
);

/**
 * Two owners, each handling inputs in order from the first one that is not acknowledged. The older one never hears that it has lost
 * the partition. Each of its writes is cut into turns by the scheduler, so that the two meet in every possible way.
 */
async function race(
  scheduler: fc.Scheduler,
  plan: readonly Step[],
  planted: boolean,
): Promise<ModelOutput> {
  const model = new ModelOutput();
  let published = 0;
  model.onPublish = () => plan[published++]?.fate ?? "store";
  const { feed } = model;
  const scheduled = {
    publish: async (...args: Parameters<FeedStore["publish"]>) => {
      await scheduler.schedule(Promise.resolve(), "publish");
      const options = planted
        ? { ...args[2], expectedLastSubjectSequence: model.last(args[0])?.sequence ?? 0 }
        : args[2];
      return await feed.publish(args[0], args[1], options);
    },
    lastMessage: async (...args: Parameters<FeedStore["lastMessage"]>) => {
      const last = await feed.lastMessage(...args);
      await scheduler.schedule(Promise.resolve(), "read");
      return last;
    },
  } as Partial<FeedStore> as FeedStore;
  const acked = { through: 0 };
  const handle = async (index: number, inputs: number) => {
    const output = new FencedOutput(scheduled, OPTIONS);
    const right = token(`owner-${index}`, index + 1);
    for (let input = acked.through + 1; input <= inputs; input++) {
      for (let tries = 0; tries < 20; tries++) {
        try {
          await output.write(right, input, encoder.encode(`${input}`));
          acked.through = Math.max(acked.through, input);
          break;
        } catch (error) {
          if (isPartiError(error, "PARTI_FENCED")) return;
          if (!isPartiError(error, "PARTI_TIMEOUT")) throw error;
        }
      }
    }
  };
  const inputs = plan.length;
  const older = handle(0, inputs);
  const newer = scheduler.schedule(Promise.resolve(), "take over").then(() => handle(1, inputs));
  await scheduler.waitFor(Promise.all([older, newer]));
  return model;
}

Deno.test("property: however two owners meet, every effect is there once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), steps, async (scheduler, plan) => {
      const model = await race(scheduler, plan, false);
      assert.deepEqual(model.inputs("a"), plan.map((_, index) => index + 1));
    }),
    { numRuns: 300 },
  );
});

Deno.test("planted: without the guard the property does not hold", async () => {
  const result = await fc.check(
    fc.asyncProperty(fc.scheduler(), steps, async (scheduler, plan) => {
      const model = await race(scheduler, plan, true);
      assert.deepEqual(model.inputs("a"), plan.map((_, index) => index + 1));
    }),
    { numRuns: 300 },
  );
  assert.equal(result.failed, true);
});

natsTest(
  "on a real server: many partitions, two owners racing, one of them a zombie",
  async (rig) => {
    const { world } = await rig.connect();
    await world.feed.ensureStream("output", {
      subjects: ["output.>"],
      retention: "limits",
      storage: "file",
      replicas: 1,
    });
    const partitions = Array.from({ length: 100 }, (_, index) => `p${index}`);
    const worlds = [world, (await rig.connect()).world];
    const inputs = 20;
    const outcomes = { written: 0, already: 0, fenced: 0 };
    await Promise.all(worlds.flatMap(({ feed }, index) => {
      const output = new FencedOutput(feed, OPTIONS);
      return partitions.map(async (partition) => {
        for (let input = 1; input <= inputs; input++) {
          try {
            const right = token(`owner-${index}`, index + 1, partition);
            outcomes[await output.write(right, input, encoder.encode(`${input}`))]++;
          } catch (error) {
            if (!isPartiError(error, "PARTI_FENCED")) throw error;
            outcomes.fenced++;
            return;
          }
        }
      });
    }));
    assert.equal(outcomes.written, partitions.length * inputs);
    assert.ok(outcomes.already + outcomes.fenced > 0, "they met");
    assert.equal((await world.feed.streamInfo("output")).messages, partitions.length * inputs);
    for (const partition of partitions) {
      const last = await world.feed.lastMessage("output", `output.${partition}`);
      assert.equal(decoder.decode(last!.data), `${inputs}`);
    }
  },
);
