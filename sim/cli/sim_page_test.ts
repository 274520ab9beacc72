import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { until } from "../../tasks/until.ts";
import { SMALL, startSim } from "./sim_rig_test.ts";

/** The page of a run that goes on. */
async function urlOf(run: ReturnType<typeof startSim>): Promise<string> {
  const says = () => /Live page: (http:\S+)/.exec(run.output.text)?.[1];
  await until("it says where its page is", () => says() !== undefined, 60_000);
  return says()!;
}

Deno.test("a run can be looked at while it goes on, until its verdict; then nobody is there any more", async () => {
  using temp = new TempDir();
  const run = startSim([...SMALL, "--out", temp.path], {});
  const url = await urlOf(run);
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  const page = await (await fetch(url)).text();
  assert.match(page, /<h1>Simulation, live<\/h1>/);
  const news = await (await fetch(`${url}/events`)).text();
  const messages = news.split("\n\n").filter((part) => part.startsWith("data: "))
    .map((part) => JSON.parse(part.slice(6)));
  const { code } = await run.ended;
  assert.equal(code, 0, run.output.text);
  assert.equal(run.output.text.match(/Live page: /g)!.length, 1);
  assert.equal(messages[0].facts.partitions, 12);
  const last = messages.at(-1);
  assert.equal(last.end.verdict, "pass");
  const report = JSON.parse(await Deno.readTextFile(`${temp.path}/report.json`));
  assert.equal(last.status.sent, report.messages.sent);
  assert.equal(last.status.effective, report.messages.effective);
  const series = JSON.parse(await Deno.readTextFile(`${temp.path}/series.json`));
  const owners = (changes: { partition: number[]; owner: number[] }) =>
    new Map(changes.partition.map((partition, index) => [partition, changes.owner[index]]));
  // What the page was told bit by bit is what the report says: each partition has the worker that it has there.
  const told = messages.map(({ owners }) => owners);
  const names = told.flatMap(({ names }) => names);
  const live = owners({
    partition: told.flatMap(({ partition }) => partition),
    owner: told.flatMap(({ owner }) => owner),
  });
  for (const [partition, process] of owners(series.owners)) {
    assert.equal(`${names[live.get(partition)!]}#1`, series.owners.processes[process!]);
  }
  await assert.rejects(fetch(url));
});

Deno.test("a run without a page says of none", async () => {
  using temp = new TempDir();
  const args = [...SMALL, "--out", temp.path, "--duration", "1s", "--set", "page.enabled=false"];
  const run = startSim(args, {});
  await run.ended;
  assert.doesNotMatch(run.output.text, /Live page/);
  assert.match(run.output.text, /Simulation complete/);
});
