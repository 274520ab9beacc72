import assert from "node:assert/strict";
import { bytesOf, residentBytes } from "./resident.ts";

Deno.test("resident: the file's kilobytes, nothing of one that has ended", () => {
  assert.equal(bytesOf("Name:\tx\nVmRSS:\t    8192 kB\nRssAnon:\t 1 kB\n"), 8_388_608);
  assert.equal(bytesOf("Name:\tx\nState:\tZ (zombie)\n"), 0);
});

Deno.test({
  name: "resident: this process has about what its runtime says, one that is not there nothing",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const ratio = residentBytes(Deno.pid) / Deno.memoryUsage().rss;
    assert.ok(ratio > 0.8 && ratio < 1.25, String(ratio));
    assert.equal(residentBytes(4_194_305), 0, "above the highest number there can be");
  },
});
