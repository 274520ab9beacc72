/**
 * When a partition is tried that somebody else may still hold: after a notice, or after a moment without one. The worker is alone on
 * a server without latency, and the holders are only said to be there, so that every try is seen at its exact time.
 */
import assert from "node:assert/strict";
import { encodeJson } from "../../codec.ts";
import { laneMetadata, releasedSubject } from "../../names.ts";
import { team } from "./keeper_rig_test.ts";
import type { ModelTeam } from "../model_team_test.ts";

/** One attempt to make a lane: when, counted from the beginning, and for which partitions. */
type Try = readonly [atMs: number, ...partitions: string[]];

/** A worker, what it is told, and what it tries. */
class Alone {
  readonly group: ModelTeam;
  readonly tries: Try[] = [];
  /** Called within a try, before the server decides. */
  onTry: () => void = () => {};
  readonly #startMs: number;
  #generation = 0;

  constructor() {
    this.group = team({ members: 1, latencyMaxMs: 0 });
    const { server, clock } = this.group;
    this.#startMs = clock.monotonicMs();
    const create = server.create.bind(server);
    server.create = (config) => {
      const partitions = config.filterSubjects.map((subject) => subject.replace("feed.", ""));
      this.tries.push([this.#nowMs, ...partitions]);
      this.onTry();
      create(config);
    };
  }

  get #nowMs(): number {
    return this.group.clock.monotonicMs() - this.#startMs;
  }

  /** Goes on until so many milliseconds after the beginning. */
  async until(atMs: number): Promise<void> {
    await this.group.clock.advance(atMs - this.#nowMs);
  }

  /**
   * The assignment: partitions, each with the live instance that held it before, if any.
   *
   * @param contenders the partitions and who held them
   * @param successor which instance has all others
   */
  want(contenders: Readonly<Record<string, string | undefined>>, successor?: string): void {
    this.group.members[0]!.consumer.update({
      epoch: 1,
      generation: ++this.#generation,
      partitions: Object.keys(contenders).map((id) => ({ keys: [id] })),
      isKnown: () => true,
      contenderOf: (id) => contenders[id],
      successorOf: (id) => id in contenders ? undefined : successor,
    });
  }

  /** What is said to an instance from now on, with the time, counted from the beginning. */
  toldTo(instance: string): [atMs: number, ...partitions: string[]][] {
    const told: [number, ...string[]][] = [];
    const { server } = this.group;
    const notify = server.notify.bind(server);
    server.notify = (subject, data) => {
      const { partitions } = JSON.parse(new TextDecoder().decode(data));
      if (subject === releasedSubject("test", instance)) told.push([this.#nowMs, ...partitions]);
      notify(subject, data);
    };
    return told;
  }

  /** Somebody says that these are free. */
  notice(instance: string, ...partitions: string[]): void {
    this.group.server.notify(releasedSubject("test"), encodeJson({ instance, partitions }));
  }

  /** Somebody who is alive really has a lane. */
  hold(lane: string, partition: string): void {
    // Not through the watched method: this is nobody's try.
    Object.getPrototypeOf(this.group.server).create.call(this.group.server, {
      name: lane,
      filterSubjects: [`feed.${partition}`],
      ackWaitMs: 1_000,
      maxAckPending: 10,
      inactiveThresholdMs: 60_000,
      metadata: laneMetadata({ group: "test", worker: "w-9", instance: lane }, 1, 0),
    });
  }
}

/** A test with a worker that is alone. */
function aloneTest(name: string, run: (alone: Alone) => Promise<void>): void {
  Deno.test(name, async () => {
    const alone = new Alone();
    await run(alone);
    await alone.group.end();
  });
}

aloneTest(
  "what nobody held is tried at once, what a live one held after 100 ms without a notice",
  async (alone) => {
    alone.want({ p0: undefined, p1: "a" });
    await alone.until(99);
    assert.deepEqual(alone.tries, [[0, "p0"]]);
    await alone.until(1_000);
    assert.deepEqual(alone.tries, [[0, "p0"], [100, "p1"]]);
  },
);

aloneTest("a notice makes it tried 8 ms later; a notice of others does not", async (alone) => {
  alone.want({ p0: "a", p1: "b" });
  await alone.until(50);
  alone.notice("c", "p2");
  await alone.until(70);
  alone.notice("a", "p0");
  await alone.until(1_000);
  assert.deepEqual(alone.tries, [[78, "p0"], [100, "p1"]]);
});

aloneTest(
  "notices of two former owners within 8 ms make one lane, and the first one's time counts",
  async (alone) => {
    alone.want({ p0: "a", p1: "b", p2: "c" });
    await alone.until(50);
    alone.notice("a", "p0");
    await alone.until(57);
    alone.notice("b", "p1");
    // Too late for that lane: the next one gathers anew.
    await alone.until(59);
    alone.notice("c", "p2");
    await alone.until(1_000);
    assert.deepEqual(alone.tries, [[58, "p0", "p1"], [67, "p2"]]);
  },
);

aloneTest(
  "without notices, what different owners held is tried apart: a refusal is for the whole lane",
  async (alone) => {
    alone.want({ p0: "a", p1: "b", p2: "a" });
    await alone.until(1_000);
    assert.deepEqual(alone.tries, [[100, "p0", "p2"], [100, "p1"]]);
  },
);

aloneTest(
  "a notice that came before the assignment counts: tried at once, in one lane with what nobody held",
  async (alone) => {
    alone.notice("a", "p0");
    await alone.until(10);
    alone.want({ p0: "a", p1: undefined, p2: "a" });
    await alone.until(1_000);
    assert.deepEqual(alone.tries, [[10, "p0", "p1"], [110, "p2"]]);
  },
);

aloneTest("a notice is remembered for 2 s, and a newer one counts anew", async (alone) => {
  alone.notice("a", "p0", "p1", "p2");
  await alone.until(1_000);
  alone.notice("b", "p2");
  await alone.until(1_999);
  alone.want({ p0: "a" });
  await alone.until(2_000);
  alone.want({ p0: "a", p1: "a", p2: "a" });
  await alone.until(3_000);
  assert.deepEqual(alone.tries, [[1_999, "p0"], [2_000, "p2"], [2_100, "p1"]]);
});

aloneTest(
  "a remembered notice counts once: when the partition comes back, somebody else holds it",
  async (alone) => {
    alone.notice("a", "p0");
    await alone.until(10);
    alone.want({ p0: "a" });
    await alone.until(20);
    alone.want({});
    await alone.until(100);
    alone.want({ p0: "b", p1: undefined });
    await alone.until(1_000);
    assert.deepEqual(alone.tries, [[10, "p0"], [100, "p1"], [200, "p0"]]);
  },
);

aloneTest(
  "notices are remembered up to 20,000: the oldest go first, and one that came again is young",
  async (alone) => {
    alone.notice("a", "p0", "p1");
    await alone.until(1);
    alone.notice("a", "p0");
    await alone.until(2);
    alone.notice("b", ...Array.from({ length: 19_999 }, (_, index) => `other${index}`));
    await alone.until(3);
    alone.notice("c", "p2");
    await alone.until(4);
    alone.want({ p0: "a", p1: "a", p2: "c" });
    await alone.until(1_000);
    assert.deepEqual(alone.tries, [[4, "p0", "p2"], [104, "p1"]]);
  },
);

aloneTest("a batch that was refused is tried again as one lane", async (alone) => {
  alone.hold("a", "p0");
  alone.want({ p0: undefined, p1: undefined, p2: undefined, p3: undefined });
  await alone.until(10);
  assert.deepEqual(alone.tries, [[0, "p0", "p1", "p2", "p3"]]);
  alone.group.server.delete("a");
  await alone.until(1_000);
  assert.equal(alone.tries.length, 2);
  const [atMs, ...partitions] = alone.tries[1]!;
  assert.deepEqual(partitions, ["p0", "p1", "p2", "p3"]);
  assert.ok(atMs >= 25 && atMs <= 50, `after ${atMs} ms`);
});

aloneTest(
  "a notice that comes while a try is under way is not lost with the refusal of that try",
  async (alone) => {
    alone.hold("a", "p0");
    alone.onTry = () => {
      alone.onTry = () => {};
      alone.notice("a", "p0");
    };
    alone.want({ p0: undefined });
    await alone.until(1);
    assert.equal(alone.group.members[0]!.told.get("refused"), 1);
    alone.group.server.delete("a");
    await alone.until(1_000);
    assert.deepEqual(alone.tries, [[0, "p0"], [8, "p0"]]);
  },
);

aloneTest(
  "what was free and goes on to somebody else before it was held here is passed on, and told once",
  async (alone) => {
    const told = alone.toldTo("heir");
    // Of p0 it is known that it is free, of p2 it is not: whoever holds it will tell.
    alone.notice("a", "p0");
    await alone.until(10);
    alone.hold("b", "p0");
    alone.want({ p0: "a", p1: undefined, p2: "a", p3: "a" });
    await alone.until(50);
    alone.notice("a", "p3");
    await alone.until(51);
    alone.want({}, "heir");
    await alone.until(1_000);
    assert.deepEqual(told, [[51, "p0", "p1", "p3"]]);
    alone.group.server.delete("b");
  },
);

aloneTest("what goes to nobody, or is given up at the end, is not passed on", async (alone) => {
  const told = alone.toldTo("heir");
  alone.want({ p0: "a" }, "heir");
  await alone.until(20);
  alone.notice("a", "p0");
  alone.want({});
  alone.notice("a", "p0");
  alone.want({ p0: "a" });
  await alone.until(21);
  await alone.group.end();
  assert.deepEqual(told, []);
});
