import assert from "node:assert/strict";
import type { NatsConnection } from "@nats-io/nats-core";
import { jetstreamManager } from "@nats-io/jetstream";
import { until } from "../../tasks/until.ts";
import { pidsOf } from "./chaos_effects_rig_test.ts";
import { defects, sim, SMALL } from "./sim_rig_test.ts";
import { type DoneEvent, type WatchedRun, watchRun } from "./watched_run_rig_test.ts";

/** Three copies of everything are three times the work. */
const CLUSTER = ["nats.cluster=3", "partitions.message_rate_per_partition=4"]
  .flatMap((set) => ["--set", set]);

/** Each stream and each bucket lies on all three servers, the list of partitions, too. */
async function assertReplicated(nc: NatsConnection, run: WatchedRun): Promise<void> {
  // By the third event there is everything, and the first node that was killed is back.
  await until("partitions change", () => run.saidMs.length >= 3, 60_000);
  const manager = await jetstreamManager(nc, { timeout: 30_000 });
  const streams = await Array.fromAsync(manager.streams.list());
  const replicas = new Map(streams.map(({ config }) => [config.name, config.num_replicas]));
  for (const [stream, count] of replicas) assert.equal(count, 3, `${stream}: ${count}`);
  for (const bucket of ["partitions", "producers"]) {
    assert.ok(replicas.has(`KV_${run.name}-${bucket}`), [...replicas.keys()].join());
  }
}

/** The process of one node, and of one only, was gone for a while, and then there was another one. */
function assertNodeKilled({ servers, text }: WatchedRun, { atMs, plan }: DoneEvent): void {
  const fates = [...servers.values()].map((sights) => {
    const before = new Set(pidsOf(sights, atMs - 3_000, atMs));
    const meanwhile = new Set(pidsOf(sights, atMs + 500, atMs + plan.downMs));
    // The next node is not killed before the cluster is whole again.
    const after = new Set(pidsOf(sights, atMs + plan.downMs + 500, atMs + plan.downMs + 4_000));
    assert.deepEqual([before.size, after.size], [1, 1], text);
    return meanwhile.size === 0 && after.isDisjointFrom(before) ? "killed" : "there";
  });
  assert.deepEqual(fates.toSorted(), ["killed", "there", "there"], text);
}

Deno.test("a run on a cluster passes while its nodes are killed one after the other, the feed's leader too", async () => {
  const timeline = [
    "{ at: 1s, event: nats_node_kill, down: 3s }",
    "{ at: 2s, event: nats_node_kill, down: 3s }",
    "{ at: 3s, event: worker_crash }",
    "{ at: 14s, event: partition_changes, add: 1, remove: 1 }",
    "{ at: 18s, event: nats_node_kill, down: 2s }",
  ];
  const run = await watchRun([
    ...[...SMALL, ...CLUSTER, "--seed", "3", "--duration", "25s", "--set", "workers.count=6"],
    ...[
      "--set",
      "chaos.enabled=true",
      "--set",
      "chaos.events=[]",
      "--set",
      `chaos.timeline=[${timeline}]`,
    ],
  ], assertReplicated);
  const { code, text: stdout, report } = run;
  assert.equal(code, 0, stdout);
  assert.deepEqual(defects(report), {});
  assert.equal(report.messages.lost, 0);
  assert.equal(report.messages.sent, report.messages.effective);
  // Two handlers at once are excused where a server is away; a cluster that has lost one node of three needs no excuse.
  assert.equal(report.ownership.excusedOverlaps.outage, 0);
  const [first, second, crash, changed, third] = report.chaos;
  assert.match(first!.target, /^n\d, leader of the feed$/);
  assert.equal(second!.skipped, "a server is away already");
  assert.equal(crash!.type, "worker_crash");
  assert.equal(changed!.type, "partition_changes");
  assert.deepEqual(report.partitionChanges, { added: 1, removed: 1 });
  assert.match(third!.target, /^n\d/);
  for (const { recoveredMs } of [first!, third!]) assert.ok(recoveredMs! > 2_000, stdout);
  const killed = run.events.filter(({ record: { type } }) => type === "nats_node_kill");
  for (const event of killed) assertNodeKilled(run, event);
  // Its process was dead, and all of its clients had found another node by then.
  const dead = [...stdout.matchAll(/n\d \(pid \d+\) is dead: (\d+) of its (\d+) clients went/g)];
  assert.equal(dead.length, 2, stdout);
  for (const [, found, homeless] of dead) assert.equal(found, homeless, stdout);
  // Clients choose a node by chance, so one of two may have had none.
  assert.ok(dead.some(([, , homeless]) => Number(homeless) > 0), stdout);
});

Deno.test("in a cluster networks fail as ever: nobody finds a way past his own", async () => {
  const timeline = "[{ at: 500ms, event: nats_disconnect, network: away, down: 9s }]";
  const { code, stdout, stderr, report } = await sim(
    ...[...SMALL, ...CLUSTER, "--duration", "12s", "--set", "workers.count=4"],
    ...[
      "--set",
      "chaos.enabled=true",
      "--set",
      "chaos.events=[]",
      "--set",
      `chaos.timeline=${timeline}`,
    ],
  );
  assert.ok(report !== undefined, stderr);
  assert.equal(code, 0, stdout);
  assert.deepEqual(defects(report), {});
  // It was away for longer than its lease: others have got its partitions, and it has got them back.
  assert.ok(report.moves.total >= 3, stdout);
});
