import assert from "node:assert/strict";
import { compareRuns } from "./divergence.ts";
import type { Kernel } from "./kernel.ts";
import { SimNode, type SimProcess } from "./node.ts";
import { CHECKPOINT_EVERY } from "./trace.ts";

// Taken before the stubs are there, as a third-party library may do: they do not see it.
const { random } = Math;
const { Date: RealDate } = globalThis;

/** Five workers that do something every now and then, for a while. */
function workers(kernel: Kernel, virtualMs: number, extra: (count: number) => void): Promise<void> {
  let count = 0;
  const work = async (process: SimProcess): Promise<void> => {
    for (;;) {
      const pauseMs = 5 + process.random.float() * 10;
      await new Promise<void>((resolve) => process.clock.setTimer(pauseMs, resolve));
      extra(count++);
    }
  };
  for (let i = 1; i <= 5; i++) new SimNode(kernel, `worker-${i}`).boot(work);
  return kernel.sleep(virtualMs);
}

Deno.test("two runs of a seed are equal to the last record", async () => {
  const hashes = new Set<string>();
  for (let seed = 0; seed < 5; seed++) {
    const { outcome, divergence } = await compareRuns(
      { seed },
      (kernel) => workers(kernel, 2_000, () => {}),
    );
    assert.deepEqual([outcome.failure, divergence], [undefined, undefined]);
    assert.ok(outcome.trace.count > CHECKPOINT_EVERY);
    hashes.add(outcome.trace.hash);
  }
  assert.equal(hashes.size, 5, "each seed is another run");
});

Deno.test("planted leak: a latency that comes from Math.random, taken before the stubs, is shown where it comes in", async () => {
  const { outcome, divergence } = await compareRuns(
    { seed: 3 },
    (kernel) =>
      workers(kernel, 5_000, (count) => {
        if (count === 1_234) kernel.schedule(random(), "leaky arrival", () => {});
      }),
  );
  assert.equal(outcome.failure, undefined, "nothing else finds it");
  assert.ok(divergence !== undefined, "the leak was not found");
  const { index, first, second, text, failure } = divergence;
  const labelsAt = [first, second].map((side) => side.find((one) => one.index === index)?.label);
  assert.ok(labelsAt.includes("leaky arrival"), text);
  assert.match(
    text,
    /^they part at record \d+\n( {2}\d+ {2}[\d.]+ ms {2}worker-\d#1 {2}[^\n]+\n){8}- /,
  );
  assert.match(text, /\n\+ \d+ {2}[\d.]+ ms {2}.*/);
  assert.deepEqual([failure.kind, failure.seed], ["divergence", 3]);
});

Deno.test("planted leak: work that goes on until a real time", async () => {
  const { divergence } = await compareRuns(
    { seed: 4 },
    (kernel) =>
      workers(kernel, 1_500, (count) => {
        if (count < 100) return;
        const until = new RealDate().getTime() % 7;
        for (let i = 0; i < until + random() * 3; i++) kernel.schedule(0, "loop by date", () => {});
      }),
  );
  assert.ok(divergence !== undefined, "the leak was not found");
  assert.match(divergence.text, /loop by date/);
});

Deno.test("planted leak: something that goes on from one run to the next, such as a counter in a module", async () => {
  let runs = 0;
  const { divergence } = await compareRuns({ seed: 5 }, async (kernel) => {
    const run = ++runs;
    await workers(kernel, 1_000, () => {});
    kernel.schedule(0, `request ${run}`, () => {});
    await kernel.sleep(5);
  });
  assert.match(divergence?.text ?? "", /^- .*request 3$/m);
  assert.match(divergence?.text ?? "", /^\+ .*request 4$/m);
});

Deno.test("planted leak: one run is over before the other", async () => {
  let runs = 0;
  const { divergence } = await compareRuns({ seed: 6 }, async (kernel) => {
    await workers(kernel, 1_000, () => {});
    if (++runs % 2 === 0) await kernel.sleep(5, "one more");
  });
  assert.match(divergence?.text ?? "", /this run has ended/);
});

Deno.test("planted leak: what is drawn differs, though nothing comes of it", async () => {
  let draws = 0;
  const { divergence } = await compareRuns({ seed: 7 }, (kernel) => {
    const node = new SimNode(kernel, "w");
    node.boot(({ random }) => {
      draws++;
      for (let i = 0; i < draws; i++) random.float();
      return Promise.resolve();
    });
    return kernel.sleep(1_000);
  });
  assert.match(divergence?.text ?? "", /w#1 {2}drawn float/);
});

Deno.test("a leak that shows only now and then is reported although it cannot be shown", async () => {
  let runs = 0;
  const { divergence } = await compareRuns({ seed: 8 }, async (kernel) => {
    await workers(kernel, 1_000, () => {});
    if (++runs === 2) await kernel.sleep(5, "once");
  });
  assert.equal(divergence?.index, undefined);
  assert.match(divergence?.text ?? "", /^they part nowhere twice\nhash .*\nhash /);
});

Deno.test("runs that fail differently differ, and those that fail alike do not", async () => {
  let runs = 0;
  const fail = (text: () => string) => async (kernel: Kernel): Promise<void> => {
    await kernel.sleep(5);
    throw new Error(text());
  };
  const alike = await compareRuns({ seed: 9 }, fail(() => "broken"));
  assert.equal(alike.divergence, undefined);
  assert.equal(alike.outcome.failure?.message, "work: broken (seed 9, 5.000 ms)");
  const { divergence } = await compareRuns({ seed: 9 }, fail(() => `broken ${++runs}`));
  assert.match(divergence?.text ?? "", /broken 1[^]*broken 2/);
});
