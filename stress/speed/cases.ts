/**
 * How fast it is: each figure beside its limit, measured in the same run.
 *
 * @module
 */
import type { StressCase } from "../case.ts";
import { ASSIGNMENT_CASES } from "./assignment.ts";
import { CONSUME_CASE } from "./consume.ts";
import { DRAIN_CASE } from "./drain.ts";
import { EFFECT_CASE } from "./effect.ts";
import { HANDOFF_CASE } from "./handoff.ts";
import { IDLE_CASE } from "./idle.ts";
import { PUBLISH_CASE } from "./publish.ts";
import { RECOVERY_CASE } from "./recovery.ts";
import { ROUND_TRIP_CASE } from "./round_trip.ts";

/** The cases, from file to file of this folder. */
export const SPEED_CASES: readonly StressCase[] = [
  PUBLISH_CASE,
  CONSUME_CASE,
  DRAIN_CASE,
  EFFECT_CASE,
  HANDOFF_CASE,
  RECOVERY_CASE,
  ROUND_TRIP_CASE,
  IDLE_CASE,
  ...ASSIGNMENT_CASES,
];
