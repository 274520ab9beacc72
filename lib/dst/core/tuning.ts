/**
 * The second dimension of a run's configuration: a few keys that differ from the preset, since limits are where things go wrong.
 *
 * @module
 */
import type { GroupConfigInput } from "../../config/config.ts";
import type { Draws } from "../draw.ts";
import type { JsonValue } from "../plan/plan.ts";

/** What may be configured: all but what the workload itself decides. */
type Tuning = Omit<GroupConfigInput, "group" | "preset" | "preferredId" | "workerIdMax">;

/** Each key or group of keys that belong together, with what it may be. The first one is nothing at all. */
const TIMEOUTS: readonly Tuning[] = [
  { drainTimeout: 50 },
  { drainTimeout: 200, shutdownTimeout: 600 },
  { drainTimeout: 1_500, shutdownTimeout: 2_000 },
  { drainTimeout: 0, shutdownTimeout: 1_000 },
  { operationTimeout: 400 },
  { startupTimeout: 9_000 },
];
const WINDOWS: readonly Tuning[] = [
  { coldStartWindow: 0, plannedScaleWindow: 0, settle: 0 },
  { coldStartWindow: 5_000, plannedScaleWindow: 4_000, settle: 2_500 },
  { coldStartWindow: 3_000, plannedScaleWindow: 3_000, settle: 10_000 },
  { settle: 0 },
];
const RESTARTS: readonly Tuning[] = [
  { restartDetectionRatio: 1 },
  { restartDetectionRatio: 0.1 },
  { emergencyGracePeriod: 300 },
  { emergencyGracePeriod: 650 },
];
const MOVES: readonly NonNullable<Tuning["assignment"]>[] = [
  { minRebalanceInterval: 0 },
  { minRebalanceInterval: 3_000 },
  { minRebalanceInterval: 3_000, minRebalanceThreshold: 0 },
  { minRebalanceThreshold: 0.6 },
];
const DEGRADED: readonly NonNullable<Tuning["degradedBehavior"]>[] = [
  { preset: "aggressive" },
  { preset: "aggressive", enterThreshold: 0, exitThreshold: 0 },
  { preset: "aggressive", enterThreshold: 0, exitThreshold: 400, kvErrorThreshold: 1 },
  { preset: "aggressive", enterThreshold: 150, exitThreshold: 50, recoveryGracePeriod: 2_000 },
  { preset: "aggressive", enterThreshold: 1_000, exitThreshold: 1_500, kvErrorThreshold: 2 },
];
const CONSUMING: readonly Partial<NonNullable<Tuning["consumer"]>>[] = [
  { maxLanes: 1 },
  { maxLanes: 2, prefetch: 4, concurrency: 2 },
  { prefetch: 1, concurrency: 1 },
  { maxDeliver: 1 },
  { maxDeliver: 2, retryBase: 10, retryMax: 100 },
  { ackWait: 1_000, inactiveThreshold: 60_000 },
];
/** The slowest network on which leases may be short: they need several round trips, and some take ten times as long. */
const QUICK_MS = 5;
/** Leases so short that most of what strikes ends one. */
const LEASES: readonly Tuning[] = [
  { heartbeatInterval: 250, heartbeatTtl: 700, electionTimeout: 700, workerIdTtl: 2_000 },
  { heartbeatInterval: 1_000, heartbeatTtl: 2_500, electionTimeout: 1_200, workerIdTtl: 3_000 },
  { heartbeatInterval: 300, heartbeatTtl: 900, electionTimeout: 4_000, workerIdTtl: 5_000 },
];

/**
 * Draws a tuning: half of the kinds are left as the preset has them.
 *
 * @param draws where the numbers come from
 * @param run whether to enter and leave degraded mode at every occasion, and how slow the network is
 * @returns what is configured, in the words of `GroupConfigInput`
 */
export function drawConfig(
  draws: Draws,
  { isTouchy, latencyMaxMs }: { readonly isTouchy: boolean; readonly latencyMaxMs: number },
): Record<string, JsonValue> {
  const some = <T>(from: readonly T[], chance = 0.35): T | undefined => {
    const isOn = draws.chance(chance);
    const one = draws.pick(from);
    return isOn ? one : undefined;
  };
  const assignment = some(MOVES);
  const degradedBehavior = isTouchy ? draws.pick(DEGRADED.slice(1, 4)) : some(DEGRADED, 0.6);
  const consumer = some(CONSUMING);
  const leases = some(LEASES, 0.35);
  return {
    ...some(TIMEOUTS),
    ...some(WINDOWS),
    ...some(RESTARTS),
    ...(latencyMaxMs <= QUICK_MS ? leases : {}),
    ...(assignment === undefined ? {} : { assignment }),
    ...(degradedBehavior === undefined ? {} : { degradedBehavior }),
    ...(consumer === undefined ? {} : { consumer }),
  } as Record<string, JsonValue>;
}
