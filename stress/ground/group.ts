/**
 * A group of workers in this process, each a `Manager`, over one connection or with a connection each; and the time at which all of them
 * are well.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { type StaticSource, staticSource } from "../../lib/assignment/sources/static_source.ts";
import type { GroupConfigInput } from "../../lib/config/config.ts";
import type { MessageHandler } from "../../lib/consumption/dispatch/handler.ts";
import { Manager } from "../../lib/manager/manager.ts";
import type { Clock } from "../../lib/ports/clock.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import type { World } from "../../lib/ports/world.ts";
import { until } from "../../tasks/until.ts";
import type { Fault } from "../case.ts";
import { partitionNames, type PartitionSpec } from "./partition_names.ts";

/** What the group is called. */
export const GROUP_NAME = "stress";
/** The stream it consumes. */
export const STREAM = "STRESS";
/** A partition's subject. */
export const SUBJECT_TEMPLATE = "stress.in.{{.PartitionID}}";

/** How a group is made. */
export interface GroupOptions extends PartitionSpec {
  /** The server. */
  readonly url: string;
  /** The highest number of workers there will ever be at once. */
  readonly mostWorkers: number;
  /** Whether messages are consumed, or only assignments followed. */
  readonly consume: boolean;
  /**
   * Whether all workers have one connection with its world and one source of partitions together, as those of one program may; otherwise
   * each has its own, as those of several programs have.
   */
  readonly shared?: boolean;
  /** A planted defect. */
  readonly fault?: Fault | undefined;
}

/** A world and the connection that it is over. */
interface Connected {
  readonly nc: NatsConnection;
  readonly world: World;
}

/** One worker. */
interface Member {
  readonly manager: Manager;
  readonly nc: NatsConnection;
}

/** The library's own default leaves two planned rebalances 10 s apart, which is no cost of either. */
export const GROUP_CONFIG = {
  group: GROUP_NAME,
  assignment: { minRebalanceInterval: 0 },
  startupTimeout: "5m",
  shutdownTimeout: "30s",
} as const satisfies GroupConfigInput;

const SETTLE_TIMEOUT_MS = 300_000;
/** The planted slowness: everything that waits, waits so many times as long. */
const SLOWNESS = 4;
/** The planted loss: the message with this place in the stream; the next one is handled twice, so that the handlings are as many as without. */
const LOST_SEQUENCE = 50;

/** A group. */
export class StressGroup implements AsyncDisposable {
  readonly #options: GroupOptions;
  readonly #members: Member[] = [];
  /** How many messages of each partition were handled, and how many of them when it was last marked. */
  readonly #handled: Uint32Array;
  readonly #marked: Uint32Array;
  /** The place in the stream of the last one: what comes again after a move has one that is no higher. */
  readonly #lastSequence: Float64Array;
  /** One for all where they share what they can, as the workers of one program do. */
  readonly #source: StaticSource;
  /** The one that all have together. */
  #shared: Connected | undefined;
  #handledTotal = 0;

  private constructor(options: GroupOptions) {
    this.#options = options;
    this.#handled = new Uint32Array(options.partitions);
    this.#marked = new Uint32Array(options.partitions);
    this.#lastSequence = new Float64Array(options.partitions);
    this.#source = sourceOf(options);
  }

  /**
   * Makes the stream; there is no worker yet.
   *
   * @param options how
   */
  static async open(options: GroupOptions): Promise<StressGroup> {
    await makeStream(options.url);
    return new StressGroup(options);
  }

  /** How many workers there are. */
  get workers(): number {
    return this.#members.length;
  }

  /** How many messages were handled so far, each counted once, however often it came. */
  get handled(): number {
    return this.#handledTotal;
  }

  /** How many partitions have had a message so far. */
  get partitionsServed(): number {
    return this.#handled.reduce((count, handled) => count + (handled > 0 ? 1 : 0), 0);
  }

  /** A partition that has had no message since the last mark; undefined if there is none. */
  get unserved(): number | undefined {
    const at = this.#handled.findIndex((handled, partition) => handled === this.#marked[partition]);
    return at < 0 ? undefined : at;
  }

  /** From now on each partition is to have another message. */
  markServed(): void {
    this.#marked.set(this.#handled);
  }

