import { contractCases } from "../../ports/contract/all_test.ts";
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

const cases = contractCases.filter(({ name }) => name.startsWith("feed:"));

for (const version of VERSIONS) {
  for (const contractCase of cases) {
    Deno.test(`model of ${version}: ${contractCase.name}`, async () => {
      for (const seed of SEEDS) await runOnModel(version, seed, worldOf, contractCase);
    });
  }
}
