import { contractCases } from "../../ports/contract/all_test.ts";
import { runOnModel } from "./rig_test.ts";
import { simWorld } from "./sim_world.ts";

const VERSIONS = ["2.10.27", "2.15.1"];
const SEEDS = [1, 2, 3];

const cases = contractCases.filter(({ name }) => !name.startsWith("feed:"));

for (const version of VERSIONS) {
  for (const contractCase of cases) {
    Deno.test(`model of ${version}: ${contractCase.name}`, async () => {
      for (const seed of SEEDS) await runOnModel(version, seed, simWorld, contractCase);
    });
  }
}
