/**
 * What happens to single nodes of a cluster: one at a time is killed, so that the others have a majority.
 *
 * @module
 */
import type { KillableCluster } from "../ground/ground.ts";
import { pauseFor, POLL_MS } from "../run/wait.ts";
import { nowUs } from "../streams/message.ts";
import { chooseVictim, type PlannedChaos } from "./chaos_plan.ts";
import type { Scene } from "./scene.ts";

/** So often it is the one who leads the stream of messages. */
const LEADER_CHANCE = 0.5;
/** By then clients have found another node, or something is wrong with them. */
const ELSEWHERE_MS = 10_000;

/** Kills a node of the cluster with SIGKILL, and starts it again on the same store; the event is over when the cluster is whole again. */
export async function killNode(scene: Scene, event: PlannedChaos): Promise<void> {
  const { cluster, state } = scene.options;
  if (cluster === undefined) return scene.skip(event, "there is no cluster of ours: nats.cluster");
  // With two of three away there is no majority: that is nats_server_kill's business.
  if (scene.serverAway) return scene.skip(event, "a server is away already");
  scene.serverAway = true;
  const { name, leads } = await victimOf(scene, cluster, event);
  const node = cluster.node(name)!;
  const { pid } = node;
  const clients = await clientsBy(cluster);
  const atUs = nowUs();
  const record = scene.record(event, leads ? `${name}, leader of the feed` : name, atUs);
  state.outage(atUs, Number.POSITIVE_INFINITY);
  await node.kill();
  scene.later(async () => {
    const elsewhere = sayElsewhere(scene, cluster, { name, pid, clients });
    await pauseFor(event.downMs, scene.over);
    await node.restart();
    await cluster.untilWhole();
    scene.serverAway = false;
    state.outage(atUs, nowUs());
    record.recoveredMs = Math.round((nowUs() - atUs) / 1_000);
    await elsewhere;
  }, record);
}

async function victimOf(
  { options: { feedStream } }: Scene,
  cluster: KillableCluster,
  { picks }: PlannedChaos,
): Promise<{ name: string; leads: boolean }> {
  const leader = feedStream === undefined ? undefined : await cluster.leaderOf(feedStream);
  const drawn = chooseVictim(cluster.names, picks[0]!)!;
  const name = leader !== undefined && picks[1]! < LEADER_CHANCE ? leader : drawn;
  return { name, leads: name === leader };
}

async function clientsBy(cluster: KillableCluster): Promise<Map<string, number>> {
  const counts = cluster.names.map(async (name) => [name, await cluster.clientsAt(name)] as const);
  return new Map(await Promise.all(counts));
}

/** Says where the clients of a node that was killed have gone. */
async function sayElsewhere(
  scene: Scene,
  cluster: KillableCluster,
  { name, pid, clients }: { name: string; pid: number; clients: ReadonlyMap<string, number> },
): Promise<void> {
  const total = (counts: ReadonlyMap<string, number>) =>
    [...counts].reduce((sum, [node, count]) => node === name ? sum : sum + count, 0);
  const homeless = clients.get(name) ?? 0;
  const untilMs = performance.now() + ELSEWHERE_MS;
  let found = 0;
  while (found < homeless && performance.now() < untilMs && !scene.over.aborted) {
    await pauseFor(POLL_MS, scene.over);
    found = Math.min(homeless, total(await clientsBy(cluster)) - total(clients));
  }
  scene.options.console.log(
    "CHAOS",
    `${name} (pid ${pid}) is dead: ${
      Math.max(0, found)
    } of its ${homeless} clients went to other nodes`,
  );
}
