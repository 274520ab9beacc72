import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { runCommand } from "../../tasks/run_command.ts";
import {
  commitOf,
  cpuModelOf,
  describeMachine,
  machineDifferences,
  machineText,
} from "./machine.ts";

const MACHINE = {
  ...{ cpuModel: "Example CPU", cpus: 2, memoryBytes: 8 * 1_024 ** 3, platform: "linux x86_64" },
  ...{ denoVersion: "2.9.6", natsServerVersion: "2.15.1" },
};

Deno.test("machine: this one is described, and is the same as itself", async () => {
  const here = await describeMachine("2.15.1");
  assert.equal(here.cpus, navigator.hardwareConcurrency);
  assert.ok(here.memoryBytes > 1e8);
  assert.deepEqual(machineDifferences(here, await describeMachine(undefined)), []);
});

Deno.test("machine: other processors or memory are another machine, other versions are not", () => {
  const other = { ...MACHINE, cpus: 8, cpuModel: "Other CPU", memoryBytes: 16 * 1_024 ** 3 };
  assert.deepEqual(machineDifferences(MACHINE, other), [
    "processor: Example CPU and Other CPU",
    "number of processors: 2 and 8",
    "memory: 8.0 GB and 16.0 GB",
  ]);
  const newer = { ...MACHINE, denoVersion: "3.0.0", natsServerVersion: "2.16.0" };
  assert.deepEqual(machineDifferences(MACHINE, { ...newer, memoryBytes: 8.1 * 1_024 ** 3 }), []);
});

Deno.test("machine: one line tells all of it", () => {
  assert.equal(
    machineText(MACHINE),
    "2 × Example CPU, 8.0 GB, linux x86_64, Deno 2.9.6, nats-server 2.15.1",
  );
});

Deno.test("machine: planted: the commit is known in a folder whose name has a space, too", async () => {
  using temp = new TempDir();
  const folder = `${temp.path}/my work`;
  const file = temp.write("my work/stress/results/machine.ts", "");
  const git = (...args: string[]) => runCommand("git", ["-C", folder, ...args]);
  await git("init", "--quiet");
  await git("add", ".");
  const who = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
  await git(...who, "-c", "commit.gpgsign=false", "commit", "--quiet", "-m", "one");
  assert.match(await commitOf(pathToFileURL(file).href), /^[0-9a-f]{7,}$/);
});

Deno.test("machine: planted: processors without a model name are told apart, too", () => {
  assert.equal(cpuModelOf("processor\t: 0\nmodel name\t: Some Xeon\n"), "Some Xeon");
  const arm = (part: string) =>
    cpuModelOf(
      `processor\t: 0\nCPU implementer\t: 0x41\nCPU variant\t: 0x3\nCPU part\t: ${part}\n`,
    );
  assert.equal(arm("0xd0c"), "ARM 0x41 0xd0c");
  assert.notEqual(arm("0xd0c"), arm("0xd40"));
  assert.equal(cpuModelOf("processor\t: 0\n"), "");
});
