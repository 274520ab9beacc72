import assert from "node:assert/strict";
import { natsTest } from "../../lib/test_support/rig.ts";
import { runOrThrow } from "../../tasks/run_command.ts";
import { Subject } from "./subject_process.ts";

interface Graph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly isDynamic?: boolean;
      readonly code?: { readonly specifier: string };
    }[];
  }[];
}

Deno.test("subject: before it is told what to load it has loaded Deno, the NATS client, and what looks at memory", async () => {
  const subject = new URL("subject.ts", import.meta.url).href;
  const text = await runOrThrow(Deno.execPath(), ["info", "--json", subject]);
  const { modules }: Graph = JSON.parse(text);
  const found = new Set<string>();
  const visit = (specifier: string): void => {
    if (found.has(specifier)) return;
    found.add(specifier);
    const { dependencies = [] } = modules.find((one) => one.specifier === specifier) ?? {};
    for (const { isDynamic, code } of dependencies) {
      if (isDynamic !== true && code !== undefined) visit(code.specifier);
    }
  };
  visit(subject);
  const root = new URL("../..", import.meta.url).href;
  const names = [...found].map((name) => name.replace(root, "").replace(/@[\d.]+.*$/, ""));
  assert.deepEqual(names.sort(), [
    "node:v8",
    "npm:@nats-io/transport-node",
    "stress/child/collected_memory.ts",
    "stress/child/timer_count.ts",
    "stress/memory/subject.ts",
    "tasks/spawn.ts",
  ]);
});

const NOBODY = { workers: 0, partitions: 4, connections: 0, apart: false, fault: null } as const;

async function heapOf(url: string, spec: object, plant = false): Promise<number> {
  await using subject = await Subject.start({ ...NOBODY, url, loads: "client", ...spec });
  if (plant) await subject.ask("plant");
  const { memory } = await subject.ask("look");
  return memory!.heapBytes / 1_048_576;
}

natsTest(
  "subject: the library is in its figures when it is loaded, and planted growth is, too",
  async (rig) => {
    const { url } = rig.server;
    const client = await heapOf(url, {});
    const library = await heapOf(url, { loads: "library" });
    assert.ok(library > client + 1, `${library} MB and ${client} MB`);
    const grown = await heapOf(url, { loads: "library", fault: "memory" }, true);
    const growth = (grown - client) / (library - client) - 1;
    // Two processes differ by some hundredths of the four megabytes of the library.
    assert.ok(growth > 0.11 && growth < 0.19, `${growth}`);
  },
);

natsTest("subject: planted: a process that ends is told, not waited for", async () => {
  const nowhere = "nats://127.0.0.1:1";
  await assert.rejects(
    Subject.start({ ...NOBODY, url: nowhere, loads: "client", connections: 1 }),
    /the measured process ended with code 1/,
  );
});
