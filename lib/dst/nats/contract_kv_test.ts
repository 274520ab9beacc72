import { kvCasCases } from "../../ports/contract/kv_cas_test.ts";
import { kvFaultCases } from "../../ports/contract/kv_faults_test.ts";
import { kvWatchCases } from "../../ports/contract/kv_watch_test.ts";
import { messagingCases } from "../../ports/contract/messaging_test.ts";
import { runOnModel } from "./rig_test.ts";
import { simWorld } from "./sim_world.ts";

const VERSIONS = ["2.10.27", "2.15.1"];
const SEEDS = [1, 2, 3];

const cases = [...kvCasCases, ...kvWatchCases, ...kvFaultCases, ...messagingCases];

for (const version of VERSIONS) {
  for (const contractCase of cases) {
    Deno.test(`model of ${version}: ${contractCase.name}`, async () => {
      for (const seed of SEEDS) await runOnModel(version, seed, simWorld, contractCase);
    });
  }
}
