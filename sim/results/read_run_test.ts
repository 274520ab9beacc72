import assert from "node:assert/strict";
import { PartiError } from "../../lib/errors.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { readReport, readRun } from "./read_run.ts";
import { syntheticRun } from "./synthetic_rig_test.ts";

/** A folder with the files of a run, each as it is or as it is wanted here. */
function folder(files: Record<string, unknown> = {}): TempDir {
  const dir = new TempDir();
  const { report, series } = syntheticRun();
  for (const [name, value] of Object.entries({ report, series, ...files })) {
    if (value === undefined) continue;
    dir.write(`${name}.json`, typeof value === "string" ? value : JSON.stringify(value));
  }
  return dir;
}

async function refused(path: string): Promise<PartiError> {
  try {
    await readRun(path);
  } catch (error) {
    assert.ok(error instanceof PartiError, String(error));
    assert.ok(error.hint !== undefined, "it says what to do");
    assert.equal(error.message.split("\n").length, 1, error.message);
    return error;
  }
  throw new assert.AssertionError({ message: `${path} was read` });
}

Deno.test("a run is read from its folder, with or without a slash, or by its report", async () => {
  using dir = folder();
  const { report, series } = syntheticRun();
  for (const path of [dir.path, `${dir.path}/`, `${dir.path}/report.json`]) {
    const run = await readRun(path);
    assert.equal(run.folder, dir.path);
    assert.deepEqual(run.report, report);
    assert.deepEqual(run.series, series);
    assert.deepEqual(await readReport(path), report);
  }
});

Deno.test("what a later version adds is no mistake", async () => {
  const { report, series } = syntheticRun();
  using dir = folder({
    report: { ...report, new: 1 },
    series: { ...series, samples: { ...series.samples, new: series.samples.sent } },
  });
  await readRun(dir.path);
});

Deno.test("a missing folder, report or series is named", async () => {
  using noReport = folder({ report: undefined });
  using noSeries = folder({ series: undefined });
  for (
    const [path, message] of [
      ["no/such/folder", "there is no no/such/folder"],
      ["", 'there is no ""'],
      [noReport.path, `there is no ${noReport.path}/report.json`],
      [noSeries.path, `there is no ${noSeries.path}/series.json`],
    ] as const
  ) {
    const error = await refused(path);
    assert.equal(error.code, "PARTI_NOT_FOUND");
    assert.equal(error.message, message);
  }
});

Deno.test("a torn file is told from one that is something else", async () => {
  const { report, series } = syntheticRun();
  for (const name of ["report", "series"]) {
    const whole = JSON.stringify(name === "report" ? report : series);
    for (const torn of ["", whole.slice(0, whole.length / 2), whole.slice(0, -1)]) {
      using dir = folder({ [name]: torn });
      const error = await refused(dir.path);
      assert.equal(error.code, "PARTI_INVALID_FILE");
      assert.match(error.message, new RegExp(`/${name}\\.json is torn`));
    }
    for (const foreign of ["<html>", "[]", "null", '{"verdict":"pass"}', '{"runs":3}']) {
      using dir = folder({ [name]: foreign });
      const error = await refused(dir.path);
      assert.equal(error.code, "PARTI_INVALID_FILE");
      assert.match(error.message, new RegExp(`/${name}\\.json is not the ${name} of a simulation`));
    }
  }
});

Deno.test("a wrong field is named by its path, and columns are as long as each other", async () => {
  const { report, series } = syntheticRun();
  using wrong = folder({ report: { ...report, messages: { ...report.messages, sent: "many" } } });
  assert.match((await refused(wrong.path)).message, /simulation: messages\.sent: .*number/);
  using uneven = folder({
    series: { ...series, samples: { ...series.samples, sent: [1] } },
  });
  assert.match((await refused(uneven.path)).message, /samples: the columns are not of the same/);
  using later = folder({ series: { ...series, version: 2 } });
  assert.match((await refused(later.path)).message, /simulation: version: /);
});

Deno.test("files of two runs are not put together", async () => {
  const { series } = syntheticRun();
  using dir = folder({ series: { ...series, runId: "other" } });
  const error = await refused(dir.path);
  assert.equal(error.code, "PARTI_INVALID_FILE");
  assert.match(error.message, /belongs to the run other, .* to 1a2b3c4d/);
});
