/**
 * What a group at rest costs the server: messages in and out, and its share of a core.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { staticSource } from "../../lib/assignment/sources/static_source.ts";
import { Manager } from "../../lib/manager/manager.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import { sleep } from "../../lib/ports/clock.ts";
import { until } from "../../tasks/until.ts";
import type { CaseContext, CaseOutcome, Sample, StressCase } from "../case.ts";
import { troubleOf } from "../ground/group.ts";
import { measureAtRest, type Resting, restWindowMs } from "../ground/rest.ts";
import { ServerMonitor, type ServerWork } from "../ground/server_monitor.ts";
import { FEED, FEED_TEMPLATE, makeStreams, names } from "./streams.ts";

const WORKERS = 100;
const QUICK_WORKERS = 10;
const PARTITIONS = names(500);
const CONFIG = {
  group: "idle",
  consumer: { stream: FEED, subjectTemplate: FEED_TEMPLATE },
} as const;
const STABLE_MS = 60_000;
/** What comes of starting is over after this long. */
const REST_MS = 5_000;
const QUICK_MEASURED_MS = 3_000;

function samplesOf({ durationMs, messages, bytes, cpuMs }: ServerWork): Sample[] {
  const seconds = durationMs / 1_000;
  return [
    { metric: "messages", value: messages / seconds },
    { metric: "bytes", value: bytes / seconds },
    // No system but Linux tells it.
    ...(cpuMs === undefined ? [] : [{ metric: "core", value: 100 * cpuMs / durationMs }]),
  ];
}

/**
 * Measures what a group costs at rest. One that falls apart costs less and less, and is told.
 *
 * @param managers all workers, which are well
 * @param partitions how many
 * @param measure measures for a while
 * @returns the figures, and what was not as it should be
 */
export async function measureRest(
  managers: readonly Pick<Manager, "state" | "assignment">[],
  partitions: number,
  measure: () => Promise<ServerWork>,
): Promise<CaseOutcome> {
  const group: Resting = {
    get trouble() {
      return troubleOf(managers, partitions);
    },
    get generation() {
      return managers[0]?.assignment?.generation;
    },
  };
  const { measured, problems } = await measureAtRest(group, measure);
  return { samples: samplesOf(measured), problems };
}

async function run(context: CaseContext): Promise<CaseOutcome> {
  const { url, monitorUrl, serverPid, quick, progress } = context;
  const connections: NatsConnection[] = [];
  const managers: Manager[] = [];
  const count = quick ? QUICK_WORKERS : WORKERS;
  try {
    const own = await connectNats({ servers: url });
    connections.push(own);
    await makeStreams(natsWorld(own).feed);
    const partitions = PARTITIONS.map((name) => ({ keys: [name] }));
    for (let n = 0; n < count; n++) {
      const nc = await connectNats({ servers: url });
      connections.push(nc);
      managers.push(
        new Manager({
          world: natsWorld(nc),
          config: CONFIG,
          source: staticSource(partitions),
          handler: () => {},
        }),
      );
    }
    progress(`starting ${count} workers`);
    await Promise.all(managers.map((manager) => manager.start()));
    await until(
      "the group is well",
      () => troubleOf(managers, partitions.length) === undefined,
      STABLE_MS,
    );
    const { clock } = natsWorld(own);
    await sleep(clock, REST_MS);
    progress("at rest");
    const server = new ServerMonitor(monitorUrl, serverPid);
    const windowMs = quick ? QUICK_MEASURED_MS : restWindowMs(CONFIG);
    return await measureRest(
      managers,
      partitions.length,
      () => server.during(() => sleep(clock, windowMs)),
    );
  } finally {
    await Promise.all(managers.map((manager) => manager.stop()));
    await Promise.all(connections.map((nc) => nc.close()));
  }
}

/** The case. */
export const IDLE_CASE: StressCase = {
  group: "speed",
  name: "idle",
  title: "100 workers (10 in a sanity check) with 500 partitions and nothing to do",
  size: { workers: WORKERS, partitions: PARTITIONS.length },
  metrics: [
    {
      name: "messages",
      unit: "msg/s",
      kind: "count",
      better: "lower",
      what: "Messages in and out of the server, everything counted",
      target: { atMost: 500, full: true },
    },
    {
      name: "bytes",
      unit: "B/s",
      kind: "count",
      better: "lower",
      what: "Their bytes",
    },
    {
      name: "core",
      unit: "%",
      kind: "count",
      better: "lower",
      what: "The server's share of one core",
      target: { atMost: 5, full: true },
    },
  ],
  repetitions: 5,
  quick: true,
  server: true,
  timeoutMs: 240_000,
  run,
};
