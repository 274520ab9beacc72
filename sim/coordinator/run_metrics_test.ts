import assert from "node:assert/strict";
import { parse } from "valibot";
import { pickFreePort } from "../../tasks/free_port.ts";
import { simulationSchema } from "../config/config_schema.ts";
import { SimConsole } from "../console/status_line.ts";
import type { Fleet } from "../run/fleet.ts";
import { TestFleet } from "../run/fleet_rig_test.ts";
import { RunState } from "../run/run_state.ts";
import { RunMetrics } from "./run_metrics.ts";
import { RunObserver } from "./run_observer.ts";

const info = { run_id: "r", seed: "1", strategy: "RoundRobin", nats_server: "2.15.1" };

Deno.test("metrics: none are served unless they are wanted", async () => {
  await using metrics = new RunMetrics(parse(simulationSchema, {}));
  assert.equal(metrics.url, undefined);
});

Deno.test("metrics: a run that goes on does so without them where its port was taken meanwhile, and says so", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const prometheus = { enabled: true, port: taken.addr.port };
  const config = parse(simulationSchema, { metrics: { prometheus } });
  const said: string[] = [];
  const console = { log: (tag: string, message: string) => void said.push(`${tag} ${message}`) };
  assert.throws(() => RunMetrics.open({ config }, console), /the port is in use/);
  await using metrics = RunMetrics.open({ config, resumed: {} }, console);
  assert.equal(metrics.url, undefined);
  assert.match(said.join(), /^WARN .*the port is in use; the run goes on without them$/);
});

Deno.test("metrics: served where it is asked for; what is lost is asked for, and never gets less", async () => {
  const port = pickFreePort();
  const prometheus = { enabled: true, port };
  await using metrics = new RunMetrics(parse(simulationSchema, { metrics: { prometheus } }));
  assert.equal(metrics.url, `http://127.0.0.1:${port}/metrics`);
  const look = async () => await (await fetch(metrics.url!)).text();
  assert.equal(await look(), "", "there is no run yet");
  const fleet = new TestFleet();
  const console = new SimConsole({
    ...{ write: () => {}, terminal: false, color: false },
    ...{ columns: () => 80, now: () => new Date(0) },
  });
  const state = new RunState([1], () => fleet as unknown as Fleet, console);
  const observer = new RunObserver({ console, fleet, tickMs: 500 });
  observer.takeReport("worker-0#1", {
    kind: "metrics",
    families: [{
      ...{ name: "parti_is_leader", help: "leads", type: "gauge", aggregator: "sum" },
      values: [{ labels: {}, value: 1 }],
    }],
  });
  fleet.add("worker", 0);
  const answers = [2, undefined, 1];
  metrics.show({
    lost: () => Promise.resolve(answers.shift()),
    view: () => ({ ...{ state, fleet, chaos: [], phase: "load", observer, info } }),
  });
  for (const _ of [...answers]) {
    const text = await look();
    assert.match(text, /^simulation_message_gaps_total 2$/m);
    assert.match(text, /^parti_is_leader\{worker="worker-0"\} 1$/m);
  }
});
