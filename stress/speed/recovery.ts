/**
 * How long partitions lie idle after their worker was killed: real processes and SIGKILL, with the defaults a user gets.
 *
 * @module
 */
import type { GroupConfigInput } from "../../lib/config/config.ts";
import type { FeedMessage } from "../../lib/ports/feed.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import type { World } from "../../lib/ports/world.ts";
import {
  groupControlSubject,
  type GroupWorkerSpec,
  type GroupWorkerStatus,
} from "../../lib/test_support/group_worker.ts";
import { trafficNames } from "../../lib/test_support/traffic.ts";
import { endProgram } from "../../lib/test_support/worker_program.ts";
import { until } from "../../tasks/until.ts";
import type { CaseContext, CaseOutcome, Sample, StressCase } from "../case.ts";
import { names, PAYLOAD } from "./streams.ts";
import { startWorker } from "./worker.ts";

const WORKERS = 6;
const PARTITIONS = names(100);
const GROUP = "recovery";
const TICK_MS = 20;
const PATIENCE_MS = 60_000;
/** The default preset but for the first window, for which nobody waits here. */
const CONFIG: GroupConfigInput = { group: GROUP, coldStartWindow: "10s" };

/** One worker process. */
interface Process {
  readonly name: string;
  readonly child: Deno.ChildProcess;
}

/** The group, its messages and its effects. */
class Scene implements AsyncDisposable {
  readonly #world: World;
  readonly #url: string;
  readonly #names = trafficNames(GROUP);
  readonly #processes = new Map<string, Process>();
  /** When the newest effect of each partition was seen, and the number of the message it is of. */
  readonly #effects = new Map<string, number>();
  #tick: ReturnType<typeof setInterval> | undefined;
  #sent = 0;
  #started = 0;
  #failure: unknown;

  constructor(world: World, url: string) {
    this.#world = world;
    this.#url = url;
  }

  async open(): Promise<void> {
    const { feed } = this.#world;
    const { feed: stream, output } = this.#names;
    const options = { storage: "file", replicas: 1 } as const;
    const subjects = (template: string) => [template.replace("{{.PartitionID}}", "*")];
    await feed.ensureStream(stream, {
      ...options,
      subjects: subjects(this.#names.feedTemplate),
      retention: "workqueue",
    });
    await feed.ensureStream(output, {
      ...options,
      subjects: subjects(this.#names.outputTemplate),
      retention: "limits",
    });
    await feed.createConsumer(output, {
      name: "effects",
      filterSubjects: subjects(this.#names.outputTemplate),
      ackWaitMs: 60_000,
      maxAckPending: 100_000,
      inactiveThresholdMs: 600_000,
      metadata: {},
    });
    const pull = feed.pull(output, "effects", {
      onMessage: (message) => {
        this.#note(message);
        message.ack();
        pull.request(1_000);
      },
      onLost: (reason, detail) => this.#failure ??= new Error(`${reason}: ${detail}`),
      onPermission: () => {},
    });
    pull.request(1_000);
    this.#tick = setInterval(() => this.#publishAll(), TICK_MS);
  }

  async spawn(count: number): Promise<void> {
    const made = Array.from({ length: count }, () => `process-${this.#started++}`);
    await Promise.all(made.map(async (name) => {
      const spec: GroupWorkerSpec = {
        url: this.#url,
        name,
        partitions: PARTITIONS,
        workMs: 1,
        config: {
          ...CONFIG,
          consumer: { stream: this.#names.feed, subjectTemplate: this.#names.feedTemplate },
        },
      };
      const { child, isReady } = startWorker(spec, PATIENCE_MS);
      this.#processes.set(name, { name, child });
      await isReady(name);
    }));
  }

  /** Waits until all are Stable and all partitions are with somebody who lives. */
  async calm(): Promise<GroupWorkerStatus[]> {
    let all: GroupWorkerStatus[] = [];
    await until("the group is stable", async () => {
      all = await Promise.all([...this.#processes.keys()].map((name) => this.#ask(name)));
      const owned = all.reduce((sum, { partitions }) => sum + partitions.length, 0);
      return owned === PARTITIONS.length && all.every(({ state }) => state === "Stable") &&
        all.every(({ partitions }) => partitions.length > 0);
    }, PATIENCE_MS);
    return all;
  }

  /** Kills one and measures until each of its partitions has the effect of a message that was published afterwards, in milliseconds. */
  async kill(isLeader: boolean): Promise<number> {
    const all = await this.calm();
    const index = all.findIndex((status) => status.isLeader === isLeader);
    const { partitions } = all[index]!;
    const { name, child } = [...this.#processes.values()][index]!;
    this.#processes.delete(name);
    const startedAtMs = performance.now();
    child.kill("SIGKILL");
    const last = this.#sent;
    await until("every partition has an effect again", () => {
      if (this.#failure !== undefined) throw this.#failure;
      return partitions.every((id) => (this.#effects.get(id) ?? 0) > last);
    }, PATIENCE_MS);
    const tookMs = performance.now() - startedAtMs;
    await endProgram(child);
    return tookMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#tick);
    await Promise.all([...this.#processes.values()].map(({ child }) => endProgram(child)));
  }

  async #ask(name: string): Promise<GroupWorkerStatus> {
    const question = new TextEncoder().encode("?");
    const data = await this.#world.messaging.request(groupControlSubject(name), question, 5_000);
    return JSON.parse(new TextDecoder().decode(data));
  }

  #publishAll(): void {
    const number = ++this.#sent;
    const data = new TextEncoder().encode(String(number).padEnd(PAYLOAD.length));
    for (const id of PARTITIONS) {
      const subject = this.#names.feedTemplate.replace("{{.PartitionID}}", id);
      this.#world.feed.publish(subject, data).catch((error) => this.#failure ??= error);
    }
  }

  #note(message: FeedMessage): void {
    const [prefix] = this.#names.outputTemplate.split("{{.PartitionID}}");
    this.#effects.set(
      message.subject.slice(prefix!.length),
      Number(new TextDecoder().decode(message.data)),
    );
  }
}

async function run({ url, quick, progress }: CaseContext): Promise<CaseOutcome> {
  const nc = await connectNats({ servers: url });
  try {
    await using scene = new Scene(natsWorld(nc), url);
    await scene.open();
    progress("starting workers");
    await scene.spawn(WORKERS);
    const samples: Sample[] = [];
    for (let round = 0; round < (quick ? 1 : 5); round++) {
      for (const metric of ["worker", "leader"] as const) {
        progress(`killing a ${metric}, round ${round + 1}`);
        samples.push({ metric, value: await scene.kill(metric === "leader") });
        await scene.spawn(1);
      }
    }
    return { samples };
  } finally {
    await nc.close();
  }
}

/** The case. */
export const RECOVERY_CASE: StressCase = {
  group: "speed",
  name: "recovery",
  title: "A worker of six is killed with SIGKILL, under traffic",
  metrics: [
    {
      name: "worker",
      unit: "ms",
      kind: "duration",
      better: "lower",
      what: "From the SIGKILL to the effect of a later message in the last of its partitions",
      target: { atMost: 1_000 },
    },
    {
      name: "leader",
      unit: "ms",
      kind: "duration",
      better: "lower",
      what: "The same where the worker was the leader",
      target: { atMost: 1_500 },
    },
  ],
  repetitions: 1,
  quick: false,
  server: true,
  timeoutMs: 300_000,
  run,
};
