/**
 * What will go wrong, and when: an explicit list made from the seed before the run begins. Who is hit is decided at the
 * moment of the event, among those alive then, by a number drawn here.
 *
 * @module
 */
import { type ChaosType, NETWORK_FAULTS, type SimulationConfig } from "../config/config_schema.ts";
import { resolveGroup } from "../config/group_check.ts";
import { formatDuration } from "../config/units.ts";
import { Seeded } from "../seed/seeded.ts";
import { type GroupTiming, takeoverDueMs } from "./hits.ts";

/**
 * How a network fails: its connections are cut, or nobody gets through at all, or they stay open and nothing gets through, or only one way,
 * or everything is late.
 */
export type NetworkFault = (typeof NETWORK_FAULTS)[number];

/** What a plan is made from. */
type PlanConfig =
  & Pick<SimulationConfig, "chaos" | "simulation" | "workers" | "nats">
  & { readonly partitions: Pick<SimulationConfig["partitions"], "count"> };

/** The same, with what the library makes of the group: it is asked once, and not for each event. */
interface Known extends PlanConfig {
  readonly timing: GroupTiming;
}

/** One thing that will go wrong. */
export interface PlannedChaos {
  /** Counts from 1. */
  readonly number: number;
  /** When, in milliseconds since the load began. */
  readonly atMs: number;
  /** What. */
  readonly type: ChaosType;
  /** Numbers in [0, 1): the n-th victim is the one at this fraction of the sorted list of those alive. */
  readonly picks: readonly number[];
  /** How many workers come or go, for scaling; 1 for the rest. */
  readonly count: number;
  /** How long a process stays away (the coordinator, too) or stands still, or its network fails, in milliseconds; 0 for a cut, which is instant. */
  readonly downMs: number;
  /** How the network fails, if it does. */
  readonly network?: NetworkFault;
  /** How many partitions come and how many go, if they do. */
  readonly partitions?: { readonly add: number; readonly remove: number };
}

/** A whole run's chaos. */
export interface ChaosPlan {
  /** The seed it was made from. */
  readonly seed: number;
  /** The events, in the order of time. */
  readonly events: readonly PlannedChaos[];
}

const MAX_SCALE_STEP = 3;
const DOWN_INTERVAL = { minMs: 1_000, maxMs: 2_500 };
/** A network may be back before anybody has noticed, or after the lease is over; a worker may be slow for as long. */
const LASTING_INTERVAL = { minMs: 500, maxMs: 12_000 };
/** How long a server is away: longer than the lease of a small fleet, which all its workers lose then; those of a large one outlast it. */
const SERVER_DOWN_MS = 10_000;
/** A node may be back before its streams have new leaders, or long after: an election takes 4 to 9 s. */
const NODE_INTERVAL = { minMs: 2_000, maxMs: 12_000 };
/** A pause lasts so much longer than the others have to take over what the silent one had. */
const BEYOND_DUE_MS = 2_000;
const INSTANT: readonly ChaosType[] = ["partition_changes", "poison_message"];
/** So large a part of the partitions comes at most, and as large a one goes; two of each in any case. */
const MAX_CHANGED_PART = 0.05;
const MIN_MAX_CHANGED = 2;
/** Draws for the timeline are numbered from here, apart from those of dealt events. */
const TIMELINE_NUMBERS = 1_000_000;
/** A plan is held in memory and printed; a day of chaos every second is the most that makes sense. */
const MAX_EVENTS = 100_000;

/**
 * Makes the plan: what the timeline says, and what is dealt from the list of kinds. Kinds are dealt from shuffled decks that hold each kind
 * once, so that a short run meets them all. The first dealt event comes after half an interval, so that a run of 60 s with an interval of
 * 5–8 s always has at least eight.
 *
 * @param config the run's configuration
 * @param seed the run's seed
 * @returns the plan; empty if chaos is off
 */
export function planChaos(
  config: PlanConfig,
  seed: number,
): ChaosPlan {
  const { chaos } = config;
  if (!chaos.enabled) return { seed, events: [] };
  const known = { ...config, timing: resolveGroup(config) };
  const events = [...timelineEvents(known, seed), ...dealtEvents(known, seed)]
    .sort((a, b) => a.atMs - b.atMs)
    .map((event, index) => ({ ...event, number: index + 1 }));
  return { seed, events };
}

/** Each line has numbers of its own: another one more or less changes nothing of it. */
function timelineEvents(config: Known, seed: number): PlannedChaos[] {
  const { chaos, simulation } = config;
  return chaos.timeline.filter(({ at }) => at <= simulation.duration).map((line, index) => {
    const drawn = plannedEvent(config, seed, TIMELINE_NUMBERS + index, line.at, line.event, line);
    const count = line.count ?? drawn.count;
    const more = new Seeded(seed, "chaos-picks", TIMELINE_NUMBERS + index);
    const others = Array.from({ length: Math.max(0, count - drawn.picks.length) });
    return {
      ...drawn,
      count,
      picks: [...drawn.picks, ...others.map((_, other) => more.float(other))],
      downMs: line.down ?? drawn.downMs,
    };
  });
}

