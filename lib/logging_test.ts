import { configure, type LogRecord, reset } from "@logtape/logtape";
import assert from "node:assert/strict";
import { logger } from "./logging.ts";

async function captured(log: () => void): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  await configure({
    sinks: { memory: (record: LogRecord) => void records.push(record) },
    loggers: [
      { category: ["parti"], lowestLevel: "debug", sinks: ["memory"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: [] },
    ],
  });
  try {
    log();
  } finally {
    await reset();
  }
  return records;
}

Deno.test("records carry the category of their area, the level, the message and the properties", async () => {
  const membership = logger("membership", { group: "orders" });
  const records = await captured(() => {
    membership.debug("renewed");
    membership.info("worker {worker} joined", { worker: "worker-3" });
    membership.with({ worker: "worker-4" }).warn("probe missed", { kind: "timeout" });
    logger("consumption").error("handler failed", { error: new Error("no") });
  });
  assert.deepEqual(
    records.map((r) => [r.category.join("."), r.level, r.message.join("")]),
    [
      ["parti.membership", "debug", "renewed"],
      ["parti.membership", "info", "worker worker-3 joined"],
      ["parti.membership", "warning", "probe missed"],
      ["parti.consumption", "error", "handler failed"],
    ],
  );
  assert.deepEqual(records[0]?.properties, { group: "orders" });
  assert.deepEqual(records[1]?.properties, { group: "orders", worker: "worker-3" });
  assert.deepEqual(records[2]?.properties, {
    group: "orders",
    worker: "worker-4",
    kind: "timeout",
  });
  assert.equal((records[3]?.properties["error"] as Error).message, "no");
});

Deno.test("nothing is written until the application configures LogTape", () => {
  const written: unknown[] = [];
  const names = ["debug", "log", "info", "warn", "error"] as const;
  const target = console;
  const originals = names.map((name) => target[name]);
  names.forEach((name) => target[name] = (...data: unknown[]) => void written.push(data));
  try {
    const log = logger("manager");
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
  } finally {
    names.forEach((name, i) => target[name] = originals[i]!);
  }
  assert.deepEqual(written, []);
});
