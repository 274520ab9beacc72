/**
 * A group of workers in one process, each over a connection of its own, under continuous observation. Only tests import this.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { NatsConnection } from "@nats-io/nats-core";
import { type Partition, partitionId, type PartitionSource } from "../assignment/partition.ts";
import { type StaticSource, staticSource } from "../assignment/sources/static_source.ts";
import type { GroupConfigInput } from "../config/config.ts";
import { FencedOutput } from "../effects/effects.ts";
import { describeError, isPartiError } from "../errors.ts";
import type { AssignmentChange } from "../manager/hooks.ts";
import { Manager } from "../manager/manager.ts";
import type { ManagerOptions } from "../manager/manager_options.ts";
import { sleep } from "../ports/clock.ts";
import type { World } from "../ports/world.ts";
import { type ManagerState, TRANSITIONS } from "../manager/state.ts";
import { OwnerOracle } from "./owner_oracle.ts";
import { Publications } from "./publications.ts";
import { type Rig, until } from "./rig.ts";
import { Traffic, trafficNames } from "./traffic.ts";

/** Short times, so that tests are short; long enough for two busy cores. */
export const TEST_TIMING = {
  preset: "fast",
  heartbeatInterval: "400ms",
  heartbeatTtl: "2s",
  workerIdTtl: "4s",
  electionTimeout: "2s",
  coldStartWindow: "3s",
  plannedScaleWindow: "2s",
  settle: "150ms",
  assignment: { minRebalanceInterval: 0 },
  startupTimeout: "20s",
  shutdownTimeout: "5s",
  drainTimeout: "2s",
} as const satisfies Partial<GroupConfigInput>;

/** How a cluster is made. */
export interface ClusterOptions {
  /** The group; another one for each cluster on a server. */
  readonly group?: string;
  /** How many partitions; `p-0`, `p-1`, … */
  readonly partitionCount?: number;
  /** How long a handler works, in milliseconds. */
  readonly workMs?: number;
  /** No stream, no handler: the application consumes by itself. */
  readonly idle?: boolean;
  /** What differs from {@linkcode TEST_TIMING}. */
  readonly config?: Partial<GroupConfigInput>;
  /** What else managers are made from. */
  readonly options?: Partial<ManagerOptions>;
}

/** What a worker has else than the others of its group. */
export type MemberOptions = Partial<Omit<ManagerOptions, "config">> & {
  readonly config?: Partial<GroupConfigInput>;
};

/** A worker under observation. */
export interface Member {
  /** Its manager. */
  readonly manager: Manager;
  /** Its world. */
  readonly world: World;
  /** Its connection, unless it was given a world of its own. */
  readonly nc: NatsConnection;
  /** Its source; each worker has one, as processes have. */
  readonly source: PartitionSource;
  /** All states, in order, from `Init`. */
  readonly states: ManagerState[];
  /** All that the assignment hook was told. */
  readonly changes: AssignmentChange[];
  /** All that the error hook was told. */
  readonly errors: unknown[];
  /** What went wrong in the hooks' order or the states' legality. */
  readonly violations: string[];
  /** Started and not stopped or killed since. */
  running: boolean;
}

/** Partitions named `p-0`, `p-1`, … */
export function partitions(count: number, weight?: (n: number) => number): Partition[] {
  return Array.from({ length: count }, (_, n) => ({
    keys: [`p-${n}`],
    ...(weight === undefined ? {} : { weight: weight(n) }),
  }));
}

/** A group of workers. */
export class Cluster implements AsyncDisposable {
  /** The group's name. */
  readonly group: string;
  /** Knows of every moment with two owners. */
  readonly oracle = new OwnerOracle();
  /** Everybody there ever was. */
  readonly members: Member[] = [];
  /** Everything published. */
  readonly publications: Publications;
  /** A world of the test's own, never disturbed. */
  readonly world: World;
  readonly #rig: Rig;
  readonly #options: ClusterOptions;
  readonly #traffic: Traffic;
  #partitions: readonly Partition[];

  private constructor(
    rig: Rig,
    options: ClusterOptions,
    own: { world: World; nc: NatsConnection },
    publications: Publications,
  ) {
    this.#rig = rig;
    this.#options = options;
    this.group = options.group ?? "g";
    this.world = own.world;
    this.publications = publications;
    this.#partitions = partitions(options.partitionCount ?? 12);
    this.#traffic = new Traffic(own, this.group, () => this.#partitions);
  }

  /** Makes the streams and begins to watch; no worker yet. */
  static async open(rig: Rig, options: ClusterOptions = {}): Promise<Cluster> {
    const own = await rig.connect();
    const group = options.group ?? "g";
    const publications = await Publications.watch(own.world, group);
    const cluster = new Cluster(rig, options, own, publications);
    if (!options.idle) await cluster.#traffic.open();
    return cluster;
  }

  /** The feed's name. */
  get feed(): string {
    return trafficNames(this.group).feed;
  }

  /** The output stream's name. */
  get output(): string {
    return trafficNames(this.group).output;
  }

