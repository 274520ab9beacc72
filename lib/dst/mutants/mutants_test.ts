/** No refactoring disarms a mutant without anybody noticing: what each one replaces is there, and only once. */
import assert from "node:assert/strict";
import { mutants } from "./catalog.ts";
import { type Mutant, occurrences, plant, testOf } from "./mutant.ts";

const root = new URL("../../../", import.meta.url);

Deno.test("every mutant can be planted", async () => {
  const disarmed: string[] = [];
  for (const { name, file, find } of mutants) {
    const count = occurrences(await Deno.readTextFile(new URL(file, root)), find);
    if (count !== 1) disarmed.push(`${name}: ${count} times in ${file}`);
  }
  assert.deepEqual(disarmed, []);
});

Deno.test("mutants have names of their own, say what they are, and change something", () => {
  assert.ok(mutants.length >= 30);
  assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length);
  for (const { name, about, find, replace, file } of mutants) {
    assert.match(name, /^[a-z]+(-[a-z]+)*$/);
    assert.match(about, /^[A-Z].*\.$/);
    assert.match(file, /^lib\/(?!dst\/).*\.ts$/, "the simulation itself is not what is tested");
    assert.notEqual(find, replace);
  }
});

Deno.test("a mutant that is not hunted names the unit test that shows it", async () => {
  const unhunted = mutants.flatMap(({ name, masked, elusive }) => {
    const why = masked ?? elusive;
    return why === undefined ? [] : [{ name, why }];
  });
  assert.ok(unhunted.length < mutants.length / 10, "they are exceptions");
  for (const { name, why } of unhunted) {
    const test = testOf(why);
    assert.ok(test !== undefined, `${name} names no test`);
    const source = await Deno.readTextFile(new URL(test.file, root));
    assert.ok(source.includes(`"${test.name}"`), `${name}: no test "${test.name}" in ${test.file}`);
  }
  assert.equal(testOf("Something else catches it."), undefined);
});

Deno.test("planting replaces what occurs once, and nothing else", () => {
  const mutant: Mutant = { name: "a", about: "A.", file: "a.ts", find: "old", replace: "$& new" };
  assert.equal(plant(mutant, "the old text"), "the $& new text");
  assert.equal(plant(mutant, "the text"), undefined);
  assert.equal(plant(mutant, "old and old"), undefined);
});
