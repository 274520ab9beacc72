/** What can be asked of the hunt for planted bugs, and what cannot. */
import assert from "node:assert/strict";
import { PartiError } from "../lib/errors.ts";
import { mutants } from "../lib/dst/mutants/catalog.ts";
import { type RawMutantsOptions, readMutantsOptions } from "./dst_mutants_options.ts";
import { runCommand } from "./run_command.ts";

const usual: RawMutantsOptions = { only: [], maxSeeds: "1000", controlSeeds: "50" };

Deno.test("without options all bugs are hunted that nothing makes up for, and no plan is made smaller", () => {
  const unmasked = mutants.filter(({ masked, elusive }) => (masked ?? elusive) === undefined);
  assert.ok(unmasked.length >= 25 && unmasked.length < mutants.length);
  assert.deepEqual(readMutantsOptions(usual, mutants), {
    listed: mutants,
    chosen: unmasked,
    maxSeeds: 1_000,
    controlSeeds: 50,
    shrinkTime: undefined,
  });
});

Deno.test("plans are made smaller for as long as is said, or for the usual time", () => {
  const timeOf = (more: Partial<RawMutantsOptions>) =>
    readMutantsOptions({ ...usual, ...more }, mutants).shrinkTime;
  assert.equal(timeOf({ shrink: true }), "60s");
  assert.equal(timeOf({ shrink: true, shrinkTime: "2m" }), "2m");
});

Deno.test("only those that are named", () => {
  const only = ["no-cooldown"];
  const { chosen } = readMutantsOptions({ ...usual, only }, mutants);
  assert.deepEqual(chosen.map(({ name }) => name), only);
  const masked = mutants.find((mutant) => mutant.masked !== undefined)!;
  const named = readMutantsOptions({ ...usual, only: [masked.name] }, mutants);
  assert.deepEqual(named.chosen, [masked]);
});

Deno.test("only those that a suite is to show", () => {
  const bus = readMutantsOptions({ ...usual, suite: "bus" }, mutants).listed;
  assert.ok(bus.length >= 20 && bus.every(({ workload }) => workload?.startsWith("bus-")));
  const core = readMutantsOptions({ ...usual, suite: "core" }, mutants).listed;
  assert.equal(core.length + bus.length, mutants.length);
});

const mistakes: [Partial<RawMutantsOptions>, RegExp, RegExp][] = [
  [{ suite: "bsu" }, /^there is no suite "bsu"$/, /^there are: core, bus$/],
  [{ shrinkTime: "5s" }, /^--shrink-time does nothing without --shrink$/, /^add --shrink$/],
  [{ shrink: true, shrinkTime: "soon" }, /^--shrink-time needs a duration .*"soon"$/, /--help/],
  [{ only: ["no-such"] }, /^there is no mutant "no-such"$/, /--list/],
  [{ maxSeeds: "0" }, /^--max-seeds needs a whole number from 1 to .*"0"$/, /--help/],
  [{ controlSeeds: "" }, /^--control-seeds needs a whole number from 0 to .*""$/, /--help/],
];
for (const [more, message, hint] of mistakes) {
  Deno.test(`a mistake is one clear message with a hint: ${JSON.stringify(more)}`, () => {
    assert.throws(() => readMutantsOptions({ ...usual, ...more }, mutants), (error) => {
      assert.ok(error instanceof PartiError);
      assert.equal(error.code, "PARTI_INVALID_CONFIG");
      assert.match(error.message, message);
      assert.match(error.hint ?? "", hint);
      return true;
    });
  });
}

Deno.test("the program says it and ends with exit code 3, before it hunts anything", async () => {
  const file = new URL("dst_mutants.ts", import.meta.url).pathname;
  const args = ["run", "--quiet", "--no-check", "--allow-all", file, "--shrink-time", "5s"];
  const { code, stdout, stderr } = await runCommand(Deno.execPath(), args);
  assert.equal(code, 3, stdout + stderr);
  assert.equal(stdout, "");
  assert.equal(
    stderr,
    "error: --shrink-time does nothing without --shrink\nhint: add --shrink\n",
  );
});
