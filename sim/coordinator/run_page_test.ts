import assert from "node:assert/strict";
import { parse } from "valibot";
import { simulationSchema } from "../config/config_schema.ts";
import { SimConsole } from "../console/status_line.ts";
import { LiveRig } from "../live_page/live_rig_test.ts";
import type { Asked } from "./run_facts.ts";
import { RunPage } from "./run_page.ts";

function asked(page: object): Asked {
  const config = parse(simulationSchema, { page, workers: { count: 3 } });
  return { ...{ config, configFile: "c.yaml", arguments: [], seed: 1, runId: "r" } };
}

function rig() {
  const written: string[] = [];
  const console = new SimConsole({
    write: (text) => written.push(text),
    ...{ terminal: false, color: false, columns: () => 80, now: () => new Date(0) },
  });
  const { run } = new LiveRig();
  return { written, console, run };
}

Deno.test("page: not served if it is not wanted, and not for a checkpoint that knows of none", async () => {
  const { console, run, written } = rig();
  await using none = await RunPage.open(asked({ enabled: false }), console);
  none.show(run, console);
  none.end({ verdict: "pass", reasons: [] });
  const old = asked({});
  delete (old.config as Partial<typeof old.config>).page;
  await using former = await RunPage.open(old, console);
  assert.deepEqual([none.url, former.url, written], [undefined, undefined, []]);
});

Deno.test("page: served on this machine unless asked otherwise, where it is said, with what is logged", async () => {
  const { console, run, written } = rig();
  await using page = await RunPage.open(asked({}), console);
  assert.match(page.url!, /^http:\/\/127\.0\.0\.1:\d+$/);
  page.show(run, console);
  console.log("CHAOS", "something happens");
  assert.equal(written.length, 2);
  assert.match(written[0]!, new RegExp(`\\[INFO\\] Live page: ${page.url}\n$`));
  const answer = await fetch(`${page.url}/events`);
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("something happens")) text += (await reader.read()).value ?? "";
  await reader.cancel();
});

Deno.test("page: a run that is resumed goes on, whoever has its port by now", async () => {
  const { console, run, written } = rig();
  await using first = await RunPage.open(asked({}), console);
  const same = asked({ port: Number(new URL(first.url!).port) });
  await assert.rejects(RunPage.open(same, console), /page\.port: .* the port is in use/);
  await using second = await RunPage.open({ ...same, resumed: {} }, console);
  second.show(run, console);
  assert.notEqual(second.url, first.url);
  assert.match(written[0]!, /\[WARN\] page\.port: .* in use; it is served on another port/);
});

Deno.test("page: who lets others look is told so", async () => {
  const { console, run, written } = rig();
  await using page = await RunPage.open(asked({ host: "0.0.0.0" }), console);
  page.show(run, console);
  assert.match(written.join(""), /\[WARN\] page\.host: whoever reaches this address can look/);
});
