import assert from "node:assert/strict";
import { formatEntry, type LogEntry, messageOf, textOf } from "./log_line.ts";

const entry: LogEntry = {
  time: new Date(2026, 0, 1, 10, 15, 30),
  tag: "CHAOS",
  message: "Injecting event: worker_crash (worker-4)",
};

Deno.test("for people a line is in the seeds' style", () => {
  assert.equal(
    formatEntry("text", entry),
    "[10:15:30] [CHAOS] Injecting event: worker_crash (worker-4)",
  );
  assert.equal(
    formatEntry("text", { ...entry, tag: "WARN", process: "worker-4#2", message: "slow" }),
    "[10:15:30] [WARN] worker-4#2 slow",
  );
});

Deno.test("for programs it is one JSON object, with what else is known", () => {
  const properties = { category: "parti.manager", generation: 3, error: new Error("x"), list: [1] };
  const line = formatEntry("json", { ...entry, process: "worker-4#2", properties });
  assert.ok(!line.includes("\n"));
  assert.deepEqual(JSON.parse(line), {
    time: entry.time.toISOString(),
    level: "CHAOS",
    process: "worker-4#2",
    message: entry.message,
    properties: { category: "parti.manager", generation: 3 },
  });
  const message = "two\nlines";
  assert.deepEqual(JSON.parse(formatEntry("json", { ...entry, message })).message, message);
});

Deno.test("a line of either format is known again, and nothing else is", () => {
  for (const format of ["text", "json"] as const) {
    assert.equal(messageOf(formatEntry(format, entry)), entry.message);
  }
  for (const other of ["", "error: no", "{", '{"level":"INFO"}', "[10:15] [INFO] x"]) {
    assert.equal(messageOf(other), undefined, other);
  }
});

Deno.test("messages are texts and values in turn", () => {
  assert.equal(textOf(["took ", 3, " ms: ", new Error("no"), ""]), "took 3 ms: no");
  assert.equal(textOf([{ a: 1 }]), '{"a":1}');
});
