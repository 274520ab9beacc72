import assert from "node:assert/strict";
import { PartiError } from "../../lib/errors.ts";
import type { World } from "../../lib/ports/world.ts";
import { until } from "../../tasks/until.ts";
import { parseConfig } from "../config/config.ts";
import { topologyOf } from "../streams/topology.ts";
import { RUN_ID, TestFleet } from "./fleet_rig_test.ts";
import { PartitionControl } from "./partition_control.ts";
import { PartitionSet } from "./partition_set.ts";

/** Four partitions and two producers; `lists` are the numbers in each list that was written. */
function rig() {
  const fleet = new TestFleet();
  for (const index of [0, 1]) fleet.add("producer", index);
  const server = {
    away: 0,
    lists: [] as string[],
    waiting: new Set<string>(),
    error: undefined as Error | undefined,
  };
  const topology = topologyOf("simulation");
  const world = {
    messaging: fleet.messaging,
    kv: {
      open: () => {
        if (server.away-- > 0) throw new PartiError("PARTI_TIMEOUT", "away");
        if (server.error !== undefined) throw server.error;
        const put = (_key: string, value: Uint8Array) => {
          const { partitions } = JSON.parse(new TextDecoder().decode(value));
          server.lists.push(partitions.map(({ keys }: { keys: string[] }) => keys[0]).join());
          return Promise.resolve(1);
        };
        return Promise.resolve({ put });
      },
    },
    feed: {
      lastMessage: (_stream: string, subject: string) =>
        server.error === undefined
          ? Promise.resolve(server.waiting.has(subject) ? {} : undefined)
          : Promise.reject(server.error),
    },
  } as unknown as World;
  const { config } = parseConfig("partitions: { count: 4 }\nproducers: { count: 2 }", "my.yaml");
  const partitions = new PartitionSet([1, 1, 1, 1]);
  const control = new PartitionControl({
    ...{ config, seed: 1, runId: RUN_ID, fleet, state: { partitions } },
    stage: { world, topology },
  });
  return { fleet, server, partitions, control };
}

const never = () => false;

Deno.test("partition control: the list that is written last is the newest, also over a server that is away", async () => {
  const { server, partitions, control } = rig();
  server.away = 2;
  partitions.add(control.nextWeights(1), 1);
  const first = control.publish(never);
  partitions.remove([0]);
  await Promise.all([first, control.publish(never)]);
  assert.deepEqual(server.lists, ["1,2,3,4", "1,2,3,4"]);
  const gone = rig();
  gone.server.away = Number.POSITIVE_INFINITY;
  let over = false;
  const trying = gone.control.publish(() => over);
  over = true;
  await trying;
  assert.deepEqual(gone.server.lists, []);
});

Deno.test("partition control: every producer is told, one that was killed when it is back", async () => {
  const { fleet, control } = rig();
  const [killed] = fleet.members;
  killed!.phase = "killed";
  const telling = control.tellProducers(never);
  await until("one told", () => fleet.commands.length > 0);
  const back = fleet.add("producer", 0, { process: "producer-0#2", readyUs: undefined });
  await until("both asked", () => fleet.commands.includes("change producer-1#1"));
  assert.deepEqual(fleet.commands, ["change producer-1#1"]);
  back.readyUs = 1;
  await telling;
  assert.deepEqual(fleet.commands, ["change producer-1#1", "change producer-0#2"]);
});

Deno.test("partition control: whoever sends to a partition is told to poison it", async () => {
  const { fleet, partitions, control } = rig();
  partitions.add([1, 1], 1);
  for (const partition of [0, 1, 4, 5]) await control.poison(partition, 1, never);
  assert.deepEqual(fleet.commands, [0, 1, 0, 1].map((index) => `poison producer-${index}#1`));
});

Deno.test("partition control: what waits in the feed is told", async () => {
  const { server, control } = rig();
  server.waiting.add("simulation.partition.2");
  assert.deepEqual(await control.waiting([1, 2, 3]), [2]);
});

Deno.test("planted: what is no outage is told, and the next list is written nevertheless", async () => {
  const { server, control } = rig();
  server.error = new PartiError("PARTI_TIMEOUT", "away");
  assert.deepEqual(await control.waiting([1]), [1], "nobody knows");
  server.error = new PartiError("PARTI_REFUSED", "not allowed");
  let tries = 0;
  await assert.rejects(control.publish(() => tries++ > 3), /not allowed/);
  await assert.rejects(control.waiting([1]), /not allowed/);
  server.error = undefined;
  await control.publish(never);
  assert.deepEqual(server.lists, ["0,1,2,3"]);
});
