/**
 * The contract of the ports as test cases: every world must pass them all.
 *
 * @module
 */
import { feedAckCases } from "./feed_acks_test.ts";
import { feedBytesCases } from "./feed_bytes_test.ts";
import { feedFaultCases } from "./feed_faults_test.ts";
import { feedLaneCases } from "./feed_lanes_test.ts";
import { feedPositionCases } from "./feed_positions_test.ts";
import { feedPublishCases } from "./feed_publish_test.ts";
import { feedPullFaultCases } from "./feed_pull_faults_test.ts";
import { feedPullCases } from "./feed_pull_test.ts";
import { feedStoreCases } from "./feed_store_test.ts";
import { feedVersionCases } from "./feed_versions_test.ts";
import { kvCasCases } from "./kv_cas_test.ts";
import { kvFaultCases } from "./kv_faults_test.ts";
import { kvWatchCases } from "./kv_watch_test.ts";
import { messagingDeathCases } from "./messaging_deaths_test.ts";
import { messagingCases } from "./messaging_test.ts";
import type { ContractCase } from "./rig_test.ts";

export type { ContractCase, ContractLink, ContractRig } from "./rig_test.ts";

/** Every case. */
export const contractCases: readonly ContractCase[] = [
  ...kvCasCases,
  ...kvWatchCases,
  ...kvFaultCases,
  ...feedStoreCases,
  ...feedPublishCases,
  ...feedPullCases,
  ...feedBytesCases,
  ...feedAckCases,
  ...feedLaneCases,
  ...feedPositionCases,
  ...feedFaultCases,
  ...feedVersionCases,
  ...feedPullFaultCases,
  ...messagingCases,
  ...messagingDeathCases,
];
