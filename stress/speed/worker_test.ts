import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { groupControlSubject } from "../../lib/test_support/group_worker.ts";
import { natsTest, until } from "../../lib/test_support/rig.ts";
import { endProgram } from "../../lib/test_support/worker_program.ts";
import { FEED, FEED_TEMPLATE, makeStreams } from "./streams.ts";
import { startWorker } from "./worker.ts";

natsTest(
  "worker: this program is one, under a command that the compiled program has, too",
  async (rig) => {
    const { world } = await rig.connect();
    const spec = { url: rig.server.url, name: "one", partitions: ["a"], workMs: 1 };
    const config = {
      ...{ group: "worker", preset: "fast" as const },
      consumer: { stream: FEED, subjectTemplate: FEED_TEMPLATE },
    };
    await makeStreams(world.feed);
    const { child, isReady } = startWorker({ ...spec, config }, 20_000);
    try {
      await isReady("one");
      await until("it is Stable", async () => {
        const told = await world.messaging.request(
          groupControlSubject("one"),
          new TextEncoder().encode("?"),
          5_000,
        );
        return JSON.parse(new TextDecoder().decode(told)).state === "Stable";
      });
    } finally {
      await endProgram(child);
    }
  },
);

Deno.test("worker: nothing of the suite runs a file, which a compiled program does not have", () => {
  const folder = new URL("../", import.meta.url);
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith("_test.ts"));
  assert.ok(sources.includes("speed/recovery.ts"));
  const found = sources.filter((name) =>
    /Deno\.execPath|startProgram/.test(readFileSync(new URL(name, folder), "utf8"))
  );
  assert.deepEqual(found, []);
});
