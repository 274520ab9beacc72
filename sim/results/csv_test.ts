import assert from "node:assert/strict";
import { chaosCsv, seriesCsv } from "./csv.ts";
import { syntheticRun } from "./synthetic_rig_test.ts";

Deno.test("chaos: a head, a row for each event, quotes where they are needed, nothing for null", () => {
  const moves = { total: 3, needed: 2 };
  const first = { number: 1, recoveredMs: null, wholeMs: null, moves };
  const text = chaosCsv([
    {
      ...first,
      atMs: 10,
      type: "worker_crash",
      target: "worker-1",
      recoveredMs: 300,
      wholeMs: 400,
    },
    { ...first, number: 2, atMs: 20, type: "slow_worker", target: 'a, "b"\r\nc', failed: "never" },
    { ...first, number: 3, atMs: 30, type: "leader_pause", target: "", skipped: "nobody leads" },
  ]);
  assert.equal(
    text,
    "number,at_ms,type,target,recovered_ms,whole_ms,moves_total,moves_needed,skipped,failed\r\n" +
      "1,10,worker_crash,worker-1,300,400,3,2,,\r\n" +
      '2,20,slow_worker,"a, ""b""\r\nc",,,3,2,,never\r\n' +
      "3,30,leader_pause,,,,3,2,nobody leads,\r\n",
  );
});

Deno.test("series: a row for each sample, from the beginning of the load", () => {
  const { series } = syntheticRun();
  const lines = seriesCsv(series).split("\r\n");
  assert.equal(lines.pop(), "");
  assert.equal(
    lines[0],
    "until_ms,sent,handled,latency_p50_ms,latency_p99_ms,waiting,stable,workers,moves,defects," +
      "gaps,rss_bytes,mean_rss_bytes,largest_rss_bytes,coordinator_rss_bytes,server_rss_bytes",
  );
  assert.equal(lines.length, series.samples.untilMs.length + 1);
  assert.equal(lines[1], "-2000,0,0,,,1,3,3,0,0,0,270100000,90000000,100000000,200000000,50000000");
  const { serverRssBytes: _, ...older } = series.samples;
  const rows = seriesCsv({ ...series, samples: older as typeof series.samples }).split("\r\n");
  assert.equal(rows[1], lines[1]!.replace(/50000000$/, ""), "a file of before lacks it");
  assert.match(lines[4]!, /^1000,1\d,1\d,8\.1,/);
});
