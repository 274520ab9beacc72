/**
 * A group of worker processes on a real server, killed and paused by signals, under observation from outside. Only tests import this.
 *
 * What no process can be asked any more is seen elsewhere: everything that leaders publish at its key, and every effect in the output.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { GroupConfigInput } from "../config/config.ts";
import { QUESTION } from "../membership/prober.ts";
import { TEST_TIMING } from "./cluster.ts";
import {
  groupControlSubject,
  type GroupWorkerSpec,
  type GroupWorkerStatus,
} from "./group_worker.ts";
import { Publications } from "./publications.ts";
import { type ConnectedWorld, type Rig, until } from "./rig.ts";
import { endProgram, startProgram } from "./worker_program.ts";
import { Traffic, trafficNames } from "./traffic.ts";

/** How a fleet is made. */
export interface GroupFleetOptions {
  /** How many partitions; `p-0`, `p-1`, … */
  readonly partitionCount: number;
  /** How long a handler works before it writes, in milliseconds; 1 unless given. */
  readonly workMs?: number;
  /** What differs from {@linkcode FLEET_TIMING}. */
  readonly config?: Partial<GroupConfigInput>;
}

/** One process. */
export interface FleetWorker {
  /** Its name in the fleet. */
  readonly name: string;
  /** The process. */
  readonly child: Deno.ChildProcess;
  /** How it was when it was asked last. */
  status: GroupWorkerStatus | undefined;
  /** Whether it is stopped by SIGSTOP. */
  paused: boolean;
  /** Whether its end was wanted. */
  ended: boolean;
}

/**
 * Leases that outlast the stalls of a machine on which a dozen processes start at once: a worker that is not to be taken for dead must
 * not seem to be.
 */
export const FLEET_TIMING = {
  ...TEST_TIMING,
  heartbeatInterval: "800ms",
  heartbeatTtl: "5s",
  workerIdTtl: "8s",
  electionTimeout: "5s",
  startupTimeout: "60s",
} as const satisfies Partial<GroupConfigInput>;

/** Starting and settling take a second or a few; a machine that does much else has its time. */
const PATIENCE_MS = 45_000;
const ANSWER_MS = 2_000;
/** What a worker needs: the server, its own code, and what the NATS client asks of the system. */
const decoder = new TextDecoder();

/** The processes. */
export class GroupFleet implements AsyncDisposable {
  /** All that ever were. */
  readonly workers: FleetWorker[] = [];
  /** Everything that leaders publish. */
  readonly publications: Publications;
  /** The messages. */
  readonly traffic: Traffic;
  readonly #own: ConnectedWorld;
  readonly #url: string;
  readonly #options: GroupFleetOptions;
  readonly #partitions: readonly string[];

