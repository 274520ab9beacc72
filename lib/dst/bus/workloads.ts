/**
 * The five phases of the bus, each a workload of its own, and a sixth for actors by partition.
 *
 * @module
 */
import type { AnyWorkload } from "../workload.ts";
import { chaosWorkload, directoryWorkload } from "./actor_workloads.ts";
import { networkWorkload } from "./network_workload.ts";
import { pairWorkload } from "./pair_workload.ts";
import { partitionWorkload } from "./partition_workload.ts";
import { stormWorkload } from "./storm_workload.ts";

/** The phases, in their order. */
export const BUS_WORKLOADS: readonly AnyWorkload[] = [
  pairWorkload,
  networkWorkload,
  stormWorkload,
  directoryWorkload,
  chaosWorkload,
  partitionWorkload,
];
