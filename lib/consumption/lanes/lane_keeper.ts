/**
 * The lane keeper makes the lanes on the server equal to what is wanted. It is level-triggered: every reconcile looks at all slots and
 * lanes and starts what is missing, and every operation leaves them in a state from which the next one can go on, whatever failed.
 *
 * @module
 */
import type { PartitionId } from "../../assignment/partition.ts";
import { PartiError } from "../../errors.ts";
import { sleep } from "../../ports/clock.ts";
import { jitter } from "../../ports/random.ts";
import { Acquirer } from "./acquirer.ts";
import { Detacher } from "./detacher.ts";
import { Drains } from "./drains.ts";
import type { LaneKeeperOptions } from "./keeper_options.ts";
import type { Lane } from "./lane.ts";
import { LaneTable } from "./lane_table.ts";
import { Orphans } from "./orphans.ts";
import type { Slot } from "../dispatch/slot.ts";
import { Upkeep } from "./upkeep.ts";

export type { LaneKeeperOptions } from "./keeper_options.ts";

const CHECK_RETRY_MS = 500;

/** A check of all lanes. */
interface Check {
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

function unreadable(lane: string, detail: string): PartiError {
  return new PartiError("PARTI_REFUSED", `lane ${lane} cannot be read: ${detail}`, {
    value: detail,
    hint: "it is tried again with another one",
  });
}

/** Keeps a worker's lanes. */
export class LaneKeeper {
  readonly #options: LaneKeeperOptions;
  readonly #table: LaneTable;
  readonly #orphans: Orphans;
  readonly #acquirer: Acquirer;
  readonly #detacher: Detacher;
  readonly #drains: Drains;
  readonly #upkeep: Upkeep;
  /** The check under way, if it began after the last interruption. */
  #checking: Check | undefined;
  #closed = false;

  /** @param options what it needs */
  constructor(options: LaneKeeperOptions) {
    this.#options = options;
    const { world, config, events, onTaken, onChange, drainTimeoutMs, operationTimeoutMs } =
      options;
    const onError = (error: unknown) => events.error(error);
    this.#table = new LaneTable({
      world,
      config,
      operationTimeoutMs,
      onTaken: (slot, message, taken, lane) => {
        if (lane.full) this.#upkeep.wake();
        onTaken(slot, message, taken, lane);
      },
      onEnd: (lane, reason, detail) => {
        events.laneEnded(lane.name, reason, detail);
        // Another one in its place is refused as well: without a word its partitions stand still.
        if (reason === "failed" && lane.delivered === 0 && world.messaging.connected) {
          onError(unreadable(lane.name, detail));
        }
        this.#upkeep.wake();
        if (!this.#closed) onChange();
      },
      onRefused: onError,
    });
    this.#orphans = new Orphans({ world, onError, onGone: onChange });
    this.#acquirer = new Acquirer(options, this.#table, this.#orphans);
    this.#detacher = new Detacher(options, this.#table, this.#orphans);
    this.#drains = new Drains(world.clock, drainTimeoutMs, onChange);
    this.#upkeep = new Upkeep(options, this.#table, this.#detacher);
  }

  /** The lanes there are. */
  get lanes(): Lane[] {
    return this.#table.all;
  }

  /** Compares what is wanted with what is held, and starts whatever makes them equal. */
  reconcile(): void {
    if (this.#closed) return;
    this.#drains.update(this.#options.slots.values());
    this.#orphans.start();
    this.#detacher.start();
    this.#acquirer.start();
  }

  /** A partition is wanted from now on; `contender` is the live instance that held it before. */
  expect(slot: Slot, contender: string | undefined): void {
    this.#acquirer.expect(slot, contender);
  }

  /** Somebody let these go: those wanted here are tried soon. */
  hint(ids: readonly PartitionId[]): void {
    if (!this.#closed && this.#acquirer.hint(ids)) this.#options.onChange();
  }

  /** Divides the room anew, as after a stopped partition goes on. */
  shareRoom(): void {
    this.#table.shareRoom();
  }

  /** Notes that the connection went: acks and deliveries on it may be lost. */
  interrupted(): void {
    for (const lane of this.lanes) lane.acks.interrupted();
    this.#stopChecking();
  }

  /**
   * After a reconnect: starts lanes anew that are gone or that have handed out more than has arrived. Asked for again without an
   * interruption in between it is the same check. Never rejects.
   *
   * @returns when it is done, or over because the connection has gone again
   */
  checkAll(): Promise<void> {
    this.#checking ??= this.#startChecking();
    return this.#checking.done;
  }

  /** From now on everything is released even without a connection. */
  finish(): void {
    this.#detacher.finish();
  }

  /** A last try to delete what was given up and may still be on the server. Never rejects. */
  async sweep(): Promise<void> {
    if (this.#options.world.messaging.connected) await this.#orphans.sweep();
  }

  /** Stops all pulls; nothing more is said to the server. */
  close(): void {
    this.#closed = true;
    this.#stopChecking();
    this.#upkeep.close();
    this.#acquirer.close();
    this.#detacher.close();
    this.#orphans.close();
    this.#drains.close();
    for (const lane of this.lanes) lane.close();
  }

  #startChecking(): Check {
    const stop = new AbortController();
    return { stop, done: this.#checkAll(stop.signal) };
  }

  /** What a check has found of one lane says nothing of what is lost later: each reconnect needs one of its own. */
  #stopChecking(): void {
    this.#checking?.stop.abort();
    this.#checking = undefined;
  }

  async #checkAll(signal: AbortSignal): Promise<void> {
    await Promise.all(this.lanes.map((lane) => this.#check(lane, signal)));
    if (!signal.aborted) this.#options.onChange();
  }

  /** Looks after one lane until it is known to be well or over. */
  async #check(lane: Lane, signal: AbortSignal): Promise<void> {
    const { world, events } = this.#options;
    while (!signal.aborted && isInQuestion(lane) && world.messaging.connected) {
      try {
        return await this.#checkOnce(lane, signal);
      } catch (error) {
        events.error(error);
      }
      await sleep(world.clock, jitter(world.random, CHECK_RETRY_MS), signal);
    }
  }

  async #checkOnce(lane: Lane, signal: AbortSignal): Promise<void> {
    const { world } = this.#options;
    const deliveredBefore = lane.delivered;
    const info = await world.feed.consumerInfo(lane.stream, lane.name);
    if (signal.aborted) return;
    if (info === undefined) return lane.gone("gone after a reconnect");
    if (lane.closed) return;
    if (info.delivered > lane.delivered && lane.delivered === deliveredBefore) {
      lane.fail("gap", `the server sent ${info.delivered}, ${lane.delivered} arrived`);
    } else {
      // Acks that were under way when the connection went are sent again: else their messages would come again elsewhere.
      await lane.acks.confirm();
    }
  }
}

/** Whether a lane may be on the server: one that has ended may be kept there as a lock, which it is only as long as it is there. */
function isInQuestion({ closed, ended }: Lane): boolean {
  return !closed || (ended !== undefined && ended !== "deleted");
}