  private constructor(
    rig: Rig,
    own: ConnectedWorld,
    publications: Publications,
    options: GroupFleetOptions,
  ) {
    this.#own = own;
    this.#url = rig.server.url;
    this.#options = options;
    this.publications = publications;
    this.#partitions = Array.from({ length: options.partitionCount }, (_, n) => `p-${n}`);
    this.traffic = new Traffic(own, "g", () => this.#partitions.map((id) => ({ keys: [id] })));
  }

  /** Makes the streams and begins to watch; no process yet. */
  static async open(rig: Rig, options: GroupFleetOptions): Promise<GroupFleet> {
    const own = await rig.connect();
    const fleet = new GroupFleet(rig, own, await Publications.watch(own.world, "g"), options);
    await fleet.traffic.open();
    return fleet;
  }

  /** All that run, the paused ones too. */
  get running(): FleetWorker[] {
    return this.workers.filter(({ ended }) => !ended);
  }

  /** All that run and are not paused. */
  get awake(): FleetWorker[] {
    return this.running.filter(({ paused }) => !paused);
  }

  /** The one that led when all were asked last. */
  get leader(): FleetWorker {
    const leaders = this.awake.filter(({ status }) => status?.isLeader);
    assert.equal(leaders.length, 1, `${leaders.length} leaders`);
    return leaders[0]!;
  }

  /** Those that did not. */
  get followers(): FleetWorker[] {
    return this.awake.filter(({ status }) => status?.isLeader === false);
  }

  /** Starts processes, all at once; resolves when they answer, which is before they are in the group. */
  async spawn(count: number): Promise<FleetWorker[]> {
    const names = Array.from({ length: count }, (_, n) => `process-${this.workers.length + n}`);
    return await Promise.all(names.map((name) => this.#spawn(name)));
  }

  /** SIGKILL. Resolves when the processes are gone. */
  async kill(...workers: FleetWorker[]): Promise<void> {
    for (const worker of workers) {
      worker.ended = true;
      worker.child.kill("SIGKILL");
    }
    await Promise.all(workers.map(({ child }) => child.status));
  }

  /** SIGSTOP. */
  pause(worker: FleetWorker): void {
    worker.child.kill("SIGSTOP");
    worker.paused = true;
  }

  /** SIGCONT. */
  resume(worker: FleetWorker): void {
    worker.child.kill("SIGCONT");
    worker.paused = false;
  }

  /** SIGTERM: all stop in order. */
  async stop(...workers: FleetWorker[]): Promise<void> {
    for (const worker of workers) {
      worker.ended = true;
      worker.child.kill("SIGTERM");
    }
    for (const { child, name } of workers) {
      assert.equal((await child.status).code, 0, `${name} ended in order`);
    }
  }

  /** Asks a worker how it is. */
  async ask(worker: FleetWorker): Promise<GroupWorkerStatus> {
    const subject = groupControlSubject(worker.name);
    const data = await this.#own.world.messaging.request(subject, QUESTION, ANSWER_MS);
    worker.status = JSON.parse(decoder.decode(data)) as GroupWorkerStatus;
    return worker.status;
  }

  /**
   * Waits until all that are awake are Stable under one leader and hold what is published, all partitions once and none with anybody
   * else.
   */
  async untilStable(timeoutMs = PATIENCE_MS): Promise<void> {
    let problem = "";
    try {
      await until("the fleet is stable", async () => {
        problem = await this.#instability();
        return problem === "";
      }, timeoutMs);
    } catch {
      const told = this.awake.map(({ name, status }) => `${name}: ${JSON.stringify(status)}`);
      assert.fail(`not stable within ${timeoutMs} ms: ${problem}\n${told.join("\n")}`);
    }
  }

  /** Which process owns which partition, as those that are awake said last. */
  owners(): Map<string, string> {
    return new Map(
      this.awake.flatMap(({ name, status }) => status!.partitions.map((id) => [id, name] as const)),
    );
  }

  /** Waits until every message is handled, and asserts that each had its effect once, in order, and all publications were lawful. */
  async assertClean(): Promise<void> {
    await this.traffic.untilDrained(PATIENCE_MS);
    await this.traffic.assertEffects();
    assert.deepEqual(this.publications.violations, []);
    for (const { name, status } of this.awake) {
      const broken = status!.errors.filter((error) => error.includes("PARTI_INVARIANT"));
      assert.deepEqual(broken, [], name);
    }
  }

  /** Kills whatever still runs: after a failure nobody asks whether it ends in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map(({ child }) => endProgram(child)));
    await this.publications.close();
  }

  async #spawn(name: string): Promise<FleetWorker> {
    const { feed: stream, feedTemplate: subjectTemplate } = trafficNames("g");
    const spec: GroupWorkerSpec = {
      url: this.#url,
      name,
      partitions: this.#partitions,
      workMs: this.#options.workMs ?? 1,
      config: {
        ...FLEET_TIMING,
        group: "g",
        consumer: { stream, subjectTemplate, deadLetterSubject: "g.out.dead" },
        ...this.#options.config,
      },
    };
    const { child, isReady } = startProgram("group_worker.ts", spec, PATIENCE_MS);
    const worker: FleetWorker = { name, child, status: undefined, paused: false, ended: false };
    this.workers.push(worker);
    await isReady(name);
    return worker;
  }

  /** Why the fleet is not stable; empty if it is. */
  async #instability(): Promise<string> {
    const { awake } = this;
    for (const worker of awake) {
      try {
        const { state } = await this.ask(worker);
        if (state !== "Stable") return `${worker.name} is ${state}`;
      } catch (error) {
        return `${worker.name} does not answer: ${error}`;
      }
    }
    const { latest } = this.publications;
    if (latest === undefined) return "nothing is published";
    const leaders = awake.filter(({ status }) => status!.isLeader);
    if (leaders.length !== 1) return `${leaders.length} leaders`;
    if (leaders[0]!.status!.instance !== latest.leader) return "the leader has not taken over yet";
    for (const { name, status } of awake) {
      if (status!.generation !== latest.generation) return `${name} is behind`;
      const listed = latest.workers.get(status!.instance!) ?? [];
      if ([...listed].sort().join() !== [...status!.partitions].sort().join()) {
        return `${name} holds something else than is published`;
      }
    }
    const owned = [...this.owners().keys()].sort().join();
    return owned === [...this.#partitions].sort().join() ? "" : `not all are owned: ${owned}`;
  }
}
