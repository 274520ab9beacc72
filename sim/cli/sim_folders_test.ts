import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { until } from "../../tasks/until.ts";
import type { SimReport } from "../report/report.ts";
import { processesOf, SMALL, startSim } from "./sim_rig_test.ts";

/** A run that has nothing but the folder it is started in, and so makes its own there. */
function startIn(cwd: string, ...sets: string[]): ReturnType<typeof startSim> {
  return startSim([...SMALL, ...sets.flatMap((set) => ["--set", set])], { cwd });
}

/** What is in there. */
function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** A server that lets the coordinator in and none of the workers, so that the group does not come up. */
async function withoutWorkers() {
  const server = await launchNats({
    extraConfig: "authorization { users: [ { user: a, password: x } ] }",
  });
  const sets = [
    ...["nats.mode=external", `nats.url=${server.url}`, "nats.user=a", "nats.password=x"],
    "nats.workers={ user: a, password: wrong }",
  ];
  return { server, sets };
}

const CRASH = [
  ...["chaos.enabled=true", "chaos.events=[]"],
  "chaos.timeline=[{ at: 1s, event: coordinator_crash }]",
];

for (const [what, sets] of [["", []], [" with a coordinator that is killed", CRASH]] as const) {
  Deno.test(`folders: a run${what} that could not begin leaves none`, async () => {
    using temp = new TempDir();
    const nobody = ["nats.mode=external", "nats.url=nats://127.0.0.1:1"];
    const { ended, output } = startIn(temp.path, "checkpointing.enabled=true", ...nobody, ...sets);
    const { code } = await ended;
    assert.equal(code, 3, output.text);
    assert.match(output.text, /cannot connect to nats:\/\/127\.0\.0\.1:1/);
    assert.deepEqual(namesIn(`${temp.path}/out`), []);
    assert.deepEqual(namesIn(`${temp.path}/checkpoints`), []);
  });

  Deno.test(`folders: a run${what} that had begun and came to nothing leaves what it has written`, async () => {
    using temp = new TempDir();
    const { server, sets: access } = await withoutWorkers();
    await using _server = server;
    const name = crypto.randomUUID().slice(0, 23);
    const more = ["checkpointing.enabled=true", `simulation.name=${name}`, ...sets];
    const { ended, output } = startIn(temp.path, ...access, ...more);
    let worker: number | undefined;
    await until("a worker is there", async () => {
      [worker] = await processesOf(name, "sim-worker");
      return worker !== undefined;
    }, 30_000);
    Deno.kill(worker!, "SIGKILL");
    const { code } = await ended;
    assert.equal(code, 2, output.text);
    assert.match(output.text, /The run with seed \d+ ended early\./);
    const [run, ...others] = namesIn(`${temp.path}/out`);
    assert.ok(run !== undefined && others.length === 0, others.join());
    assert.deepEqual(namesIn(`${temp.path}/out/${run}`).sort(), ["chaos-plan.json", "logs"]);
    assert.deepEqual(namesIn(`${temp.path}/checkpoints`), [run]);
  });
}

for (const [fault, verdict, expected] of [[[], "pass", 2], [["lose"], "fail", 1]] as const) {
  Deno.test(`folders: where only one file of a ${verdict} could not be written the other is left, and the exit code is ${expected}`, async () => {
    using temp = new TempDir();
    const args = [...SMALL, "--seed", "5", ...fault.flatMap((kind) => ["--fault", kind])];
    const { ended, output } = startSim(args, { cwd: temp.path });
    const out = `${temp.path}/out`;
    await until("the run has a folder", () => namesIn(out).length > 0, 30_000);
    const folder = `${out}/${namesIn(out)[0]}`;
    // No file can be written where a folder is that has something in it.
    await Deno.mkdir(`${folder}/series.json/full`, { recursive: true });
    const { code } = await ended;
    assert.equal(code, expected, output.text);
    assert.match(output.text, /cannot write .*series\.json: .*\nhint: .*verdict above stands/);
    const report: SimReport = JSON.parse(await Deno.readTextFile(`${folder}/report.json`));
    assert.equal(report.verdict, verdict);
  });
}

Deno.test("folders: a run that comes to no result leaves none of the run before it in the same folder", async () => {
  using temp = new TempDir();
  for (const name of ["report.json", "report.junit.xml"]) temp.write(name, "of another run");
  const { child, ended, output } = startSim([...SMALL, "--out", temp.path], {});
  await until("it has begun", () => output.text.includes("Started coordinator"), 30_000);
  child.kill("SIGKILL");
  await ended;
  assert.deepEqual(namesIn(temp.path).sort(), ["chaos-plan.json", "logs"]);
});
