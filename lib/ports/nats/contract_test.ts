import { contractCases } from "../contract/all_test.ts";
import { natsRig, testServers } from "./rig_test.ts";

for (const server of testServers()) {
  for (const { name, run } of contractCases) {
    Deno.test(`${server.label}: ${name}`, async () => {
      await using rig = await natsRig(server);
      await run(rig);
    });
  }
}