function dealtEvents(config: Known, seed: number): PlannedChaos[] {
  const { chaos, simulation } = config;
  const kinds = [...new Set(chaos.events)];
  if (kinds.length === 0) return [];
  const times = new Seeded(seed, "chaos-times");
  const decks = new Seeded(seed, "chaos-kinds");
  const events: PlannedChaos[] = [];
  let deck: ChaosType[] = [];
  let atMs = times.durationMs(0, chaos.interval) / 2;
  while (atMs <= simulation.duration && events.length < MAX_EVENTS) {
    const number = events.length + 1;
    if (deck.length === 0) deck = decks.shuffled(kinds, number * 100);
    events.push(plannedEvent(config, seed, number, Math.round(atMs), deck.pop()!));
    atMs += times.durationMs(number, chaos.interval);
  }
  return events;
}

/** What a line of the timeline may ask for. */
type Wishes = Pick<
  SimulationConfig["chaos"]["timeline"][number],
  "network" | "add" | "remove" | "down"
>;

function plannedEvent(
  config: Known,
  seed: number,
  number: number,
  atMs: number,
  type: ChaosType,
  asked: Wishes = {},
): PlannedChaos {
  const choices = new Seeded(seed, "chaos-choices", number);
  const scales = type === "scale_up" || type === "scale_down";
  // Who says how long it lasts means none that is over at once.
  const faults = NETWORK_FAULTS.filter((fault) => asked.down === undefined || fault !== "cut");
  const drawn = faults[choices.int(6, 0, faults.length - 1)]!;
  const network = type === "nats_disconnect" ? asked.network ?? drawn : undefined;
  const most = Math.max(MIN_MAX_CHANGED, Math.round(config.partitions.count * MAX_CHANGED_PART));
  const partitions = type === "partition_changes"
    ? { add: asked.add ?? choices.int(7, 1, most), remove: asked.remove ?? choices.int(8, 1, most) }
    : undefined;
  const others = new Seeded(seed, "chaos-removals", number);
  return {
    number,
    atMs,
    type,
    picks: [
      ...[1, 2, 3].map((counter) => choices.float(counter)),
      ...Array.from({ length: Math.max(0, (partitions?.remove ?? 0) - 3) }, (_, index) => {
        return others.float(index);
      }),
    ],
    count: scales ? choices.int(4, 1, MAX_SCALE_STEP) : 1,
    downMs: network === "cut" ? 0 : downMsOf(config.timing, type, choices),
    ...(network === undefined ? {} : { network }),
    ...(partitions === undefined ? {} : { partitions }),
  };
}

function downMsOf(timing: GroupTiming, type: ChaosType, choices: Seeded): number {
  if (INSTANT.includes(type)) return 0;
  // Shorter, a pause would show nothing: nobody would have noticed.
  if (type === "worker_pause") return takeoverDueMs(timing, false) + BEYOND_DUE_MS;
  if (type === "leader_pause") return takeoverDueMs(timing, true) + BEYOND_DUE_MS;
  if (type === "nats_server_kill") return SERVER_DOWN_MS;
  if (type === "nats_node_kill") return Math.round(choices.durationMs(5, NODE_INTERVAL));
  const isLong = type === "nats_disconnect" || type === "slow_worker";
  const interval = isLong ? LASTING_INTERVAL : DOWN_INTERVAL;
  return Math.round(choices.durationMs(5, interval));
}

/**
 * Chooses one of those alive.
 *
 * @param alive who could be hit; sorted here, so that the order of arrival does not matter
 * @param pick a number in [0, 1) from the plan
 * @returns the victim, or undefined if nobody is alive
 */
export function chooseVictim(alive: readonly string[], pick: number): string | undefined {
  const sorted = alive.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return sorted[Math.floor(pick * sorted.length)];
}

/**
 * Whether networks of processes are to fail.
 *
 * @param plan the plan
 */
export function networksFail({ events }: ChaosPlan): boolean {
  return events.some(({ type }) => type === "nats_disconnect");
}

/**
 * How long servers are away at most.
 *
 * @param plan the plan
 * @returns milliseconds, 0 if they are not
 */
export function longestOutageMs({ events }: ChaosPlan): number {
  const kills = events.filter(({ type }) => type === "nats_server_kill");
  return kills.reduce((longest, { downMs }) => Math.max(longest, downMs), 0);
}

/**
 * Writes the plan for people.
 *
 * @param plan the plan
 * @returns one line per event
 */
export function describePlan(plan: ChaosPlan): string[] {
  return plan.events.map(({ number, atMs, type, count, network, downMs, partitions }) => {
    const scale = type === "scale_up" || type === "scale_down" ? ` of ${count}` : "";
    const lasting = downMs === 0 ? "" : `, ${formatDuration(downMs)}`;
    const how = network === undefined ? "" : ` (${network}${lasting})`;
    const changed = partitions === undefined
      ? ""
      : ` (${partitions.add} more, ${partitions.remove} less)`;
    return `#${number} at ${formatDuration(atMs)}: ${type}${scale}${how}${changed}`;
  });
}
