import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { until } from "../../tasks/until.ts";
import type { SimReport } from "../report/report.ts";
import { processesOf, SMALL, startSim } from "./sim_rig_test.ts";

/** How long a step of a run may take on a busy machine. */
const PATIENCE_MS = 60_000;

/** A server tells its number in the name of a file in its folder. */
async function serverPid(temp: string): Promise<number> {
  for await (const { name } of Deno.readDir(temp)) {
    if (!name.startsWith("parti-nats-")) continue;
    for await (const file of Deno.readDir(`${temp}/${name}`)) {
      const [, pid] = /_(\d+)\.ports$/.exec(file.name) ?? [];
      if (pid !== undefined) return Number(pid);
    }
  }
  return assert.fail("no server is there");
}

/** Whoever is to be killed on purpose is a child, and its server belongs to the one that has started it. */
const KEPT = [
  ...["checkpointing.enabled=true", "chaos.enabled=true", "chaos.events=[]"],
  "chaos.timeline=[{ at: 9m, event: coordinator_crash }]",
];

for (
  const [whose, more, coordinators] of [
    ["of the run's own", [], 0],
    ["that outlives a coordinator", KEPT, 1],
  ] as const
) {
  Deno.test(`planted: a server ${whose} that ends by itself ends the run at once, which fails and says so`, async () => {
    using dir = new TempDir();
    const name = `end-${crypto.randomUUID().slice(0, 8)}`;
    const sets = [...more, `simulation.name=${name}`, `checkpointing.path=${dir.path}/kept`]
      .flatMap((set) => ["--set", set]);
    const args = [...SMALL, "--duration", "10m", ...sets, "--out", `${dir.path}/out`];
    const { child, output, ended } = startSim(args, { env: { TMPDIR: dir.path } });
    await using cleanUp = new AsyncDisposableStack();
    cleanUp.defer(async () => {
      // Where it has not ended, the test has failed.
      if (await Promise.race([ended, null]) === null) child.kill("SIGTERM");
      await ended;
    });
    const said = async (line: RegExp) => {
      await until(`${line} is said`, () => line.test(output.text), PATIENCE_MS);
    };
    await said(/\] load .* workers 3\/3 stable/);
    assert.equal((await processesOf(name, " sim-coordinator ")).length, coordinators);
    Deno.kill(await serverPid(dir.path), "SIGKILL");
    await said(/\[FAIL\] nats-server at nats:.* ended by itself with code 137: /);
    const { code } = await ended;
    assert.equal(code, 1, output.text);
    const report: SimReport = JSON.parse(await Deno.readTextFile(`${dir.path}/out/report.json`));
    assert.equal(report.verdict, "fail");
    assert.equal(report.reasons.length, 1, output.text);
    assert.match(report.reasons[0]!, /^nats-server at nats:.* ended by itself with code 137: /);
  });
}
