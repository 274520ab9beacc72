/** What `lib/dst/README.md` tells people to do does what it says: the driver runs the very file that stands there. */
import assert from "node:assert/strict";
import { TempDir } from "./nats_fakes.ts";
import { spawnSelf } from "./spawn.ts";

const cwd = new URL("..", import.meta.url).pathname;
const readme = await Deno.readTextFile(`${cwd}/lib/dst/README.md`);

/** The blocks of a language in the section on code of one's own, in order. */
function blocks(language: string): string[] {
  const section = /^## Code of your own$(.*?)^## /ms.exec(readme)?.[1] ?? "";
  const fence = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms");
  return [...section.matchAll(fence)].map(([, text]) => text!);
}

const [file, mended] = blocks("ts") as [string, string];
const [hundredSeeds, smallPlan] = blocks("sh").map((line) => line.trim()) as [string, string];
const [found, trace] = blocks("text") as [string, string];

/** The folder of somebody who follows the README; nothing in it belongs to this project. */
class Follower {
  readonly #temp = new TempDir();

  constructor(workloads: string) {
    Deno.writeTextFileSync(`${this.#temp.path}/workloads.ts`, workloads);
  }

  /** Where a file of the README is. */
  pathOf(name: string): string {
    return `${this.#temp.path}/${name}`;
  }

  /** Runs a command of the README and gives what it prints, with the names that the README has. */
  async run(command: string): Promise<{ code: number; stdout: string; stderr: string }> {
    const [deno, task, ...args] = this.#toTemp(command).split(" ");
    assert.deepEqual([deno, task], ["deno", "task"]);
    const permissions = ["--allow-all"];
    const env = { NO_COLOR: "1" };
    const streams = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
    const ran = await spawnSelf(args, { permissions, env, cwd, ...streams }).output();
    const text = (bytes: Uint8Array) =>
      new TextDecoder().decode(bytes).replaceAll(`${this.#temp.path}/`, "");
    return { code: ran.code, stdout: text(ran.stdout), stderr: text(ran.stderr) };
  }

  #toTemp(command: string): string {
    return command.replaceAll(/(?<= )(workloads\.ts|out\/)/g, `${this.#temp.path}/$1`);
  }

  [Symbol.dispose](): void {
    this.#temp[Symbol.dispose]();
  }
}

/** Without the figures that depend on the machine. */
function masked(text: string): string {
  return text
    .replaceAll(/ in [\d.]+m?s\b/g, " in …")
    .replaceAll(/\([\d.]+[kM]?(\/s|× real time)\)/g, "(…$1)")
    .trim();
}

Deno.test("the README's example fails, shrinks and replays exactly as the README shows", async () => {
  using follower = new Follower(file);
  const many = await follower.run(hundredSeeds);
  assert.equal(many.code, 1, many.stderr);
  assert.equal(masked(many.stdout), masked(found));
  const small = await follower.run(smallPlan);
  assert.equal(small.code, 1, small.stderr);
  assert.equal(masked(small.stdout), masked(trace));
  const again = /deno task .* --seed 17 --trace/.exec(many.stdout)?.[0] ?? "";
  const one = await follower.run(again);
  assert.match(one.stdout, /counter, seed 17: fail: assertion "no count is lost" after 9\.6s/);
});

Deno.test("with the mended function of the README it passes, and so does the plan that failed", async () => {
  const add = /^async function add\(.*?^}$/ms;
  const [better] = add.exec(mended) ?? [];
  assert.ok(better !== undefined && add.test(file));
  using follower = new Follower(file.replace(add, () => better));
  const many = await follower.run(hundredSeeds);
  assert.equal(many.code, 0, many.stdout + many.stderr);
  assert.match(many.stdout, /^counter: pass$/m);
  using before = new Follower(file);
  await before.run(hundredSeeds);
  const plan = await Deno.readTextFile(before.pathOf("out/counter/counter-17-small.json"));
  await Deno.writeTextFile(follower.pathOf("out/counter/counter-17-small.json"), plan);
  const small = await follower.run(smallPlan);
  assert.equal(small.code, 0, small.stdout + small.stderr);
});
