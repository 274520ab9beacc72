import assert from "node:assert/strict";
import { chaosCsv, seriesCsv } from "./csv.ts";
import { syntheticRun } from "./synthetic_rig_test.ts";

Deno.test("chaos: a head, a row for each event, quotes where they are needed, nothing for null", () => {
  const moves = { total: 3, needed: 2 };
  const text = chaosCsv([
    { ...{ atMs: 10, type: "worker_crash", target: "worker-1", recoveredMs: 300 }, moves },
    { ...{ atMs: 20, type: "slow_worker", target: 'a, "b"\r\nc', recoveredMs: null }, moves },
    {
      ...{ atMs: 30, type: "leader_pause", target: "", recoveredMs: null, moves },
      skipped: "nobody leads",
    },
  ]);
  assert.equal(
    text,
    "at_ms,type,target,recovered_ms,moves_total,moves_needed,skipped\r\n" +
      "10,worker_crash,worker-1,300,3,2,\r\n" +
      '20,slow_worker,"a, ""b""\r\nc",,3,2,\r\n' +
      "30,leader_pause,,,3,2,nobody leads\r\n",
  );
});

Deno.test("series: a row for each sample, from the beginning of the load", () => {
  const { series } = syntheticRun();
  const lines = seriesCsv(series).split("\r\n");
  assert.equal(lines.pop(), "");
  assert.equal(
    lines[0],
    "until_ms,sent,handled,latency_p50_ms,latency_p99_ms,waiting,stable,workers,moves,defects," +
      "gaps,rss_bytes",
  );
  assert.equal(lines.length, series.samples.untilMs.length + 1);
  assert.equal(lines[1], "-2000,0,0,,,1,3,3,0,0,0,270100000");
  assert.match(lines[4]!, /^1000,1\d,1\d,8\.1,/);
});
