/**
 * Whether a run took the course it was meant to take: what was not really asked of a group it has not stood.
 *
 * @module
 */
import type { PlannedChaos } from "../chaos/chaos_plan.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import { formatDuration } from "../config/units.ts";
import type { ChaosRecord } from "../report/report.ts";
import type { Member } from "../run/fleet.ts";
import type { PartitionSet } from "../run/partition_set.ts";
import type { TimeRange } from "../run/saved_state.ts";
import {
  addedRate,
  averageMs,
  partitionRates,
  partitionWeights,
  producerOfAdded,
  producerShares,
} from "../seed/weights.ts";

/** What is known of the load. */
export interface LoadFacts {
  /** What was asked for. */
  readonly config: Pick<SimulationConfig, "partitions" | "producers" | "simulation">;
  /** The run's seed. */
  readonly seed: number;
  /** When there was load. */
  readonly phase: TimeRange;
  /** Messages stored until its end. */
  readonly sent: number;
  /** All processes that were ever producers. */
  readonly producers: readonly Pick<Member, "index" | "readyUs" | "endedUs">[];
  /** When the server was away. */
  readonly outages: readonly TimeRange[];
  /** The partitions; left out where they are those of the configuration all the time. */
  readonly partitions?: Pick<PartitionSet, "life" | "changes">;
}

/** With less of the load than this nobody knows whether the group would have stood all of it. */
const ENOUGH_LOAD = 0.8;
/** With less of the chaos than this it was another run than the one that was asked for. */
const ENOUGH_CHAOS = 0.5;
/** A kind that was planned so often and never done was not tried; once it may be chance. */
const OFTEN = 2;
/** Timers are a little early at most. */
const ENOUGH_TIME = 0.99;
/** Sent messages are reported this late. */
const REPORT_LAG_US = 500_000;
/** A producer that was killed is back by then; if it takes longer, that is missing load. */
const MAX_ABSENCE_US = 10_000_000;

/**
 * Compares the load with what was asked for. What producers could not do because they were killed on purpose, or because the server was
 * away, was not asked for, and neither was load for partitions before they came and after they went.
 *
 * @param facts what is known of it
 * @returns why the run was too easy, if it was
 */
export function loadDoubts(facts: LoadFacts): string[] {
  const { config, phase } = facts;
  const askedMs = config.simulation.duration;
  const actualMs = (phase.untilUs - phase.fromUs) / 1_000;
  if (actualMs < ENOUGH_TIME * askedMs) {
    return [`the load lasted ${formatDuration(actualMs)} instead of ${formatDuration(askedMs)}`];
  }
  const asked = askedMessages(facts);
  if (facts.sent >= ENOUGH_LOAD * asked) return [];
  const percent = Math.floor(100 * facts.sent / asked);
  return [
    `only ${percent} % of the load was reached: ${facts.sent} of ${Math.round(asked)} messages`,
  ];
}

function askedMessages(facts: LoadFacts): number {
  const { config, seed, phase, producers, outages, partitions } = facts;
  const { added = [], retired = [] } = partitions?.changes ?? {};
  const weights = partitionWeights(config.partitions, seed);
  const rates = partitionRates(weights, config.partitions.message_rate_per_partition);
  const shares = producerShares(weights, config.producers);
  const all: TimeRange = { fromUs: phase.fromUs, untilUs: phase.untilUs - REPORT_LAG_US };
  let messages = 0;
  for (const [index, share] of shares.entries()) {
    const absent = absences(producers.filter((producer) => producer.index === index));
    const away = [...outages, ...absent];
    const ofLife = (rate: number, life: TimeRange) => {
      const fromUs = Math.max(all.fromUs, life.fromUs);
      const present = without(fromUs, Math.min(all.untilUs, life.untilUs), away);
      return rate * present.reduce((sum, part) => sum + averageS(facts, part), 0);
    };
    const there = share.filter((partition) => !retired.includes(partition));
    messages += ofLife(there.reduce((sum, partition) => sum + rates[partition]!, 0), all);
    for (const partition of share.filter((one) => retired.includes(one))) {
      messages += ofLife(rates[partition]!, partitions!.life(partition));
    }
    for (const partition of added) {
      if (producerOfAdded(partition, shares.length) !== index) continue;
      const rate = addedRate(config.partitions, seed, partition);
      messages += ofLife(rate, partitions!.life(partition));
    }
  }
  return messages;
}

/** When one producer was away: from the end of each incarnation to the readiness of the next. */
function absences(incarnations: LoadFacts["producers"]): TimeRange[] {
  return incarnations.flatMap(({ endedUs: fromUs }, index) => {
    if (fromUs === undefined) return [];
    const backUs = incarnations[index + 1]?.readyUs ?? Number.POSITIVE_INFINITY;
    return [{ fromUs, untilUs: Math.min(backUs, fromUs + MAX_ABSENCE_US) }];
  });
}

/** Rates vary with the time since the load began, also while somebody is away. */
function averageS({ config, phase }: LoadFacts, { fromUs, untilUs }: TimeRange): number {
  const [fromMs, untilMs] = [fromUs, untilUs].map((atUs) => (atUs - phase.fromUs) / 1_000);
  return averageMs(config.producers.rate_variation, fromMs!, untilMs!) / 1_000;
}

/** The parts of a time that are in none of the others. */
function without(fromUs: number, untilUs: number, others: readonly TimeRange[]): TimeRange[] {
  const parts: TimeRange[] = [];
  let atUs = fromUs;
  const untilNext = (nextUs: number) => {
    if (nextUs > atUs) parts.push({ fromUs: atUs, untilUs: nextUs });
  };
  for (const other of others.toSorted((a, b) => a.fromUs - b.fromUs)) {
    untilNext(Math.min(other.fromUs, untilUs));
    atUs = Math.max(atUs, other.untilUs);
  }
  untilNext(untilUs);
  return parts;
}

/**
 * Compares the chaos with its plan.
 *
 * @param planned the plan
 * @param records what was done, or skipped with a reason
 * @returns why the run was too easy, if it was
 */
export function chaosDoubts(
  planned: readonly PlannedChaos[],
  records: readonly ChaosRecord[],
): string[] {
  const doubts: string[] = [];
  const missing = planned.length - records.length;
  if (missing > 0) {
    doubts.push(
      `${missing} of ${planned.length} planned chaos events were neither done nor skipped`,
    );
  }
  const skipped = records.filter((record) => record.skipped !== undefined);
  const done = records.length - skipped.length;
  if (skipped.length > 0 && done < ENOUGH_CHAOS * planned.length) {
    const why = reasonsOf(skipped);
    doubts.push(`only ${done} of ${planned.length} planned chaos events were done: ${why}`);
  }
  return [...doubts, ...neverDone(planned, records)];
}

/** Why events were skipped, each reason once. */
function reasonsOf(records: readonly ChaosRecord[]): string {
  return [...new Set(records.flatMap(({ skipped }) => skipped ?? []))].join(", ");
}

/** Kinds that were asked for and not tried. */
function neverDone(planned: readonly PlannedChaos[], records: readonly ChaosRecord[]): string[] {
  return [...new Set(planned.map(({ type }) => type))].flatMap((kind) => {
    const times = planned.filter(({ type }) => type === kind).length;
    const tries = records.filter(({ type }) => type === kind);
    if (times < OFTEN || tries.some(({ skipped }) => skipped === undefined)) return [];
    const why = reasonsOf(tries);
    return [`no ${kind} of ${times} planned was done${why === "" ? "" : `: ${why}`}`];
  });
}
