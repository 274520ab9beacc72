import { kvCasCases } from "../../ports/contract/kv_cas_test.ts";
import { kvWatchCases } from "../../ports/contract/kv_watch_test.ts";
import { messagingCases } from "../../ports/contract/messaging_test.ts";
import { runOnModel } from "./rig_test.ts";
import { simWorld } from "./sim_world.ts";

const VERSIONS = ["2.10.27", "2.15.1"];
const SEEDS = [1, 2, 3];

for (const version of VERSIONS) {
  for (const contractCase of [...kvCasCases, ...kvWatchCases, ...messagingCases]) {
    Deno.test(`model of ${version}: ${contractCase.name}`, async () => {
      for (const seed of SEEDS) await runOnModel(version, seed, simWorld, contractCase);
    });
  }
}
