/**
 * The parts of a run, put together.
 *
 * @module
 */
import { type ChaosPlan, longestOutageMs } from "../chaos/chaos_plan.ts";
import { ChaosRunner } from "../chaos/chaos_run.ts";
import type { GroupTiming } from "../chaos/hits.ts";
import { changesPartitions } from "../config/config_rules.ts";
import { resolveGroup } from "../config/group_check.ts";
import type { Ground } from "../ground/ground.ts";
import type { ProcessEnd } from "../host/host.ts";
import { RemoteHosts, type RemoteHostsOptions } from "../host/remote_hosts.ts";
import { Fleet, type Member } from "../run/fleet.ts";
import { PartitionControl } from "../run/partition_control.ts";
import { RunState } from "../run/run_state.ts";
import { partitionWeights } from "../seed/weights.ts";
import { EffectsReader, type OnEffect } from "../streams/effects_reader.ts";
import { isDeadLetter } from "../streams/topology.ts";
import { type Inbox, openInbox } from "../wire/inbox.ts";
import { Conclusions, conclusionsOf, type JournalEntry } from "./conclusions.ts";
import { LoadControl } from "./load_control.ts";
import type { RunParts } from "./run_checkpoint.ts";
import type { RunFacts } from "./run_facts.ts";
import { RunObserver } from "./run_observer.ts";
import type { RunOptions } from "./run_options.ts";
import { RunWatch, STATUS_INTERVAL_MS } from "./run_watch.ts";
import type { Stage } from "./stage.ts";

/** Longer than a worker takes to leave, also on a busy machine. */
const LEAVE_TIMEOUT_MS = 20_000;

/** All parts of a run. */
export interface Parts extends RunParts {
  /** What it stands on. */
  readonly ground: Ground;
  /** Its streams. */
  readonly stage: Stage;
  /** Those who start processes by hand; undefined where nobody does. */
  readonly hosts: RemoteHosts | undefined;
  /** Who follows it for those who look at it. */
  readonly observer: RunObserver;
  /** The hand on the producers. */
  readonly loadControl: LoadControl;
  /** The hand on the partitions. */
  readonly partitions: PartitionControl;
}

/** What they are made from. */
export interface PartsOptions extends Omit<RunOptions, "ground"> {
  /** What will go wrong. */
  readonly plan: ChaosPlan;
  /** What the run stands on. */
  readonly ground: Ground;
  /** Its streams. */
  readonly stage: Stage;
  /** When it was and how long its phases took. */
  readonly facts: RunFacts;
  /** Called when a process ends that was neither killed nor asked to. */
  readonly onUnexpectedExit: (member: Member, end: ProcessEnd) => void;
  /** Called after each chaos event; resolves when a run that is resumed would know of it. */
  readonly onRecord: () => Promise<void> | undefined;
  /** Keeps what comes in, for whoever comes after this coordinator. */
  readonly keep: (entry: JournalEntry) => void;
}

/** What the group's configuration says. */
interface Group extends GroupTiming {
  readonly workerIdMin: number;
  readonly workerIdMax: number;
}

/**
 * Makes them. They listen from now on, and nothing is started yet.
 *
 * @param options what they are made from
 * @param cleanUp takes what ends them
 */
export function makeParts(options: PartsOptions, cleanUp: AsyncDisposableStack): Parts {
  const { config, seed, runId, console, facts, ground, stage, signal } = options;
  const group = resolveGroup(config);
  const hosts = fleetHosts(options, group, {
    onDoubt: (doubt) => state.doubts.push(doubt),
    onIncident: (incident) => state.incidents.push(incident),
    onSkew: (moreMs) => state.ledger.clocksDiffer(moreMs * 1_000),
  });
  if (hosts !== undefined) cleanUp.use(hosts);
  const fleet = makeFleet(options, group, hosts);
  cleanUp.defer(async () => {
    hosts?.hurry();
    await fleet.end("kill");
  });
  const weights = partitionWeights(config.partitions, seed);
  const leaseUs = group.heartbeatTtlMs * 1_000;
  const state: RunState = new RunState(weights, () => fleet, console, leaseUs);
  const observer = new RunObserver({ console, fleet, tickMs: STATUS_INTERVAL_MS });
  const inbox = listen(options, state, observer);
  cleanUp.defer(() => inbox.close());
  const reader = makeReader(stage, state);
  cleanUp.defer(() => reader.stop());
  const loadControl = new LoadControl({
    ...{ fleet, runId, signal },
    messaging: stage.world.messaging,
    changes: () => state.partitions.changes,
    doubts: state.doubts,
    patienceMs: config.coordinator.validation_window,
  });
  const partitions = new PartitionControl({ ...options, fleet, state });
  const look = () => conclusionsOf(state, chaos.records);
  const conclusions = new Conclusions(look, options.keep, options.onRecord);
  const note = () => conclusions.note();
  const chaos: ChaosRunner = makeChaos(options, group, { fleet, state, partitions }, note);
  state.onStatus = (member) => chaos.onStatus(member);
  const watch = new RunWatch({
    ...{ runId, state, fleet, facts, console },
    serverPids: () => ground.server?.pids ?? [],
    durationMs: config.simulation.duration,
    onTick: (phase) => {
      observer.tick(phase);
      // Chaos looks more often, but only as long as there is some: what goes wrong after that is not to be forgotten either.
      note();
    },
    chaos: () => chaos.records.length,
  });
  watch.start();
  cleanUp.defer(() => watch.stop());
  const known = { facts, state, watch, fleet, chaos, reader, inbox };
  return { ...known, ground, stage, hosts, observer, loadControl, partitions };
}

