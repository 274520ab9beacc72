/**
 * The whole command as a process of its own: exit codes, files, and the gate against planted regressions.
 */
import assert from "node:assert/strict";
import { spawnSelf } from "../../tasks/spawn.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { until } from "../../tasks/until.ts";
import { idOf } from "../case.ts";
import { CATALOG } from "../registry.ts";
import { readResult, writeResult } from "../results/files.ts";
import { resultWith } from "../results/result_rig_test.ts";
import { toyRegistry } from "./toy_catalog_rig_test.ts";

async function stress(...args: string[]) {
  const { code, stdout, stderr } = await spawnSelf(["stress", ...args], {
    permissions: ["--allow-all"],
    ...{ env: { NO_COLOR: "1" }, stdin: "null", stdout: "piped", stderr: "piped" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

const toys = (out: string, plant: Record<string, number> = {}) =>
  stress("--only", "toy/both", "--registry", toyRegistry(plant), "--out", out, "--seed", "1");

/** What a run says of the machine is no part of these tests, and other work may run beside them. */
async function asIfIdle(out: string): Promise<void> {
  const result = await readResult(out);
  const cases = result.cases.map((one) => ({
    ...one,
    loadAverages: one.loadAverages.map(() => 1),
  }));
  await writeResult(`${out}/stress.json`, { ...result, cases });
}

Deno.test("the gate: repeats of the same pass; 15 % more memory and a slowdown fail, and are named", async () => {
  using temp = new TempDir();
  const dir = `${temp.path}/baselines`;
  const first = await toys(`${temp.path}/first`);
  assert.equal(first.code, 0, first.stdout + first.stderr);
  assert.match(first.stdout, /^toy\/both +heap .*≤ 12 +holds$/m);
  assert.match(first.stdout, /^PASS$/m);
  await asIfIdle(`${temp.path}/first`);
  const saved = await stress("baseline", `${temp.path}/first`, "--name", "here", "--dir", dir);
  assert.equal(saved.code, 0, saved.stderr);
  const compare = async (out: string) => {
    await asIfIdle(`${temp.path}/${out}`);
    return await stress("compare", "here", `${temp.path}/${out}`, "--dir", dir);
  };
  for (const again of ["again-1", "again-2"]) {
    assert.equal((await toys(`${temp.path}/${again}`)).code, 0);
    const { code, stdout } = await compare(again);
    assert.equal(code, 0, stdout);
  }
  await toys(`${temp.path}/grown`, { heap: 1.15 });
  const grown = await compare("grown");
  assert.equal(grown.code, 1, grown.stdout);
  assert.match(grown.stdout, /^ {2}- toy\/both heap: 8.* → 9\.2.* MB \(15 %, tolerated 10 %/m);
  await toys(`${temp.path}/slow`, { slow: 3 });
  const slow = await compare("slow");
  assert.equal(slow.code, 1, slow.stdout);
  assert.match(slow.stdout, /^ {2}- toy\/both duration: /m);
  assert.doesNotMatch(slow.stdout, /^ {2}- toy\/both heap/m);
});

Deno.test("planted: a baseline of a loaded machine is refused, unless it is wanted anyway, and compare says so", async () => {
  using temp = new TempDir();
  const result = resultWith({ "scale/a": { start: [900, 901, 902] } });
  const cases = result.cases.map((one) => ({ ...one, loadAverages: [1, 7.9, 1] }));
  await writeResult(`${temp.path}/stress.json`, { ...result, cases });
  const save = ["baseline", temp.path, "--name", "here", "--dir", temp.path];
  const refused = await stress(...save);
  assert.equal(refused.code, 3);
  assert.match(
    refused.stderr,
    /load average of 7\.9 on 2 processors, more than 4, in scale\/a: .*\nhint: .*--anyway/,
  );
  assert.equal((await stress(...save, "--anyway")).code, 0);
  const { code, stdout } = await stress("compare", "here", temp.path, "--dir", temp.path);
  assert.equal(code, 2);
  assert.match(stdout, /^scale\/a start .* not judged$/m);
  assert.match(stdout, /the baseline was measured with a load average of 7\.9.*not judged$/m);
});

Deno.test("planted: a part of the suite is no baseline of this machine, only one with a name", async () => {
  using temp = new TempDir();
  const cases = Object.fromEntries(
    CATALOG.cases.filter(({ group }) => group !== "speed").map((
      one,
    ) => [idOf(one), { heap: [1, 1, 1] }]),
  );
  await writeResult(`${temp.path}/stress.json`, resultWith(cases));
  const refused = await stress("baseline", temp.path, "--dir", temp.path);
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /not the whole suite: \d+ cases are missing \(speed\/publish, …\)/);
  assert.equal((await stress("baseline", temp.path, "--dir", temp.path, "--name", "x")).code, 0);
});

Deno.test("a bound that is missed is exit code 1; the page and the data tell it; the whole suite of before is kept, and can be the baseline", async () => {
  using temp = new TempDir();
  const all = Object.fromEntries(CATALOG.cases.map((one) => [idOf(one), { heap: [1, 1, 1] }]));
  await writeResult(`${temp.path}/stress.json`, resultWith(all));
  const { code, stdout, stderr } = await toys(temp.path, { heap: 2 });
  assert.equal(code, 1);
  assert.match(stdout, /^FAIL:\n {2}- toy\/both: heap is 16.* MB, and should be at most 12$/m);
  const result = await readResult(temp.path);
  assert.equal(result.verdict, "fail");
  assert.deepEqual(result.cases.map(({ id }) => id), ["toy/baseline", "toy/both"]);
  assert.match(await Deno.readTextFile(`${temp.path}/stress.html`), /✕ Fail/);
  // The whole suite that was there before is not lost.
  assert.match(stderr, /^Kept: .*stress\.whole\.json, the whole suite of 2026-/m);
  const saved = await stress("baseline", temp.path, "--dir", `${temp.path}/baselines`);
  assert.equal(saved.code, 0, saved.stderr);
  assert.match(
    saved.stdout,
    /^The last run is not the whole suite: .*stress\.whole\.json is taken\.$/m,
  );
  assert.match(saved.stdout, /example-2cpu-8gb\.json: \d\d+ cases of 2026-/);
});

Deno.test("what could not be measured is exit code 2, and does not keep the others from it", async () => {
  using temp = new TempDir();
  const { code, stdout } = await stress(
    ...["--only", "toy/throws", "--only", "toy/both", "--repeat", "1"],
    ...["--registry", toyRegistry(), "--out", temp.path],
  );
  assert.equal(code, 2, stdout);
  assert.match(stdout, /^COULD NOT VERIFY:\n {2}- toy\/throws: PARTI_REFUSED: planted$/m);
  assert.match(stdout, /^toy\/both +heap/m);
});

/** Every file of a full disk, so to say: what is to be written is a folder. */
Deno.test("planted: a result that cannot be written is seen all the same, and one line says why; a folder that was there before is bad input", async () => {
  using temp = new TempDir();
  const { code, stdout, stderr } = await stress(
    ...["--only", "toy/spoils", "--out", temp.path],
    ...["--registry", toyRegistry({ spoils: `${temp.path}/stress.json` })],
  );
  assert.equal(code, 2, stdout + stderr);
  assert.match(stdout, /^toy\/spoils +one +1 /m);
  assert.match(stdout, /^PASS$/m);
  assert.match(stderr, /^Not saved so far, and tried again: .*cannot write .*stress\.json/m);
  assert.match(stderr, /^[^N].*cannot write .*stress\.json: .*\nhint: is the disk full/m);
  assert.doesNotMatch(stderr, /^ {4}at /m, "no stack trace");
  const names = [...Deno.readDirSync(temp.path)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["stress.json", "stress.lock"]);
  const again = await toys(temp.path);
  assert.equal(again.code, 3);
  assert.match(again.stderr, /cannot write .*stress\.json: it is a folder\nhint: remove it/);
});

Deno.test("planted: a suite that is killed leaves what it has measured by then, which is no pass, its page neither; until then no other one writes there", async () => {
  using temp = new TempDir();
  temp.write("stress.html", "<title>✓ Pass: of the run before</title>");
  const child = spawnSelf([
    ...["stress", "--only", "toy/spoils", "--only", "toy/waits", "--seed", "3"],
    ...["--registry", toyRegistry(), "--out", temp.path],
  ], { permissions: ["--allow-all"], stdin: "null", stdout: "null", stderr: "null" });
  const measured = async () =>
    (await readResult(temp.path)).cases.filter(({ metrics }) => metrics.length > 0).length;
  await until("one case is saved", async () => await measured().catch(() => 0) === 1, 20_000);
  const other = await toys(temp.path);
  assert.equal(other.code, 3);
  assert.match(other.stderr, /another run writes to .*\nhint: .*--out/);
  child.kill("SIGKILL");
  await child.status;
  const page = () => Deno.readTextFileSync(`${temp.path}/stress.html`);
  assert.match(page(), /<title>\? Could not verify: parti stress<\/title>/);
  const { verdict, reasons } = await readResult(temp.path);
  assert.equal(verdict, "unknown");
  assert.deepEqual(reasons, ["it has not come to its end", "toy/waits: it was not run"]);
});

Deno.test("--list shows every case with its figures, and runs nothing", async () => {
  const { code, stdout } = await stress("--list");
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^memory\/10w-500p +\(5 ×, quick, --fault memory \| loss\) +10 workers over one connection, 500 partitions$/m,
  );
  assert.match(stdout, /^ {4}heap \[MB\]: heap in use after forced collections/m);
  assert.match(stdout, /^memory\/per-worker +\(law\) .*1w-100p, 5w-100p/m);
  const few = (await stress("--list", "--only", "memory/per-partition")).stdout;
  assert.match(few, /^memory\/10w-50p/m);
  assert.doesNotMatch(few, /50w-500p|per-worker|^scale/m);
});

const mistakes: [string[], RegExp][] = [
  [["--only", "memroy"], /no group or case "memroy"\nhint: did you mean memory\?/],
  [["--repeat", "0"], /--repeat: expected a whole number from 1 on, got "0"/],
  [["--seed", "x"], /--seed: expected a whole number/],
  [["--duration", "10"], /--duration: expected a duration such as/],
  [
    ["--duration", "3s", "--only", "leak"],
    /--duration: expected 10s at least, or leak\/churn finds nothing out, got "3s"/,
  ],
  [["--fault", "lose"], /--fault: expected memory, slow, loss, starve, leak, .*, got "lose"/],
  [["--fault", "slow", "--only", "speed/recovery"], /--fault slow does nothing in what is run/],
  [["--fault", "memory", "--only", "speed"], /--fault memory does nothing in what is run/],
  [["--out", ""], /--out: expected a folder/],
  [
    ["--registry", "/no/such.ts"],
    /--registry: \/no\/such\.ts cannot be loaded: .*\nhint: name a module that exports/,
  ],
  [["--registry", "stress/case.ts"], /--registry: stress\/case\.ts exports no `catalog`/],
  [["compare", "none", "/no/such"], /there is no \/no\/such/],
  [
    ["compare", "--out", "out/x"],
    /--out is an option of a run, and does nothing in `compare`\nhint: .*folder/,
  ],
  [["--quick", "baseline"], /--quick is an option of a run, and does nothing in `baseline`/],
  [
    ["--duration", "1h", "--only", "memory/1w-100p"],
    /--duration does nothing in what is run\nhint: .*--only leak/,
  ],
  [["baseline", "/no/such"], /there is no \/no\/such/],
];

for (const [args, message] of mistakes) {
  Deno.test(`a mistake is one clear message and exit code 3: stress ${args.join(" ")}`, async () => {
    const { code, stdout, stderr } = await stress(...args);
    assert.equal(code, 3, stdout + stderr);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /^ {4}at /m, "no stack trace");
  });
}
