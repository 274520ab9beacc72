/**
 * Rebalancings as the workers report them: from the first word of a new assignment until each partition that moves is acquired. What
 * follows within a moment belongs to the same one.
 *
 * @module
 */

/** What a worker says of its assignment. */
export interface Assigned {
  /** The epoch of what it has applied. */
  readonly epoch: number;
  /** The generation of what it has applied. */
  readonly generation: number;
  /** The partitions it owns. */
  readonly owned: readonly number[];
}

/** A rebalancing that is over. */
export interface Rebalance {
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
  /** How many partitions were moved. */
  readonly moved: number;
  /** How many workers had partitions before. */
  readonly workersBefore: number;
  /** How many have after it. */
  readonly workersAfter: number;
}

/** Who is told. */
export interface RebalanceHandler {
  /** One has begun, and so many partitions are moving. */
  detected(moving: number): void;
  /** It is complete. */
  complete(rebalance: Rebalance): void;
}

/** So long no further partition may begin to move until it is told how many do, in microseconds: the workers' reports come one after another. */
const GATHER_US = 300_000;
/** So long nothing may be moving until it is complete, in microseconds. */
const QUIET_US = 500_000;

/** Which assignment says so. */
interface Claim {
  readonly process: string;
  readonly epoch: number;
  readonly generation: number;
}

/** One that is under way. */
interface Current {
  readonly workersBefore: number;
  readonly moved: Set<number>;
  fromUs: number;
  grownUs: number;
  untilUs: number;
  told: boolean;
}

/** Watches for them. */
export class RebalanceWatch {
  readonly #handler: RebalanceHandler;
  readonly #assigned = new Map<number, Claim>();
  readonly #holders = new Map<number, string>();
  readonly #moving = new Set<number>();
  #current: Current | undefined;

  /** @param handler who is told */
  constructor(handler: RebalanceHandler) {
    this.#handler = handler;
  }

  /** How many partitions are assigned to somebody who has not acquired them yet. */
  get moving(): number {
    return this.#moving.size;
  }

  /**
   * A worker says what it has.
   *
   * @param process its name and incarnation
   * @param assigned what it says
   * @param atUs when, in microseconds since 1970
   */
  assigned(process: string, { epoch, generation, owned }: Assigned, atUs: number): void {
    for (const partition of owned) {
      const known = this.#assigned.get(partition);
      // Reports of different workers come in any order.
      if (known !== undefined && (known.epoch - epoch || known.generation - generation) > 0) {
        continue;
      }
      this.#assigned.set(partition, { process, epoch, generation });
      this.#look(partition, atUs);
    }
  }

  /**
   * A worker has acquired partitions.
   *
   * @param process its name and incarnation
   * @param partitions their numbers
   * @param atUs when, in microseconds since 1970
   */
  acquired(process: string, partitions: readonly number[], atUs: number): void {
    const workersBefore = this.#current === undefined ? this.#workers : 0;
    for (const partition of partitions) {
      this.#holders.set(partition, process);
      this.#look(partition, atUs, workersBefore);
    }
    const current = this.#current;
    if (current !== undefined) current.untilUs = Math.max(current.untilUs, atUs);
  }

  /**
   * Time has passed: to be called now and then. Tells what has begun, and what is complete.
   *
   * @param nowUs the time, in microseconds since 1970
   */
  tick(nowUs: number): void {
    const current = this.#current;
    if (current === undefined) return;
    if (!current.told) {
      if (nowUs - current.grownUs < GATHER_US) return;
      current.told = true;
      this.#handler.detected(current.moved.size);
    }
    if (this.#moving.size > 0 || nowUs - current.untilUs < QUIET_US) return;
    this.#current = undefined;
    this.#handler.complete({
      durationMs: Math.max(0, current.untilUs - current.fromUs) / 1_000,
      moved: current.moved.size,
      workersBefore: current.workersBefore,
      workersAfter: this.#workers,
    });
  }

  get #workers(): number {
    return new Set(this.#holders.values()).size;
  }

  #look(partition: number, atUs: number, workersBefore?: number): void {
    const wanted = this.#assigned.get(partition);
    const isThere = wanted === undefined || wanted.process === this.#holders.get(partition);
    if (isThere) return void this.#moving.delete(partition);
    this.#moving.add(partition);
    this.#current ??= {
      workersBefore: workersBefore ?? this.#workers,
      moved: new Set(),
      fromUs: atUs,
      grownUs: atUs,
      untilUs: atUs,
      told: false,
    };
    this.#current.fromUs = Math.min(this.#current.fromUs, atUs);
    if (this.#current.moved.has(partition)) return;
    this.#current.grownUs = Math.max(this.#current.grownUs, atUs);
    this.#current.moved.add(partition);
  }
}
