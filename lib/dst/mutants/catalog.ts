/**
 * All planted bugs.
 *
 * @module
 */
import { assignmentMutants } from "./assignment_mutants.ts";
import { busMutants } from "./bus_mutants.ts";
import { callMutants } from "./call_mutants.ts";
import { consumptionMutants } from "./consumption_mutants.ts";
import { hookMutants } from "./hook_mutants.ts";
import { membershipMutants } from "./membership_mutants.ts";
import type { Mutant } from "./mutant.ts";
import { partitionMutants } from "./partition_mutants.ts";
import { workerMutants } from "./worker_mutants.ts";

/** All of them. */
export const mutants: readonly Mutant[] = [
  ...membershipMutants,
  ...assignmentMutants,
  ...consumptionMutants,
  ...workerMutants,
  ...callMutants,
  ...busMutants,
  ...partitionMutants,
  ...hookMutants,
];
