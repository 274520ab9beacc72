import assert from "node:assert/strict";
import { defects, sim, SMALL } from "./sim_rig_test.ts";

/** Three copies of everything are three times the work. */
const CLUSTER = ["nats.cluster=3", "partitions.message_rate_per_partition=4"]
  .flatMap((set) => ["--set", set]);

Deno.test("a run on a cluster passes while its nodes are killed one after the other, the feed's leader too", async () => {
  const timeline = [
    "{ at: 1s, event: nats_node_kill, down: 3s }",
    "{ at: 2s, event: nats_node_kill, down: 3s }",
    "{ at: 3s, event: worker_crash }",
    "{ at: 18s, event: nats_node_kill, down: 2s }",
  ];
  const { code, stdout, stderr, report } = await sim(
    ...[...SMALL, ...CLUSTER, "--seed", "3", "--duration", "25s", "--set", "workers.count=6"],
    ...[
      "--set",
      "chaos.enabled=true",
      "--set",
      "chaos.events=[]",
      "--set",
      `chaos.timeline=[${timeline}]`,
    ],
  );
  assert.ok(report !== undefined, stderr);
  assert.equal(code, 0, stdout);
  assert.deepEqual(defects(report), {});
  assert.equal(report.messages.lost, 0);
  assert.equal(report.messages.sent, report.messages.effective);
  // Two handlers at once are excused where a server is away; a cluster that has lost one node of three needs no excuse.
  assert.equal(report.ownership.excusedOverlaps.outage, 0);
  const [first, second, crash, third] = report.chaos;
  assert.match(first!.target, /^n\d, leader of the feed$/);
  assert.equal(second!.skipped, "a server is away already");
  assert.equal(crash!.type, "worker_crash");
  assert.match(third!.target, /^n\d/);
  for (const { recoveredMs } of [first!, third!]) assert.ok(recoveredMs! > 2_000, stdout);
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
