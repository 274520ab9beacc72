/**
 * How fast the kernel is: `deno bench -A lib/dst/kernel/kernel_bench.ts`. Each iteration fires 20,000 events, so 50 ms are 400,000 events
 * per second.
 *
 * @module
 */
import { SimProcess } from "./node.ts";
import { type Outcome, simulate, type Workload } from "./simulate.ts";

const EVENTS = 20_000;
const PROCESSES = 20;

/** Events that set off nothing, ten at a time. */
function bareEvents(quiet: boolean): Workload {
  return (kernel) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let left = EVENTS;
    const again = (): void => {
      if (--left > 0) kernel.schedule(1, "again", again, undefined, quiet);
      else kernel.schedule(0, "end", resolve);
    };
    for (let i = 0; i < 10; i++) again();
    return promise;
  };
}

/** Loops that sleep on the clocks of 20 processes, as workers do between their calls. */
const timers: Workload = (kernel) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = EVENTS;
  const loop = async ({ clock }: SimProcess, pauseMs: number): Promise<void> => {
    while (--left > 0) await new Promise<void>((fire) => clock.setTimer(pauseMs, fire));
    resolve();
  };
  for (let i = 0; i < PROCESSES; i++) void loop(new SimProcess(kernel, `worker-${i}#1`), 5 + i / 7);
  return promise;
};

/** Each request has a timeout, which is cancelled when the answer comes: most timers never fire. */
const requests: Workload = (kernel) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = EVENTS;
  const loop = async (process: SimProcess): Promise<void> => {
    while (--left > 0) {
      await new Promise<void>((answered) => {
        const timeout = process.clock.setTimer(5_000, () => {});
        process.schedule(1 + (left % 7) / 10, "answer", () => (timeout.cancel(), answered()));
      });
    }
    resolve();
  };
  for (let i = 0; i < PROCESSES; i++) void loop(new SimProcess(kernel, `worker-${i}#1`));
  return promise;
};

function withInvariants(work: Workload): Workload {
  return (kernel) => {
    for (let i = 0; i < 5; i++) {
      kernel.addInvariant(() => {
        if (kernel.nowMs < 0) throw new Error("time went back");
      }, `invariant ${i}`);
    }
    return work(kernel);
  };
}

async function check(outcome: Promise<Outcome<void>>): Promise<void> {
  const { failure } = await outcome;
  if (failure !== undefined) throw failure;
}

function bench(name: string, work: Workload): void {
  const limits = { virtualMs: Infinity };
  // The stubs cost a third of a millisecond per run, whatever its length: here they would only be noise.
  const run = async () => await check(simulate({ seed: 1, limits, stubs: false }, work));
  Deno.bench(name, { n: 40, warmup: 5 }, run);
}

bench("bare events", bareEvents(false));
bench("bare events, quiet", bareEvents(true));
bench("timers of 20 processes", timers);
bench("timers, 5 invariants", withInvariants(timers));
bench("requests with timeouts", requests);
