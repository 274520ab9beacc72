import assert from "node:assert/strict";
import type { NetworkState } from "../run/fault_proxy.ts";
import type { Networks } from "../run/networks.ts";
import { nowUs } from "../streams/message.ts";
import type { NetworkFault, PlannedChaos } from "./chaos_plan.ts";
import { disconnect } from "./network_acts.ts";
import { sceneRig } from "./scene_rig_test.ts";

/** Makes the network of worker-0 fail for 50 ms; a cut is over at once. */
async function failing(network: NetworkFault) {
  const states: (NetworkState | "cut")[] = [];
  const networks = {
    of: () => ({
      well: true,
      become: (state: NetworkState) => void states.push(state),
      cut: () => void states.push("cut"),
    }),
  } as unknown as Networks;
  const { scene, state } = sceneRig([4, 7], { networks });
  const event: PlannedChaos = {
    ...{ number: 1, atMs: 0, type: "nats_disconnect", picks: [0], count: 1, downMs: 50, network },
  };
  const isUnder = () => scene.hits.isUnder("worker-0#1");
  await disconnect(scene, event);
  const { cutOff } = state.measurements;
  const touched = (atUs: number) => cutOff.touch("worker-0#1", atUs, atUs);
  const during = { isUnder: isUnder(), touched: touched(nowUs() + 3_600_000_000) };
  await new Promise((resolve) => setTimeout(resolve, 100));
  await scene.settle();
  const after = { isUnder: isUnder(), touched: touched(nowUs() + 10_000_000) };
  return { states, during, after, soonAfter: touched(nowUs() + 9_000_000), state };
}

Deno.test("network acts: a worker is cut off while its network fails and ten seconds after it, no longer", async () => {
  const { states, during, after, soonAfter } = await failing("half-open");
  assert.deepEqual(states, [{ up: "held", down: "held" }, {}]);
  assert.deepEqual(during, { isUnder: true, touched: true });
  assert.equal(soonAfter, true);
  assert.deepEqual(after, { isUnder: false, touched: false });
});

Deno.test("network acts: planted: a worker whose network has failed is no worker that stands still", async () => {
  const { state } = await failing("away");
  const lanes = { kind: "lanes", change: "acquired" } as const;
  state.takeReport("worker-0#1", { ...lanes, partitions: [4], atUs: 1_000 });
  state.moves.begin(2_000);
  // Long after it, what it gives away for nothing is needless.
  const atUs = nowUs() + 60_000_000;
  state.takeReport("worker-1#1", { ...lanes, partitions: [5], atUs: 1_500 });
  state.takeReport("worker-1#1", { ...lanes, partitions: [4], atUs });
  state.moves.finish();
  assert.deepEqual(state.moves.count, { total: 1, needed: 0 });
  assert.deepEqual(state.measurements.recovery.resumed("worker-0#1", atUs), []);
});
