/**
 * The result as build servers read it: a test case for each promise and each threshold.
 *
 * @module
 */
import { unitOf } from "../config/figures.ts";
import { brokenBy, type Invariant, INVARIANTS } from "../report/invariants.ts";
import type { SimReport } from "../report/report.ts";
import { describeFailed, isJudged, type ThresholdResult } from "../report/thresholds.ts";

/** What came of a case. */
interface Case {
  readonly group: string;
  readonly name: string;
  /** `error` is what could not be verified. */
  readonly outcome: "passed" | "failure" | "error" | "skipped";
  readonly message?: string;
  readonly details?: readonly string[];
}

/**
 * Writes the result.
 *
 * @param report the report
 * @returns the text of `report.junit.xml`
 */
export function junitXml(report: SimReport): string {
  const cases = [
    verifiable(report),
    ...INVARIANTS.map((invariant) => kept(invariant, report)),
    nothingElse(report),
    ...report.thresholds.map((result) => keptTo(result, report)),
  ];
  const count = (outcome: Case["outcome"]) =>
    cases.filter((each) => each.outcome === outcome).length;
  const attributes = attributesText({
    ...{ tests: cases.length, failures: count("failure"), errors: count("error") },
    ...{ skipped: count("skipped"), time: report.durationMs / 1_000 },
  });
  const properties = Object.entries({
    ...{ verdict: report.verdict, runId: report.runId, seed: report.seed },
    ...{ configFile: report.configFile, natsServer: report.natsServerVersion },
  }).map(([name, value]) => `      <property${attributesText({ name, value })}/>`);
  const timestamp = report.startedAt.replace(/\.\d+Z$/, "Z");
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="parti sim"${attributes}>`,
    `  <testsuite name="parti sim"${attributes}${attributesText({ timestamp })}>`,
    "    <properties>",
    ...properties,
    "    </properties>",
    ...cases.flatMap(caseLines),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function verifiable({ verdict, reasons }: SimReport): Case {
  const what = { group: "run", name: "the run could be verified" };
  if (verdict !== "unknown") return { ...what, outcome: "passed" };
  return { ...what, outcome: "error", message: reasons[0] ?? "unknown", details: reasons };
}

function kept(invariant: Invariant, report: SimReport): Case {
  const what = { group: "promise", name: invariant.promise };
  const message = brokenBy(invariant, report);
  if (message === undefined) return { ...what, outcome: "passed" };
  const details = report.defects.filter(({ kind }) => kind === invariant.kind)
    .map(({ partition, detail }) => (partition < 0 ? detail : `partition ${partition}: ${detail}`));
  return { ...what, outcome: "failure", message, details };
}

function nothingElse({ incidents }: SimReport): Case {
  const what = { group: "promise", name: "nothing else went wrong" };
  const [message] = incidents;
  if (message === undefined) return { ...what, outcome: "passed" };
  return { ...what, outcome: "failure", message, details: incidents };
}

function keptTo(result: ThresholdResult, report: SimReport): Case {
  const what = { group: "threshold", name: result.threshold };
  if (result.actual === null) {
    return { ...what, outcome: "skipped", message: "there was nothing to measure" };
  }
  if (result.holds) {
    return { ...what, outcome: "passed", details: [`${result.actual}${unitOf(result.figure)}`] };
  }
  const message = describeFailed(result);
  if (!isJudged(result, report)) {
    return { ...what, outcome: "skipped", message: `not judged; ${message}` };
  }
  return { ...what, outcome: report.verdict === "unknown" ? "error" : "failure", message };
}

function caseLines({ group, name, outcome, message, details = [] }: Case): string[] {
  const head = `    <testcase${attributesText({ classname: `parti.sim.${group}`, name, time: 0 })}`;
  const body = details.map(escaped).join("\n");
  if (outcome === "passed") {
    return body === "" ? [`${head}/>`] : [
      `${head}>`,
      `      <system-out>${body}</system-out>`,
      "    </testcase>",
    ];
  }
  const attributes = attributesText({
    ...(message === undefined ? {} : { message }),
    ...(outcome === "skipped" ? {} : { type: outcome }),
  });
  return [`${head}>`, `      <${outcome}${attributes}>${body}</${outcome}>`, "    </testcase>"];
}

function attributesText(attributes: Readonly<Record<string, string | number>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** XML has no way to write most control characters: they are shown as unknown ones. */
function escaped(text: string): string {
  return text.toWellFormed()
    // deno-lint-ignore no-control-regex -- these are the ones
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
    .replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign]!);
}