function maxWorkersOf({ config }: PartsOptions, { workerIdMin, workerIdMax }: Group): number {
  return Math.min(config.workers.count * 2, workerIdMax - workerIdMin + 1);
}

/** Where processes are started by hand, their hosts come to us. */
function fleetHosts(
  options: PartsOptions,
  group: Group,
  told: Pick<RemoteHostsOptions, "onDoubt" | "onIncident" | "onSkew">,
): RemoteHosts | undefined {
  const { config, runId, stage, console } = options;
  if (config.simulation.mode !== "coordinator") return undefined;
  return new RemoteHosts({
    messaging: stage.world.messaging,
    simulation: config.simulation.name,
    runId,
    slots: { worker: maxWorkersOf(options, group), producer: config.producers.count },
    onJoin: ({ role, indexes }) => {
      const names = indexes.map((at) => `${role}-${at}`).join(", ");
      console.log("INFO", `A host has come for ${names}`);
    },
    ...told,
  });
}

function makeFleet(options: PartsOptions, group: Group, hosts: RemoteHosts | undefined): Fleet {
  const { runId, seed, config, fault, ground, stage: { topology } } = options;
  const natsUrl = ground.urls.join(",");
  const { chaos: _chaos, thresholds: _thresholds, ...childConfig } = config;
  return new Fleet({
    spec: {
      ...{ runId, seed, natsUrl, config: childConfig, topology },
      partitionsChange: changesPartitions(config),
      ...(fault === undefined ? {} : { fault }),
    },
    hostOf: (role, index) => hosts === undefined ? ground.host : hosts.hostOf(role, index),
    maxWorkers: maxWorkersOf(options, group),
    // Nobody can leave while the servers are away.
    leaveTimeoutMs: LEAVE_TIMEOUT_MS + longestOutageMs(options.plan),
    onUnexpectedExit: options.onUnexpectedExit,
  });
}

function listen(options: PartsOptions, state: RunState, observer: RunObserver): Inbox {
  const { stage, runId, keep } = options;
  return openInbox(stage.world.messaging, runId, {
    report: (process, report) => {
      state.takeReport(process, report);
      observer.takeReport(process, report);
    },
    begun: (...what) => state.takeBegun(...what),
  }, keep);
}

/**
 * Makes the reader of the effects; it reads nothing yet.
 *
 * @param stage where they are
 * @param state takes them
 */
export function makeReader(
  { nc, topology }: Pick<Stage, "nc" | "topology">,
  state: RunState,
): EffectsReader {
  const take: OnEffect = (data, storedUs, at, subject, missed) => {
    state.ledger.missed(missed);
    if (isDeadLetter(topology, subject)) state.takeDeadLetter(data, storedUs);
    else state.takeEffect(data, storedUs, at);
  };
  const { incidents } = state;
  return new EffectsReader(nc, topology.effectStream, take, (what) => incidents.push(what));
}

function makeChaos(
  options: PartsOptions,
  timing: GroupTiming,
  parts: { readonly fleet: Fleet; readonly state: RunState; readonly partitions: PartitionControl },
  onLook: () => void,
): ChaosRunner {
  const { plan, runId, console, config, ground, stage, signal, onRecord } = options;
  const { server, cluster, networks, crash } = ground;
  return new ChaosRunner({
    ...{ plan, runId, console, server, cluster, networks, crash, timing, signal, onRecord },
    ...parts,
    messaging: stage.world.messaging,
    feedStream: stage.topology.feedStream,
    minWorkers: Math.max(2, Math.ceil(config.workers.count / 2)),
    windowMs: config.coordinator.validation_window,
    onLook,
  });
}
