/**
 * What happens to the network between a worker and the server.
 *
 * @module
 */
import type { NetworkState } from "../run/fault_proxy.ts";
import { pauseFor } from "../run/wait.ts";
import { nowUs } from "../streams/message.ts";
import type { NetworkFault, PlannedChaos } from "./chaos_plan.ts";
import type { Scene } from "./scene.ts";
import { NOBODY_WELL } from "./worker_acts.ts";

/** How late everything is on a slow network, in milliseconds and one way. */
const SLOW_MS = 40;

/** What each fault does to the network while it lasts. */
const STATES: Readonly<Record<NetworkFault, NetworkState>> = {
  "cut": {},
  "away": { refused: true },
  "half-open": { up: "held", down: "held" },
  "mute": { up: "held" },
  "deaf": { down: "held" },
  "slow": { up: SLOW_MS, down: SLOW_MS },
};

/** Does something to the network of a worker, and makes it well again. */
export async function disconnect(scene: Scene, event: PlannedChaos): Promise<void> {
  const { networks, state } = scene.options;
  const [victim] = scene.targets.workers(event, 1);
  if (victim === undefined) return scene.skip(event, NOBODY_WELL);
  const network = networks?.of(victim.name);
  if (network === undefined) return scene.skip(event, "its network is not ours");
  if (!network.well) return scene.skip(event, "its network fails already");
  const fault = event.network ?? "cut";
  const owned = await scene.targets.owned(victim);
  if (victim.phase !== "running") return scene.skip(event, `${victim.name} has just gone`);
  const atUs = nowUs();
  const record = scene.record(event, `${victim.name}, ${fault}`, atUs);
  // Others may take its partitions over or not, by how long it lasts: neither is planned.
  const wellAgain = state.measurements.cut(victim.process, owned.partitions, atUs);
  if (fault !== "slow") scene.hits.silenced(victim, atUs);
  const over = scene.hits.begin(victim);
  network.become(STATES[fault]);
  if (fault === "cut" || fault === "away") network.cut();
  scene.later(async () => {
    if (fault !== "cut") await pauseFor(event.downMs, scene.over);
    network.become({});
    over();
    const untilUs = nowUs();
    wellAgain(untilUs);
    state.ledger.impairments.networkFailed(victim.process, atUs, untilUs);
    scene.recoveries.untilStable(record, [victim], atUs, untilUs);
  }, record);
}