  /** Everybody who runs. */
  get running(): Member[] {
    return this.members.filter((member) => member.running);
  }

  /** The one that leads. */
  get leader(): Member {
    const leaders = this.running.filter(({ manager }) => manager.isLeader);
    assert.equal(leaders.length, 1, `${leaders.length} leaders`);
    return leaders[0]!;
  }

  /** Some that do not lead. */
  get followers(): Member[] {
    return this.running.filter(({ manager }) => !manager.isLeader);
  }

  /** Makes a worker and does not start it. */
  async make(options: MemberOptions = {}): Promise<Member> {
    const own = await this.#rig.connect();
    const { nc } = own;
    const world = options.world ?? own.world;
    const source = options.source ?? this.#options.options?.source ??
      staticSource(this.#partitions);
    const { config, ...rest } = options;
    const manager = new Manager({
      world,
      ...(this.#options.idle ? {} : { handler: this.#handler(world) }),
      ...this.#options.options,
      ...rest,
      source,
      config: this.#config(config),
      hooks: observe(() => member, rest.hooks ?? this.#options.options?.hooks ?? {}),
    });
    const member: Member = {
      manager,
      world,
      nc,
      source,
      states: ["Init"],
      changes: [],
      errors: [],
      violations: [],
      running: false,
    };
    this.members.push(member);
    return member;
  }

  /** Starts a worker and waits until it is in. */
  async start(member: Member): Promise<Member> {
    member.running = true;
    await member.manager.start();
    return member;
  }

  /** Makes and starts workers, all at once. */
  async add(count = 1, options: MemberOptions = {}): Promise<Member[]> {
    const members: Member[] = [];
    for (let n = 0; n < count; n++) members.push(await this.make(options));
    return await Promise.all(members.map((member) => this.start(member)));
  }

  /** Stops workers in an orderly way, all at once. */
  async stop(...members: Member[]): Promise<void> {
    for (const member of members) member.running = false;
    await Promise.all(members.map((member) => member.manager.stop()));
  }

  /**
   * What SIGKILL looks like to everybody else: the connection is gone without a word. Whoever was given a world of its own has its
   * connection closed first by whoever made that.
   */
  async kill(...members: Member[]): Promise<void> {
    for (const member of members) {
      member.running = false;
      if (member.manager.instance !== undefined) this.oracle.died(member.manager.instance);
    }
    await Promise.all(members.map((member) => member.nc.close()));
    // The dead process's memory; it reaches nobody any more.
    await Promise.all(members.map((member) => member.manager.stop()));
  }

  /** Changes what all workers' static sources say. */
  setPartitions(list: readonly Partition[]): void {
    this.#partitions = list;
    for (const { source } of this.members) (source as Partial<StaticSource>).update?.(list);
  }

  /**
   * Waits until everybody who runs is Stable under one leader and holds its part of the assignment in force, all partitions once.
   */
  async untilStable(timeoutMs = 15_000): Promise<void> {
    let problem = "";
    try {
      await until("everybody is stable", () => {
        problem = this.#instability() ?? "";
        return problem === "";
      }, timeoutMs);
    } catch {
      assert.fail(`not stable within ${timeoutMs} ms: ${problem}`);
    }
  }

  /** Which worker's ID owns which partition, as the managers say. */
  owners(): Map<string, string> {
    const owners = new Map<string, string>();
    for (const { manager } of this.running) {
      for (const partition of manager.assignment?.partitions ?? []) {
        owners.set(partitionId(partition), manager.workerId!);
      }
    }
    return owners;
  }

  /** Publishes to every partition. */
  publish(perPartition = 1, list = this.#partitions): Promise<void> {
    return this.#traffic.publish(perPartition, list);
  }

  /** Publishes one round after another until the function comes back. */
  whilePublishing(run: () => Promise<void>, everyMs = 10): Promise<void> {
    return this.#traffic.whilePublishing(run, everyMs);
  }

  /** Waits until the feed is empty. */
  untilDrained(timeoutMs = 15_000): Promise<void> {
    return this.#traffic.untilDrained(timeoutMs);
  }

  /** Asserts that every message had its effect exactly once, in order. */
  assertEffects(): Promise<void> {
    return this.#traffic.assertEffects();
  }

  /** Asserts that nothing happened that must not happen. */
  assertClean(): void {
    assert.deepEqual(this.oracle.violations, []);
    assert.deepEqual(this.publications.violations, []);
    for (const member of this.members) assert.deepEqual(member.violations, []);
  }

  /** Stops everybody and ends the watching. Whatever must not happen fails the test here at the latest. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map(({ manager }) => manager.stop()));
    await this.publications.close();
    this.assertClean();
  }

  #config(overrides: Partial<GroupConfigInput> | undefined): GroupConfigInput {
    const consumer = this.#options.idle ? undefined : {
      stream: this.feed,
      subjectTemplate: trafficNames(this.group).feedTemplate,
      deadLetterSubject: `${this.group}.dead`,
    };
    return {
      ...TEST_TIMING,
      group: this.group,
      ...(consumer === undefined ? {} : { consumer }),
      ...this.#options.config,
      ...overrides,
    };
  }

  /** Writes each message's effect once, and tells the oracle. */
  #handler(world: World): NonNullable<ManagerOptions["handler"]> {
    const output = new FencedOutput(world.feed, {
      stream: this.output,
      subjectTemplate: trafficNames(this.group).outputTemplate,
      timeoutMs: 2_000,
    });
    return async (message, context) => {
      const end = this.oracle.begin(context, message.streamSequence);
      try {
        await sleep(world.clock, this.#options.workMs ?? 0, context.signal);
        while (!context.signal.aborted) {
          try {
            await output.write(context, message.streamSequence, message.data);
            return;
          } catch (error) {
            if (isPartiError(error, "PARTI_FENCED")) throw error;
            // The output is out of reach: the message is not at fault.
            await sleep(world.clock, 50, context.signal);
          }
        }
      } finally {
        end();
      }
    };
  }

  /** Why the group is not stable; undefined if it is. */
  #instability(): string | undefined {
    const running = this.running;
    for (const { manager } of running) {
      if (manager.state !== "Stable") return `${manager.workerId} is ${manager.state}`;
    }
    if (running.length === 0) return undefined;
    const leaders = running.filter(({ manager }) => manager.isLeader);
    if (leaders.length !== 1) return `${leaders.length} leaders`;
    const { latest } = this.publications;
    if (latest === undefined) return "nothing is published";
    if (latest.leader !== leaders[0]!.manager.instance) return "the leader has not taken over yet";
    const instances = new Set(running.map(({ manager }) => manager.instance));
    for (const [instance, held] of latest.workers) {
      // Who has left stays listed with nothing until the next generation.
      if (held.length > 0 && !instances.has(instance)) return `${instance} has left and owns`;
    }
    for (const { manager } of running) {
      const listed = latest.workers.get(manager.instance!);
      if (listed === undefined) return `${manager.workerId} is not listed`;
      if (manager.assignment?.generation !== latest.generation) {
        return `${manager.workerId} is behind generation ${latest.generation}`;
      }
      const held = manager.assignment.partitions.map(partitionId);
      if ([...held].sort().join() !== [...listed].sort().join()) {
        return `${manager.workerId} holds something else than is published`;
      }
      if (manager.consumerHealth?.healthy === false) return `${manager.workerId} is not healthy`;
    }
    const wanted = this.#partitions.map(partitionId).sort();
    const owned = [...latest.workers.values()].flat().sort();
    return wanted.join() === owned.join() ? undefined : `${owned.length} partitions are owned`;
  }
}

/** Hooks that record everything and check that calls come one at a time and say the true difference. */
function observe(of: () => Member, hooks: NonNullable<ManagerOptions["hooks"]>) {
  let inside: string | undefined;
  let held = new Set<string>();
  const call = async (name: string, run: () => unknown) => {
    const { violations } = of();
    if (inside !== undefined) violations.push(`${name} was called while ${inside} ran`);
    inside = name;
    try {
      await run();
    } finally {
      inside = undefined;
    }
  };
  const observed: NonNullable<ManagerOptions["hooks"]> = {
    onStateChanged: (from, to) =>
      call("onStateChanged", () => {
        const { states, violations } = of();
        if (states.at(-1) !== from) violations.push(`from ${from}, but it was ${states.at(-1)}`);
        if (!TRANSITIONS[from].includes(to)) violations.push(`from ${from} to ${to}`);
        states.push(to);
        return hooks.onStateChanged?.(from, to);
      }),
    onAssignmentChanged: (change) =>
      call("onAssignmentChanged", () => {
        const { changes, violations } = of();
        changes.push(change);
        for (const partition of change.removed) {
          const id = partitionId(partition);
          if (!held.delete(id)) violations.push(`${id} was removed and not held`);
        }
        for (const partition of change.added) {
          const id = partitionId(partition);
          if (held.has(id)) violations.push(`${id} was added and held`);
          held.add(id);
        }
        const all = new Set(change.all.map(partitionId));
        if (all.size !== held.size || held.difference(all).size > 0) {
          violations.push(`all says ${[...all]}, the differences ${[...held]}`);
        }
        held = all;
        return hooks.onAssignmentChanged?.(change);
      }),
    onLeadershipChanged: (isLeader, epoch) =>
      call("onLeadershipChanged", () => hooks.onLeadershipChanged?.(isLeader, epoch)),
    onDegradedAlert: (level, durationMs) =>
      call("onDegradedAlert", () => hooks.onDegradedAlert?.(level, durationMs)),
    onError: (error) =>
      call("onError", () => {
        of().errors.push(error);
        if (isPartiError(error, "PARTI_INVARIANT")) of().violations.push(describeError(error));
        if (!(error instanceof Error)) of().violations.push(`not an error: ${error}`);
        return hooks.onError?.(error);
      }),
  };
  return observed;
}
