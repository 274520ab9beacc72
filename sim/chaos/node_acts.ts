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
/** By then clients have found another node, and streams another leader, or something is wrong with them: that is no excuse any more. */
const ELSEWHERE_MS = 10_000;

/** A node that is killed. */
interface Victim {
  readonly name: string;
  readonly pid: number;
  /** How many clients each node had before. */
  readonly clients: ReadonlyMap<string, number>;
  /** To be called when its outage is over. */
  readonly servesAgain: () => void;
}

/** Kills a node of the cluster with SIGKILL, and starts it again on the same store; the event is over when the cluster is whole again. */
export async function killNode(scene: Scene, event: PlannedChaos): Promise<void> {
  const { cluster } = scene.options;
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
  const victim: Victim = { name, pid, clients, servesAgain: scene.outage(atUs) };
  await node.kill();
  const returned = new AbortController();
  scene.besides(() => sayElsewhere(scene, cluster, victim), record);
  scene.later(() => untilServed(scene, cluster, victim, returned.signal), record);
  scene.later(async () => {
    await pauseFor(event.downMs, scene.over);
    try {
      await node.restart();
    } finally {
      returned.abort();
    }
    await cluster.untilWhole();
    // Streams may have had no leader at times, and then producers could not send: that excuses nothing, and is no load that is missing.
    scene.options.state.outages.push({ fromUs: atUs, untilUs: nowUs() });
    scene.serverAway = false;
    record.recoveredMs = Math.round((nowUs() - atUs) / 1_000);
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

/**
 * Until the others serve everybody again: that is when its outage ends, and not when the cluster is whole, since two of three have a
 * majority.
 */
async function untilServed(
  { options: { feedStream } }: Scene,
  cluster: KillableCluster,
  victim: Victim,
  returned: AbortSignal,
): Promise<void> {
  const isServed = async () => {
    const leader = feedStream === undefined ? "" : await cluster.leaderOf(feedStream);
    return leader !== undefined && leader !== victim.name &&
      await elsewhere(cluster, victim) >= homelessOf(victim);
  };
  const untilMs = performance.now() + ELSEWHERE_MS;
  try {
    while (!await isServed() && performance.now() < untilMs && !returned.aborted) {
      await pauseFor(POLL_MS, returned);
    }
  } finally {
    victim.servesAgain();
  }
}

/** Says where the clients of a node that was killed have gone, also if it is back by then. */
async function sayElsewhere(scene: Scene, cluster: KillableCluster, victim: Victim): Promise<void> {
  const homeless = homelessOf(victim);
  const untilMs = performance.now() + ELSEWHERE_MS;
  let found = 0;
  while (found < homeless && performance.now() < untilMs && !scene.over.aborted) {
    await pauseFor(POLL_MS, scene.over);
    found = Math.min(homeless, await elsewhere(cluster, victim));
  }
  const { name, pid } = victim;
  const went = `${Math.max(0, found)} of its ${homeless} clients went to other nodes`;
  scene.options.console.log("CHAOS", `${name} (pid ${pid}) is dead: ${went}`);
}

function homelessOf({ name, clients }: Victim): number {
  return clients.get(name) ?? 0;
}

/** How many clients the other nodes have more than before. */
async function elsewhere(cluster: KillableCluster, { name, clients }: Victim): Promise<number> {
  const total = (counts: ReadonlyMap<string, number>) =>
    [...counts].reduce((sum, [node, count]) => node === name ? sum : sum + count, 0);
  return total(await clientsBy(cluster)) - total(clients);
}
