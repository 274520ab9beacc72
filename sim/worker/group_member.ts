/**
 * The seam between the simulation and the library: what a simulated worker needs of a group, and nothing else. The worker
 * is written against {@linkcode GroupMember}; {@linkcode createGroupMember} fills it with the library's `Manager`.
 *
 * @module
 */
import type { PartitionSource } from "../../lib/assignment/partition.ts";
import { strategyByName } from "../../lib/assignment/strategies/strategies.ts";
import type { HandlerContext, PartitionMessage } from "../../lib/consumption/dispatch/handler.ts";
import { FencedOutput } from "../../lib/effects/effects.ts";
import { PartiError } from "../../lib/errors.ts";
import type { AssignmentChange } from "../../lib/manager/hooks.ts";
import { Manager } from "../../lib/manager/manager.ts";
import type { MetricsCollector } from "../../lib/metrics/collector.ts";
import type { World } from "../../lib/ports/world.ts";
import { groupConfig } from "../config/group_config.ts";
import type { FaultKind } from "../fault/fault.ts";
import { faultyStrategy } from "../fault/faulty_strategy.ts";
import type { ChildSpec, WorkerStatus } from "../wire/wire.ts";
import type { Holdings } from "./holdings.ts";
import type { HookWatch, ToldChange } from "./hook_watch.ts";

/** A message with the right to handle it. */
export interface GroupMessage {
  /** The partition. */
  readonly partition: number;
  /** The payload. */
  readonly data: Uint8Array;
  /** The instance that owns the partition. */
  readonly instance: string;
  /** The epoch in which the partition was acquired. */
  readonly epoch: number;
  /** The generation in which the partition was acquired. */
  readonly generation: number;
  /** Its place in the feed. */
  readonly streamSequence: number;
  /** How often its consumer has delivered it, from 1. */
  readonly deliveryCount: number;
  /** When the feed stored it, in milliseconds since 1970. */
  readonly storedAtMs: number;
  /** Since when this worker has the partition, in microseconds since 1970; undefined if that is not known. */
  readonly acquiredUs: number | undefined;
  /** Fires when the right to handle ends. */
  readonly signal: AbortSignal;
  /**
   * Writes the message's effect through the library's fenced output: `written`, or `already` if it is there from an earlier
   * delivery. Rejects if the partition has a newer owner.
   */
  effect(payload: Uint8Array): Promise<"written" | "already">;
}

/** One worker's membership of a group. */
export interface GroupMember {
  /** Joins the group and begins to handle. Resolves when it has joined. */
  start(handler: (message: GroupMessage) => Promise<void>): Promise<void>;
  /** Leaves: announces it, drains, hands over, releases its ID. */
  stop(): Promise<void>;
  /** What it is doing. */
  status(): WorkerStatus;
}

/** What a member is made from. */
export interface GroupMemberOptions {
  /** The worker's world. */
  readonly world: World;
  /** Who and where. Its `index` is the preferred number of the stable ID. */
  readonly spec: ChildSpec;
  /** The partitions of the group; partition n has the key `String(n)`. */
  readonly source: PartitionSource;
  /** Told of what the worker acquires and lets go. */
  readonly holdings: Holdings;
  /** Called when state, leadership or ownership have changed. */
  readonly onChange: () => void;
  /** Checks what the library tells. */
  readonly watch: HookWatch;
  /** Told what the library counts, if anybody wants to know. */
  readonly metrics?: MetricsCollector | undefined;
}

const EFFECT_TIMEOUT_MS = 5_000;

/**
 * Makes a member.
 *
 * @param options what it is made from
 * @returns the member, not started
 */
export function createGroupMember(options: GroupMemberOptions): GroupMember {
  const { world, spec, source, holdings, onChange, watch, metrics } = options;
  const { topology, config, index } = spec;
  const { group, assignment_strategy: strategy, strategy_config: settings } = config.workers;
  const output = new FencedOutput(world.feed, {
    stream: topology.effectStream,
    subjectTemplate: topology.effectTemplate,
    timeoutMs: EFFECT_TIMEOUT_MS,
  });
  // The library goes on by itself, and says in its log what it was.
  const onError = (error: unknown) => watch.error(error);
  let handler: (message: GroupMessage) => Promise<void> = () => Promise.resolve();
  const manager = new Manager({
    world,
    config: {
      ...groupConfig(topology, config.workers, config.nats),
      preferredId: index + (group.worker_id_min ?? 0),
    },
    source,
    strategy: faultyStrategy(spec.fault, strategyByName(strategy, settings)),
    handler: (message, context) => handler(groupMessage(message, context, output, holdings)),
    hooks: {
      onAssignmentChanged: (change) => {
        watch.assignment(toldChange(spec, change));
        holdings.forget(change.removed.map(({ keys }) => Number(keys[0])));
        onChange();
      },
      onStateChanged: (from, to) => {
        watch.state(from, to);
        onChange();
      },
      onLeadershipChanged: onChange,
      onError,
    },
    consumptionEvents: {
      acquired: (ids) => holdings.acquired(ids.map(Number)),
      released: (ids) => holdings.released(ids.map(Number)),
      failed: (_id, _message, _attempt, error) => watch.error(error),
    },
    host: spec.process,
    ...(metrics === undefined ? {} : { metrics }),
  });
  return {
    start: (handle) => {
      handler = handle;
      if (strikesWorker(spec, "invariant")) onError(plantedViolation());
      return manager.start();
    },
    stop: () => manager.stop(),
    status: () => ({
      worker: manager.workerId ?? "",
      instance: manager.instance ?? "",
      state: isNeverSettled(spec) ? "Scaling" : manager.state,
      leader: manager.isLeader,
      epoch: manager.assignment?.epoch ?? 0,
      generation: manager.assignment?.generation ?? 0,
      owned: manager.assignment?.partitions.map(({ keys }) => Number(keys[0])) ?? [],
    }),
  };
}

/** A planted defect of the first worker. */
function strikesWorker({ fault, name }: ChildSpec, kind: FaultKind): boolean {
  return fault?.kind === kind && name === "worker-0";
}

/** The planted defect of whoever is started again. */
function isNeverSettled({ fault, process }: ChildSpec): boolean {
  return fault?.kind === "unsettled" && !process.endsWith("#1");
}

function plantedViolation(): PartiError {
  return new PartiError("PARTI_INVARIANT", "planted");
}

/** What the library tells; without its first new partition if that is the planted defect. */
function toldChange(spec: ChildSpec, change: AssignmentChange): ToldChange {
  if (!strikesWorker(spec, "wrong-delta")) return change;
  return { ...change, added: change.added.slice(1) };
}

function groupMessage(
  message: PartitionMessage,
  context: HandlerContext,
  output: FencedOutput,
  holdings: Holdings,
): GroupMessage {
  const partition = Number(context.partitionId);
  return {
    partition,
    data: message.data,
    instance: context.instance,
    epoch: context.epoch,
    generation: context.generation,
    streamSequence: message.streamSequence,
    deliveryCount: message.deliveryCount,
    storedAtMs: message.storedAtMs,
    acquiredUs: holdings.since(partition),
    signal: context.signal,
    effect: (payload) => output.write(context, message.streamSequence, payload),
  };
}
