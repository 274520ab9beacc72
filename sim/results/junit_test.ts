import assert from "node:assert/strict";
import { judge, type SimReport } from "../report/report.ts";
import { INVARIANTS } from "../report/invariants.ts";
import { junitXml } from "./junit.ts";
import { syntheticReport } from "./synthetic_rig_test.ts";

const cases = (xml: string) => xml.match(/<testcase /g)!.length;

/** A well-formed text: every element that is opened is closed, in order. */
function assertWellFormed(xml: string): void {
  const open: string[] = [];
  const body = xml.replace(/^<\?xml[^>]*\?>/, "");
  for (const [, close, name, empty] of body.matchAll(/<(\/?)([a-z-]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (close === "/") assert.equal(open.pop(), name);
    else if (empty !== "/") open.push(name!);
  }
  assert.deepEqual(open, []);
  assert.doesNotMatch(body.replaceAll(/<\/?[a-z-]+(?:\s[^<>]*?)?\/?>/g, ""), /[<>]/);
  assert.doesNotMatch(body, /&(?!(?:amp|lt|gt|quot|apos);)/);
}

Deno.test("a pass: a case for each promise and each threshold, none failed, unmeasured ones skipped", () => {
  const report = syntheticReport();
  const xml = junitXml(report);
  assertWellFormed(xml);
  assert.equal(cases(xml), 2 + INVARIANTS.length + report.thresholds.length);
  assert.match(xml, /<testsuite name="parti sim" tests="11" failures="0" errors="0" skipped="1"/);
  assert.match(xml, /name="takeoverMs\.p99 &lt;= 5000ms" time="0">\s*<skipped message="there was/);
});

Deno.test("each kind of defect fails its own case, with the reason and what was seen", () => {
  for (const { key, kind, promise } of INVARIANTS) {
    const clean = syntheticReport();
    const messages = { ...clean.messages, ...(key === "interleavings" ? {} : { [key]: 2 }) };
    const ownership = {
      ...clean.ownership,
      interleavings: key === "interleavings" ? 2 : 0,
    };
    const totals = { ...messages, ...ownership, unexplainedRedeliveries: [], holes: 0, unknown: 0 };
    const evidence = { totals, doubts: [], incidents: [], failed: [], machine: clean.machine };
    const report = {
      ...{ ...clean, ...judge(evidence as never), messages, ownership },
      defects: [{ kind, partition: 3, detail: "sequence 9" }],
    };
    const xml = junitXml(report);
    assertWellFormed(xml);
    assert.match(xml, /failures="1"/);
    const failed = new RegExp(
      `name="${promise}" time="0">\\s*<failure message="2 [^"]+" type="failure">partition 3: sequence 9<`,
    );
    assert.match(xml, failed);
  }
});

Deno.test("a threshold that decides the verdict fails; one that does not is not judged", () => {
  const result = {
    ...{ threshold: "latencyMs.p99 <= 5ms", figure: "latencyMs.p99", operator: "<=", limit: 5 },
    ...{ actual: 20, holds: false },
  } as SimReport["thresholds"][number];
  const reason = "threshold failed: latencyMs.p99 <= 5ms, but it is 20ms";
  const of = (changes: Partial<SimReport>) =>
    junitXml(syntheticReport({ thresholds: [result], ...changes }));
  const failed = of({ verdict: "fail", reasons: [reason] });
  assert.match(
    failed,
    /<failure message="threshold failed: latencyMs\.p99 &lt;= 5ms, but it is 20ms"/,
  );
  assert.match(of({ verdict: "unknown", reasons: [reason] }), /errors="2"/);
  assert.match(of({ verdict: "fail", reasons: ["else"] }), /<skipped message="not judged; thresh/);
});

Deno.test("what is said anywhere cannot break the XML", () => {
  const evil = `</failure><script>&"'\u0000\u001b[31m\ud800]]>`;
  const xml = junitXml(syntheticReport({
    ...{ verdict: "fail", reasons: [evil], incidents: [evil], configFile: evil },
  }));
  assertWellFormed(xml);
  assert.ok(!xml.includes("<script>"));
  assert.match(xml, /&lt;script&gt;&amp;&quot;&apos;\ufffd\ufffd\[31m\ufffd\]\]&gt;/);
  assert.ok(xml.isWellFormed());
});
