import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { RunLogs } from "./run_logs.ts";

const SIZES = { maxBytes: 10_000, maxFiles: 2 };

Deno.test("all incarnations of a name have one file, and what is no log line gets its time", () => {
  using temp = new TempDir();
  const onTrouble = assert.fail;
  using logs = new RunLogs(`${temp.path}/logs`, { ...SIZES, format: "text", onTrouble });
  logs.note("worker-4#1", "INFO", "started");
  logs.output("worker-4#1", "[10:15:30] [INFO] worker-4#1 leads");
  logs.output("worker-4#2", "error: no");
  logs.line("coordinator", "as it is");
  assert.match(
    Deno.readTextFileSync(`${temp.path}/logs/worker-4.log`),
    /^\[[\d:]{8}\] \[INFO\] worker-4#1 started\n\[10:15:30\] \[INFO\] worker-4#1 leads\n\[[\d:]{8}\] \[OUT\] worker-4#2 error: no\n$/,
  );
  assert.equal(Deno.readTextFileSync(`${temp.path}/logs/coordinator.log`), "as it is\n");
});

Deno.test("as JSON every line is an object, whatever a process writes", () => {
  using temp = new TempDir();
  const onTrouble = assert.fail;
  using logs = new RunLogs(temp.path, { ...SIZES, format: "json", onTrouble });
  logs.output("worker-4#1", '{"time":"t","level":"INFO","message":"x"}');
  logs.output("worker-4#1", "at file.ts:3:4");
  const lines = Deno.readTextFileSync(`${temp.path}/worker-4.log`).trimEnd().split("\n");
  const [first, second] = lines.map((line) => JSON.parse(line));
  assert.equal(first.message, "x");
  assert.equal(second.message, "at file.ts:3:4");
  assert.deepEqual([second.level, second.process], ["OUT", "worker-4#1"]);
});

Deno.test("a folder that cannot be written to is said once, and nothing else suffers", () => {
  using temp = new TempDir();
  const file = temp.write("file", "", 0o644);
  const troubles: string[] = [];
  const onTrouble = (what: string) => void troubles.push(what);
  using logs = new RunLogs(`${file}/logs`, { ...SIZES, format: "text", onTrouble });
  for (const name of ["worker-0", "worker-0", "worker-1"]) logs.line(name, "x");
  assert.equal(troubles.length, 1);
  assert.match(troubles[0]!, /^cannot write logs: /);
});
