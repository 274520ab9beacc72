import assert from "node:assert/strict";
import { reset } from "@logtape/logtape";
import { logger } from "../../lib/logging.ts";
import { writeLibraryLog } from "./library_log.ts";

Deno.test("what the library says becomes a log line, from the level on that is asked for", async () => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const process = "worker-4#2";
  try {
    await writeLibraryLog({ format: "text", level: "info", process, write });
    logger("manager").debug("not of interest");
    logger("manager").warn("{worker}: {error}", { worker: "w-4", error: "no" });
    await writeLibraryLog({ format: "json", level: "debug", process, write });
    logger("leadership").debug("looked", { count: 3 });
  } finally {
    await reset();
  }
  assert.equal(lines.length, 2);
  assert.match(lines[0]!, /^\[[\d:]{8}\] \[WARN\] worker-4#2 w-4: no$/);
  const { level, process: who, message, properties } = JSON.parse(lines[1]!);
  assert.deepEqual([level, who, message], ["DEBUG", process, "looked"]);
  assert.deepEqual(properties, { category: "parti.leadership", count: 3 });
});
