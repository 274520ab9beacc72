/**
 * The folders of the simulation import one way only: what its README says under "Map" is read there and held against the code. And each
 * folder's README names its files.
 */
import assert from "node:assert/strict";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const SIM = fileURLToPath(new URL("../sim", import.meta.url));
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g;

/** The folders, each with the number of its group, from the top down. */
function groupsOf(readme: string): Map<string, number> {
  const text = /^The groups: ([^]*?)\./m.exec(readme)?.[1];
  assert.ok(text, "sim/README.md names the groups");
  const groups = new Map<string, number>();
  text.split("—").forEach((group, at) => {
    for (const [, folder] of group.matchAll(/`(\w+)`/g)) groups.set(folder!, at);
  });
  return groups;
}

/** Imports from one folder of the simulation to another that is not below it, as sentences. */
function wrongImports(file: string, text: string, groups: ReadonlyMap<string, number>): string[] {
  const folderOf = (path: string) => relative(SIM, path).split("/")[0]!;
  const from = folderOf(file);
  return [...text.matchAll(IMPORT)].flatMap(([, target]) => {
    const path = resolve(dirname(file), target!);
    const to = folderOf(path);
    if (to === ".." || to === from) return [];
    const isBelow = (groups.get(to) ?? -1) > (groups.get(from) ?? Infinity);
    return isBelow ? [] : [`${relative(SIM, file)} imports ${relative(SIM, path)}`];
  });
}

async function* sourcesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sourcesIn(path);
    else if (/\.(ts|js)$/.test(name) && !/_test\.ts$/.test(name)) yield path;
  }
}

Deno.test("simulation: every folder is in the map, and imports only from those below it", async () => {
  const groups = groupsOf(await Deno.readTextFile(`${SIM}/README.md`));
  const folders: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(SIM)) if (isDirectory) folders.push(name);
  assert.deepEqual([...groups.keys()].sort(), folders.sort());
  const wrong: string[] = [];
  for await (const file of sourcesIn(SIM)) {
    wrong.push(...wrongImports(file, await Deno.readTextFile(file), groups));
  }
  assert.deepEqual(wrong, []);
});

Deno.test("simulation: planted: an import upwards, and one from beside, are found", () => {
  const groups = groupsOf("The groups: `cli` — `run`, `worker` — `wire`.\n");
  const imports = 'import { a } from "../wire/a.ts";\nimport type { B } from "../worker/b.ts";\n' +
    'const c = await import("../cli/c.ts");\nimport { d } from "./d.ts"; import { e } from "../../lib/e.ts";';
  assert.deepEqual(wrongImports(`${SIM}/run/file.ts`, imports, groups), [
    "run/file.ts imports worker/b.ts",
    "run/file.ts imports cli/c.ts",
  ]);
});

/** Files of a folder that its README does not name. A test beside what it tests needs no words. */
function unnamed(files: readonly string[], readme: string): string[] {
  const known = new Set(files);
  return files.filter((file) => {
    const tested = file.replace(/_test\.ts$/, "");
    const isBeside = tested !== file && [".ts", ".js"].some((end) => known.has(tested + end));
    return !isBeside && file !== "README.md" &&
      !readme.includes(`\`${file}\``) && !readme.includes(`](${file})`);
  });
}

Deno.test("simulation: each folder's README names every file that is in it", async () => {
  const found: string[] = [];
  for await (const { name: folder, isDirectory } of Deno.readDir(SIM)) {
    if (!isDirectory) continue;
    const files: string[] = [];
    for await (const { name, isFile } of Deno.readDir(`${SIM}/${folder}`)) {
      if (isFile) files.push(name);
    }
    const readme = await Deno.readTextFile(`${SIM}/${folder}/README.md`);
    found.push(...unnamed(files, readme).map((file) => `${folder}/${file}`));
  }
  assert.deepEqual(found, []);
});

Deno.test("simulation: planted: files, rigs and tests of their own that no README names are found", () => {
  const files = ["README.md", "a.ts", "a_test.ts", "ab.ts", "rig_test.ts", "whole_test.ts", "T.md"];
  const readme = "| `ab.ts`, `whole_test.ts` | what `a` does ([table](T.md)) |";
  assert.deepEqual(unnamed(files, readme), ["a.ts", "rig_test.ts"]);
});
