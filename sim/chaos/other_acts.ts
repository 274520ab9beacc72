/**
 * What happens to what is no worker: producers and the server are killed.
 *
 * @module
 */
import type { ChaosRecord } from "../report/report.ts";
import type { Member } from "../run/fleet.ts";
import { pauseFor, POLL_MS } from "../run/wait.ts";
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
    const next = fleet.spawn("producer", victim.index);
    scene.besides(() => untilReady(scene, record, next, atUs), record);
  }, record);
}

/** The event is over when its producer is there again by its own word; it may be killed before, or never be ready. */
async function untilReady(
  { validation, options: { signal } }: Scene,
  record: ChaosRecord,
  producer: Member,
  atUs: number,
): Promise<void> {
  const isWaitedFor = () =>
    producer.phase === "running" && validation.open.includes(record.number) &&
    signal?.aborted !== true;
  while (producer.readyUs === undefined && isWaitedFor()) await pauseFor(POLL_MS);
  const { readyUs } = producer;
  if (readyUs !== undefined) record.recoveredMs = Math.round((readyUs - atUs) / 1_000);
}

/** Kills the server with SIGKILL, and starts it again on the same store. */
export async function killServer(scene: Scene, event: PlannedChaos): Promise<void> {
  const { server } = scene.options;
  if (server === undefined) return scene.skip(event, "the server is not ours");
  if (scene.serverAway) return scene.skip(event, "the server is away already");
  scene.serverAway = true;
  const atUs = nowUs();
  const record = scene.record(event, "nats-server", atUs);
  const servesAgain = scene.outage(atUs);
  await server.kill();
  scene.later(async () => {
    await pauseFor(event.downMs, scene.over);
    await server.restart();
    scene.serverAway = false;
    servesAgain();
    record.recoveredMs = Math.round((nowUs() - atUs) / 1_000);
  }, record);
}
