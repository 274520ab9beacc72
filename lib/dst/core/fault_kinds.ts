/**
 * What can go wrong in a run, by the names under which it is noted when it does. A fault that is planned and changes nothing is not noted:
 * a whole family that strikes nobody any more is missed by the assertions, whereas all others would be held all the more easily.
 *
 * @module
 */
import type { Assertions } from "../assertions/assertions.ts";
import { FAULT_NAMES } from "../nats/faults.ts";
import type { CoreCatalog } from "./catalog.ts";

/** Steps of a plan, told apart where one kind has several effects. */
export const STEP_FAULTS = [
  "crash",
  "pause",
  "cut",
  "block up",
  "block down",
  "block both",
  "split",
  "clock",
  "server-crash",
  "server-pause",
  "nats-faults",
  "mute",
  "doubt",
  "deaf",
  "source fails",
  "source empty",
  "source hangs",
  "heir",
  "ambush",
] as const;

/** All faults: those of steps, and those that a connection or the server has by chance. */
export const FAULT_KINDS = [...STEP_FAULTS, ...FAULT_NAMES] as const;

/** A fault that has its effect. */
export type FaultKind = typeof FAULT_KINDS[number];

/**
 * Notes a fault in the moment of its effect.
 *
 * @param assertions where
 * @param kind which
 */
export function noteStrike(assertions: Assertions<CoreCatalog>, kind: FaultKind): void {
  assertions.sometimesEach("faults that strike", kind);
}
