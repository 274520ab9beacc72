import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { selfArguments } from "../../tasks/spawn.ts";
import { syntheticRun } from "../results/synthetic_rig_test.ts";
import { SMALL } from "./sim_rig_test.ts";

/** Runs the program to its end. */
async function parti(...args: string[]) {
  const command = new Deno.Command(Deno.execPath(), {
    args: selfArguments(args, ["--allow-all"]),
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out: out!, err: err! };
}

function write(dir: TempDir): void {
  const { report, series } = syntheticRun();
  dir.write("report.json", JSON.stringify(report));
  dir.write("series.json", JSON.stringify(series));
}

const names = (dir: TempDir) => [...Deno.readDirSync(dir.path)].map(({ name }) => name).sort();

Deno.test("a run leaves its page and its tables, and `report` makes the very same of what it has left", async () => {
  using dir = new TempDir();
  const run = await parti("sim", ...SMALL, "--seed", "3", "--out", dir.path);
  assert.equal(run.code, 0, run.out + run.err);
  assert.match(run.out, new RegExp(`^Page: {3}${dir.path}/report\\.html$`, "m"));
  const derived = ["chaos.csv", "report.html", "report.junit.xml", "series.csv"];
  assert.deepEqual(
    names(dir),
    ["chaos-plan.json", "logs", "report.json", "series.json", ...derived].sort(),
  );
  const read = () => derived.map((name) => Deno.readTextFileSync(`${dir.path}/${name}`));
  const before = read();
  for (const name of derived) Deno.removeSync(`${dir.path}/${name}`);
  const again = await parti("sim", "report", dir.path);
  assert.deepEqual(again, { code: 0, out: `${dir.path}/report.html\n`, err: "" });
  assert.deepEqual(read(), before);
  const report = JSON.parse(Deno.readTextFileSync(`${dir.path}/report.json`));
  const series = JSON.parse(Deno.readTextFileSync(`${dir.path}/series.json`));
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  assert.equal(sum(series.samples.sent), report.messages.sent);
  assert.equal(sum(series.samples.handled), report.messages.effective);
  assert.equal(new Set(series.owners.partition).size, 12, "each partition had an owner");
  assert.deepEqual(report.arguments.slice(-2), ["--seed", "3"]);
  assert.equal(report.config.partitions.count, 12);
});

Deno.test("two runs are compared by their folders or their reports, with exit 0", async () => {
  using a = new TempDir();
  using b = new TempDir();
  for (const dir of [a, b]) write(dir);
  const { code, out, err } = await parti("sim", "compare", a.path, `${b.path}/report.json`);
  assert.equal(code, 0, err);
  assert.match(out, /^Verdict +pass +pass$/m);
  assert.match(out, /^latencyMs\.p99 +20ms +20ms +1\.00 +same$/m);
});

Deno.test("what cannot be read is one sentence and what to do, exit 3, nothing written, no stack trace", async () => {
  using torn = new TempDir();
  write(torn);
  torn.write("series.json", '{"format":"parti-s');
  using foreign = new TempDir();
  foreign.write("report.json", '{"seeds": 200}');
  for (
    const [args, message] of [
      [["report", "no/such"], "error: there is no no/such\nhint: "],
      [["report", torn.path], `error: ${torn.path}/series.json is torn: it ends`],
      [["report", foreign.path], `error: ${foreign.path}/report.json is not the report of a`],
      [["compare", torn.path, foreign.path], `error: ${foreign.path}/report.json is not the`],
    ] as const
  ) {
    const { code, out, err } = await parti("sim", ...args);
    assert.equal(code, 3, err);
    assert.equal(out, "");
    assert.ok(err.startsWith(message), err);
    assert.equal(err.trimEnd().split("\n").length, 2, err);
  }
  assert.deepEqual(names(torn), ["report.json", "series.json"]);
});

Deno.test("a folder that cannot be written to is told as such", async () => {
  using dir = new TempDir();
  write(dir);
  Deno.mkdirSync(`${dir.path}/report.html`);
  const { code, err } = await parti("sim", "report", dir.path);
  assert.equal(code, 3);
  assert.match(err, /^error: cannot write \S+\/report\.html: .*\nhint: copy the folder/);
});

const hasFull = Deno.build.os === "linux";

Deno.test({
  name: "where there is no room for one file it is not left torn, and the others are written",
  ignore: !hasFull,
  async fn() {
    using dir = new TempDir();
    write(dir);
    Deno.symlinkSync("/dev/full", `${dir.path}/report.html`);
    const { code, err } = await parti("sim", "report", dir.path);
    assert.equal(code, 3);
    assert.match(err, /^error: cannot write \S+\/report\.html: No space left/);
    const left = ["chaos.csv", "report.json", "report.junit.xml", "series.csv", "series.json"];
    assert.deepEqual(names(dir), left);
  },
});

Deno.test("both are in the help", async () => {
  const { code, out } = await parti("sim", "--help");
  assert.equal(code, 0);
  assert.match(out, /^ {2}report <folder>/m);
  assert.match(out, /^ {2}compare <a> <b>/m);
});