  /**
   * Connects so many new workers, and starts none of them.
   *
   * @param count how many
   * @returns starts them, all at once; the promise resolves when the whole group is well
   */
  async prepare(count: number): Promise<() => Promise<void>> {
    const fresh: Member[] = [];
    for (let n = 0; n < count; n++) fresh.push(await this.#make());
    return async () => {
      this.#members.push(...fresh);
      await Promise.all(fresh.map(({ manager }) => manager.start()));
      await this.untilWell();
    };
  }

  /**
   * Connects and starts so many new workers.
   *
   * @param count how many
   */
  async add(count: number): Promise<void> {
    await (await this.prepare(count))();
  }

  /**
   * Has a worker leave in order, and closes its connection if it has one of its own.
   *
   * @param at which one; by default the last
   * @returns when the others are well again
   */
  async remove(at = this.#members.length - 1): Promise<void> {
    const [member] = this.#members.splice(at, 1);
    const leaving = member!.manager.stop();
    await this.untilWell();
    await leaving;
    if (member!.nc !== this.#shared?.nc) await member!.nc.close();
  }

  /** Waits until every worker is Stable, all follow the same generation, and each partition has an owner. */
  untilWell(): Promise<void> {
    return until("the group is well", () => this.trouble === undefined, SETTLE_TIMEOUT_MS);
  }

  /** Ends all workers, in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    const members = this.#members.splice(0);
    await Promise.all(members.map(({ manager }) => manager.stop()));
    const connections = new Set(members.map(({ nc }) => nc));
    if (this.#shared !== undefined) connections.add(this.#shared.nc);
    await Promise.all([...connections].map((nc) => nc.close()));
  }

  /** What keeps the group from being well now; undefined if nothing does. */
  get trouble(): string | undefined {
    return troubleOf(this.#members.map(({ manager }) => manager), this.#options.partitions);
  }

  /** The generation that its workers follow; undefined without any. */
  get generation(): number | undefined {
    return this.#members[0]?.manager.assignment?.generation;
  }

  async #make(): Promise<Member> {
    const { consume, mostWorkers, shared } = this.#options;
    const { nc, world } = await this.#connect();
    const manager = new Manager({
      world,
      config: {
        ...GROUP_CONFIG,
        // Who leaves keeps its ID until it has gone.
        workerIdMax: Math.max(99, mostWorkers),
        ...(consume ? { consumer: { stream: STREAM, subjectTemplate: SUBJECT_TEMPLATE } } : {}),
      },
      source: shared ? this.#source : sourceOf(this.#options),
      ...(consume ? { handler: this.#handler() } : {}),
    });
    return { manager, nc };
  }

  async #connect(): Promise<Connected> {
    const { url, shared, fault } = this.#options;
    if (this.#shared !== undefined) return this.#shared;
    const nc = await connectNats({ servers: url, name: "stress-worker" });
    const world = natsWorld(nc);
    const connected = { nc, world: fault === "slow" ? slowed(world) : world };
    if (shared) this.#shared = connected;
    return connected;
  }

  #handler(): MessageHandler {
    const { fault } = this.#options;
    return ({ streamSequence }, { partitionId }) => {
      const partition = Number(partitionId);
      if (fault === "starve" && partition === 0) throw new Error("planted: nobody handles this");
      if (streamSequence <= this.#lastSequence[partition]!) return;
      this.#lastSequence[partition] = streamSequence;
      // It is acknowledged, and nobody has handled it.
      if (fault === "loss" && streamSequence === LOST_SEQUENCE) return;
      this.#handled[partition]!++;
      this.#handledTotal++;
      if (fault === "loss" && streamSequence === LOST_SEQUENCE + 1) {
        throw new Error("planted: this comes again");
      }
    };
  }
}

/**
 * What keeps a group from being well: that a worker is not Stable, follows another generation than the others, or a partition has no owner.
 *
 * @param workers all of them
 * @param partitions how many there are
 * @returns the first that is found, in words; undefined if all is well
 */
export function troubleOf(
  workers: readonly Pick<Manager, "state" | "assignment">[],
  partitions: number,
): string | undefined {
  const generation = workers[0]?.assignment?.generation;
  let owned = 0;
  for (const { state, assignment } of workers) {
    if (state !== "Stable") return `a worker is ${state}`;
    if (assignment?.generation !== generation) {
      return `generations ${generation} and ${assignment?.generation} are followed`;
    }
    owned += assignment?.partitions.length ?? 0;
  }
  return owned === partitions ? undefined : `${owned} of ${partitions} partitions are owned`;
}

function sourceOf(spec: PartitionSpec): StaticSource {
  return staticSource(partitionNames(spec).map((name) => ({ keys: [name] })));
}

/**
 * Makes the stream that a group consumes.
 *
 * @param url the server
 */
export async function makeStream(url: string): Promise<void> {
  const nc = await connectNats({ servers: url, name: "stress-setup" });
  await natsWorld(nc).feed.ensureStream(STREAM, {
    subjects: ["stress.in.*"],
    ...{ retention: "workqueue", storage: "file", replicas: 1 },
  });
  await nc.close();
}

function slowed(world: World): World {
  const { clock } = world;
  const slow: Clock = {
    monotonicMs: () => clock.monotonicMs(),
    wallMs: () => clock.wallMs(),
    setTimer: (delayMs, fire) => clock.setTimer(delayMs * SLOWNESS, fire),
  };
  return { ...world, clock: slow };
}
