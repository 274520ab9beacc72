import assert from "node:assert/strict";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { until } from "../../tasks/until.ts";
import { processConsole } from "../console/status_line.ts";
import { TestFleet } from "../run/fleet_rig_test.ts";
import type { Fleet } from "../run/fleet.ts";
import { RunState } from "../run/run_state.ts";
import { encodeEffect } from "../streams/effect.ts";
import { effectSubject, effectSubjects, topologyOf } from "../streams/topology.ts";
import { makeReader } from "./parts.ts";

Deno.test("parts: effects that were gone before they were read make no message lost", async () => {
  await using server = await launchNats();
  const nc = await connectNats({ servers: server.url });
  const { feed } = natsWorld(nc);
  const topology = topologyOf("simulation");
  await feed.ensureStream(topology.effectStream, {
    ...{ storage: "memory", replicas: 1, retention: "limits" },
    subjects: [effectSubjects(topology)],
    maxMessagesPerSubject: 2,
  });
  for (let sequence = 1; sequence <= 5; sequence++) {
    const by = { process: "worker-0#1", instance: "a", epoch: 1, generation: 1 };
    const at = { publishedUs: 1, availableUs: 2, acquiredUs: 0, startUs: 3 };
    const of = { partition: 0, sequence, streamSequence: sequence, deliveryCount: 1 };
    await feed.publish(effectSubject(topology, 0), encodeEffect({ ...by, ...at, ...of }));
  }
  const fleet = new TestFleet();
  const state = new RunState([1], () => fleet as unknown as Fleet, processConsole("text"));
  state.takeReport("producer-0#1", { kind: "sent", partition: 0, first: 1, last: 5 });
  const reader = makeReader({ nc, topology }, state);
  reader.start();
  await until("all is read", () => reader.last === 5);
  await reader.stop();
  await nc.close();
  const { lost, unread, effective } = state.ledger.totals(new Map());
  assert.deepEqual({ lost, unread, effective }, { lost: 0, unread: 3, effective: 2 });
});
