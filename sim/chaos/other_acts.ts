/**
 * What happens to what is no worker: producers and the server are killed.
 *
 * @module
 */
import { pauseFor } from "../run/wait.ts";
import { nowUs } from "../streams/message.ts";
import type { PlannedChaos } from "./chaos_plan.ts";
import type { Scene } from "./scene.ts";

/** Kills a producer with SIGKILL; another incarnation comes a little later and goes on where it was. */
export function crashProducer(scene: Scene, event: PlannedChaos): void {
  const { fleet } = scene.options;
  const victim = scene.targets.producer(event);
  if (victim === undefined) return scene.skip(event, "no producer runs");
  const atUs = fleet.kill(victim);
  const record = scene.record(event, victim.name, atUs);
  scene.later(async () => {
    await victim.exited;
    await pauseFor(event.downMs, scene.over);
    fleet.spawn("producer", victim.index);
    record.recoveredMs = Math.round((nowUs() - atUs) / 1_000);
  }, record);
}

/** Kills the server with SIGKILL, and starts it again on the same store. */
export async function killServer(scene: Scene, event: PlannedChaos): Promise<void> {
  const { server, state } = scene.options;
  if (server === undefined) return scene.skip(event, "the server is not ours");
  if (scene.serverAway) return scene.skip(event, "the server is away already");
  scene.serverAway = true;
  const atUs = nowUs();
  const record = scene.record(event, "nats-server", atUs);
  state.outage(atUs, Number.POSITIVE_INFINITY);
  await server.kill();
  scene.later(async () => {
    await pauseFor(event.downMs, scene.over);
    await server.restart();
    scene.serverAway = false;
    state.outage(atUs, nowUs());
    record.recoveredMs = Math.round((nowUs() - atUs) / 1_000);
  }, record);
}
