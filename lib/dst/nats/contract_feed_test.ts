import { feedAckCases } from "../../ports/contract/feed_acks_test.ts";
import { feedFaultCases } from "../../ports/contract/feed_faults_test.ts";
import { feedPullFaultCases } from "../../ports/contract/feed_pull_faults_test.ts";
import { feedPullCases } from "../../ports/contract/feed_pull_test.ts";
import { feedStoreCases } from "../../ports/contract/feed_store_test.ts";
import type { World } from "../../ports/world.ts";
import type { SimLink } from "./link.ts";
import { runOnModel } from "./rig_test.ts";
import type { ModelServer } from "./server.ts";
import { simWorld } from "./sim_world.ts";

const VERSIONS = ["2.10.27", "2.15.1"];
const SEEDS = [1, 2, 3];

/** As on the real server: short enough that a case sees requests expire and silence noticed. */
const worldOf = (server: ModelServer): (link: SimLink) => World =>
  simWorld(server, { feed: { pull: { expiresMs: 1_000, heartbeatMs: 250 } } });

const cases = [
  ...feedStoreCases,
  ...feedPullCases,
  ...feedAckCases,
  ...feedFaultCases,
  ...feedPullFaultCases,
];

for (const version of VERSIONS) {
  for (const contractCase of cases) {
    Deno.test(`model of ${version}: ${contractCase.name}`, async () => {
      for (const seed of SEEDS) await runOnModel(version, seed, worldOf, contractCase);
    });
  }
}
