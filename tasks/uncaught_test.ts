import assert from "node:assert/strict";
import { runCommand } from "./run_command.ts";

/** The program's own command, in which something throws that nobody catches. */
function withBug(
  bug: string,
  module: string,
  call: string,
): Promise<{ code: number; stderr: string }> {
  const url = JSON.stringify(new URL(module, import.meta.url).href);
  const code = `import * as it from ${url};
setTimeout(() => { ${bug} }, 100);
await it.${call};`;
  return runCommand(Deno.execPath(), ["eval", "--quiet", "--no-check", code]);
}

const RUN = `runSim({ set: ["simulation.duration=60s", "page.enabled=false"], out: "OUT" })`;

for (
  const [what, bug] of [
    ["throws", "throw new TypeError('planted')"],
    ["rejects", "void Promise.reject(new TypeError('planted'))"],
  ] as const
) {
  Deno.test(`a run in which something ${what} that nobody catches ends with exit code 2: no promise is broken`, async () => {
    const out = await Deno.makeTempDir();
    const call = RUN.replace("OUT", out);
    const { code, stderr } = await withBug(bug, "../sim/cli/sim_command.ts", call);
    await Deno.remove(out, { recursive: true });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^error: nobody has caught this: TypeError: planted\n {4}at /m);
  });
}
