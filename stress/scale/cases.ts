/**
 * Scale: from one worker to 200, from 100 partitions to 100,000, and the laws by which the figures grow.
 *
 * @module
 */
import type { Metric, StressCase, Study } from "../case.ts";
import { measureGrowth, measureScale, type ScaleCase } from "./measure.ts";

/** All of the largest configuration of the seed's table are Stable within so long. */
const START_MAX_MS = 2_000;
/** A hundred workers at rest cost the server so much of a core at most… */
const REST_CPU_MAX_PERCENT = 5;
/** …and so many messages in all. */
const REST_MESSAGES_MAX = 500;

const TIMEOUT_MS = 180_000;
const LARGE_TIMEOUT_MS = 600_000;
const [REPETITIONS, LARGE_REPETITIONS] = [5, 3];

function duration(name: string, what: string, atMost?: number): Metric {
  const metric = { name, unit: "ms", kind: "duration", better: "lower", what } as const;
  return atMost === undefined ? metric : { ...metric, target: { atMost } };
}

function count(name: string, unit: string, what: string, atMost?: number): Metric {
  const metric = { name, unit, kind: "count", better: "lower", what } as const;
  return atMost === undefined ? metric : { ...metric, target: { atMost } };
}

function metricsOf({ workers, partitions, consume }: ScaleCase): readonly Metric[] {
  const isLargestOfTable = workers === 50 && partitions === 500;
  const isHundred = workers === 100;
  return [
    duration(
      "start",
      "from the start of all at once until all are Stable and every partition is owned",
      isLargestOfTable ? START_MAX_MS : undefined,
    ),
    duration("join", "from the start of one more until all are Stable again, no message flowing"),
    duration("leave", "from one's leaving until all others are Stable again, no message flowing"),
    ...(consume
      ? [
        duration("joinLoaded", "the same as join, while messages flow to all partitions"),
        duration("leaveLoaded", "the same as leave, while messages flow to all partitions"),
      ]
      : []),
    count(
      "restMessages",
      "msg/s",
      "messages from and to all workers at rest, probes and pulls included",
      isHundred ? REST_MESSAGES_MAX : undefined,
    ),
    count("restBytes", "KB/s", "their payloads"),
    count(
      "restCpu",
      "% of a core",
      "processor time of the server at rest",
      isHundred ? REST_CPU_MAX_PERCENT : undefined,
    ),
    count("joinMessages", "msg", "messages for one worker more, beyond those at rest"),
    count("joinBytes", "KB", "their payloads"),
    count("leaveMessages", "msg", "messages for one worker less, beyond those at rest"),
    count("leaveBytes", "KB", "their payloads"),
  ];
}

function scaleCase(name: string, what: ScaleCase, quick = false): StressCase {
  const { workers, partitions, consume } = what;
  const isLarge = workers > 50 || partitions > 1_500;
  const isAccepted = workers === 100 && partitions === 500;
  return {
    ...{ group: "scale", name, quick, server: true, size: { workers, partitions } },
    title: `${workers} workers, ${partitions} partitions${consume ? "" : ", nobody consumes"}`,
    // That of the acceptance is a median of five, however large.
    repetitions: isLarge && !isAccepted ? LARGE_REPETITIONS : REPETITIONS,
    timeoutMs: isLarge ? LARGE_TIMEOUT_MS : TIMEOUT_MS,
    metrics: metricsOf(what),
    faults: consume ? ["slow", "loss", "starve"] : ["slow"],
    run: (context) => measureScale(what, context),
  };
}

const STEPS = [1, 5, 10];
const STEP_PARTITIONS = 100;

const rapid: StressCase = {
  ...{ group: "scale", name: "rapid", quick: false, server: true },
  title: `1 → 5 → 10 workers in rapid succession, ${STEP_PARTITIONS} partitions`,
  ...{ repetitions: REPETITIONS, timeoutMs: TIMEOUT_MS, faults: ["slow"] },
  metrics: STEPS.map((workers) =>
    duration(`to${workers}`, `until all ${workers} are Stable and every partition is owned`)
  ),
  run: (context) => measureGrowth(STEPS, STEP_PARTITIONS, context),
};

const SIZES = [
  ...[[1, 100], [2, 100], [5, 100], [10, 100]],
  ...[[10, 500], [25, 500], [50, 500], [100, 500], [200, 500]],
  ...[[10, 1_500], [100, 1_500], [200, 1_500], [10, 10_000]],
] as const;

/** A lane's filters are one message; with so many partitions on ten workers it is larger than a server takes. */
const ASSIGNED_ONLY = [[10, 10_000], [10, 100_000]] as const;

const sizeName = (workers: number, partitions: number) => `${workers}w-${partitions}p`;

/** The cases. */
export const SCALE_CASES: readonly StressCase[] = [
  ...SIZES.map(([workers, partitions]) =>
    scaleCase(
      sizeName(workers, partitions),
      { workers, partitions, consume: true },
      workers === 10 && partitions === 100,
    )
  ),
  ...ASSIGNED_ONLY.map(([workers, partitions]) =>
    scaleCase(`${sizeName(workers, partitions)}-assigned`, { workers, partitions, consume: false })
  ),
  rapid,
];

const BY_WORKERS = [10, 25, 50, 100, 200].map((workers) => sizeName(workers, 500));
const BY_PARTITIONS = [100, 500, 1_500, 10_000].map((partitions) => sizeName(10, partitions));

function laws(over: "workers" | "partitions", cases: readonly string[], fixed: string): Study[] {
  const figures = [
    ["start", "start", "Time until all are Stable"],
    ["join", "join", "Time of one worker more"],
    ["leave", "leave", "Time of one worker less"],
    ["join-loaded", "joinLoaded", "Time of one worker more under load"],
    ["leave-loaded", "leaveLoaded", "Time of one worker less under load"],
    ["rest-messages", "restMessages", "Messages per second at rest"],
    ["rest-bytes", "restBytes", "Bytes per second at rest"],
    ["rest-cpu", "restCpu", "Processor time of the server at rest"],
    ["join-messages", "joinMessages", "Messages for one worker more"],
    ["join-bytes", "joinBytes", "Bytes for one worker more"],
    ["leave-messages", "leaveMessages", "Messages for one worker less"],
    ["leave-bytes", "leaveBytes", "Bytes for one worker less"],
  ] as const;
  return figures.map(([name, metric, title]) => ({
    ...{ group: "scale", name: `${name}-by-${over}`, over, metric, law: "power", cases },
    title: `${title}, by the number of ${over}, ${fixed}`,
  }));
}

/** What is read out of them. */
export const SCALE_STUDIES: readonly Study[] = [
  ...laws("workers", BY_WORKERS, "500 partitions"),
  ...laws("partitions", BY_PARTITIONS, "10 workers"),
];
