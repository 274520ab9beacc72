/**
 * What a page says in words and tables.
 *
 * @module
 */
import { unitOf } from "../config/figures.ts";
import { formatDuration } from "../config/units.ts";
import { isOverloaded, stolenText } from "../measure/machine_load.ts";
import { brokenBy, INVARIANTS } from "../report/invariants.ts";
import type { SimReport, Verdict } from "../report/report.ts";
import { isJudged, type ThresholdResult } from "../report/thresholds.ts";
import { commandText } from "./command.ts";
import { type Html, html } from "./html.ts";
import { table } from "./table.ts";

/** The verdict as it stands in a heading. */
export const VERDICTS: Readonly<Record<Verdict, string>> = {
  pass: "✓ Pass",
  fail: "✕ Fail",
  unknown: "? Could not verify",
};

const PASSED = "No message was lost, repeated or reordered, and no partition had two owners.";

/**
 * The verdict with its reasons, and the main figures.
 *
 * @param report the report
 */
export function verdictSection(report: SimReport): Html {
  const { verdict, reasons, fault } = report;
  return html`
    <section class="verdict ${verdict}" aria-labelledby="verdict">
      <h2 id="verdict">${VERDICTS[verdict]}</h2>
      ${reasons.length === 0 ? html`<p>${PASSED}</p>` : html`
        <ul>
          ${reasons.map((reason) => html`<li>${reason}</li>`)}
        </ul>
      `}
      ${fault !== null && html`<p>A defect was planted on purpose: ${fault}.</p>`}
    </section>
    ${tiles(report)}
  `;
}

function tiles(report: SimReport): Html {
  const { messages, moves, chaos, ownership } = report;
  const gaps = messages.lost + messages.undelivered;
  const happened = chaos.filter(({ skipped }) => skipped === undefined).length;
  const all: [string, string, boolean?][] = [
    ["Sent", count(messages.sent)],
    ["Received", count(messages.received)],
    ["Gaps", count(gaps), gaps > 0],
    ["Duplicates", count(messages.duplicateEffects), messages.duplicateEffects > 0],
    ["Out of order", count(messages.outOfOrder), messages.outOfOrder > 0],
    ["Mixed-up owners", count(ownership.interleavings), ownership.interleavings > 0],
    ["Throughput", `${count(messages.perSecond)} msg/s`],
    ["Latency p99", ms(report.latencyMs.p99)],
    ["Recovery p99", ms(report.recoveryMs.p99)],
    ["Handoff p99", ms(report.handoffMs.p99)],
    ["Chaos events", count(happened)],
    ["Moves (had to)", `${count(moves.total)} (${count(moves.needed)})`],
  ];
  return html`
    <dl class="tiles">
      ${all.map(([name, value, bad]) =>
        html`
          <div>
            <dt>${name}</dt>
            <dd class="${bad === true && "bad"}">${value}</dd>
          </div>
        `
      )}
    </dl>
  `;
}

/**
 * The thresholds of the configuration, and what holds for every run.
 *
 * @param report the report
 */
export function limitsSection(report: SimReport): Html {
  const promises = INVARIANTS.map((invariant) => {
    const broken = brokenBy(invariant, report);
    return [
      broken === undefined ? mark("pass", "kept") : mark("fail", "broken"),
      invariant.promise,
      broken ?? "",
    ];
  });
  const thresholds = report.thresholds.map((result) => {
    const { threshold, figure, actual, endedRun } = result;
    return [
      thresholdMark(result, report),
      html`${threshold}${
        endedRun === true && html`
          <span class="muted">(ended the run)</span>
        `
      }`,
      actual === null ? "nothing to measure" : `${count(actual)} ${unitOf(figure)}`.trimEnd(),
    ];
  });
  return html`
    <section aria-labelledby="limits">
      <h2 id="limits">Thresholds and promises</h2>
      <div class="two">
        ${thresholds.length === 0
          ? html`<p class="muted">No thresholds were set.</p>`
          : table("Thresholds", ["", "Threshold", "Measured:number"], thresholds)}
        ${table("Promises", ["", "Promise", "Found:text"], promises)}
      </div>
    </section>
  `;
}

function thresholdMark(result: ThresholdResult, report: SimReport): Html {
  if (result.actual === null) return mark("unknown", "unmeasured");
  if (result.holds) return mark("pass", "holds");
  return isJudged(result, report) ? mark("fail", "fails") : mark("unknown", "not judged");
}

function mark(kind: Verdict, text: string): Html {
  return html`<span class="mark ${kind}">${text}</span>`;
}

/**
 * The chaos events.
 *
 * @param report the report
 */
export function chaosSection({ chaos }: SimReport): Html {
  const rows = chaos.map(({ number, atMs, type, target, recoveredMs, moves, skipped }) => [
    number,
    formatDuration(atMs),
    type,
    skipped === undefined ? target : html`<span class="muted">skipped: ${skipped}</span>`,
    skipped !== undefined ? "" : recoveredMs === null ? "not seen" : ms(recoveredMs),
    skipped === undefined ? count(moves.total) : "",
    skipped === undefined ? count(moves.needed) : "",
  ]);
  const heads = ["#:number", "After:number", "Event", "Target:text", "All well after:number"];
  return html`
    <section aria-labelledby="chaos">
      <h2 id="chaos">Chaos</h2>
      ${rows.length === 0
        ? html`<p class="muted">Nothing was made to go wrong.</p>`
        : table("Chaos events", [...heads, "Moves:number", "had to:number"], rows)}
    </section>
  `;
}

/**
 * Every worker process.
 *
 * @param report the report
 */
export function workersSection({ workers }: SimReport): Html {
  const rows = workers
    .toSorted((a, b) => a.process.localeCompare(b.process, "en", { numeric: true }))
    .map(({ id, process, pid, rssBytes, partitions, handled }) => [
      ...[process, id, pid, count(partitions), count(handled)],
      rssBytes === 0 ? "—" : `${count(Math.round(rssBytes / 1e6))} MB`,
    ]);
  const heads = ["Process", "Stable ID", "PID:number", "Partitions in the end:number"];
  return html`
    <section aria-labelledby="workers">
      <h2 id="workers">Workers</h2>
      ${table("Workers", [...heads, "Messages handled:number", "Memory at last:number"], rows)}
    </section>
  `;
}

/**
 * What is wrong, written out, and what was slowest: each only where there is something.
 *
 * @param report the report
 */
export function detailsSection({ defects, incidents, slowest }: SimReport): Html {
  const slow = Object.entries(slowest).flatMap(([what, items]) =>
    items.map(({ ms: durationMs, atMs, partition, who }) => [
      what,
      `${durationMs} ms`,
      partition,
      who,
      new Date(atMs).toISOString().slice(11, 23),
    ])
  );
  const wrong = defects.map(({ kind, partition, detail }) => [
    kind,
    partition < 0 ? "—" : partition,
    detail,
  ]);
  return html`
    ${wrong.length > 0 && html`
      <section aria-labelledby="defects">
        <h2 id="defects">Defects</h2>
        ${table("Defects", ["Kind", "Partition:number", "What:text"], wrong)}
      </section>
    `}${incidents.length > 0 && html`
      <section aria-labelledby="incidents">
        <h2 id="incidents">Incidents</h2>
        <ul>${incidents.map((incident) => html`<li>${incident}</li>`)}</ul>
      </section>
    `}${slow.length > 0 && html`
      <section aria-labelledby="slowest">
        <h2 id="slowest">The slowest</h2>
        ${table("The slowest", [
          ...["What", "Duration:number", "Partition:number", "Who:text", "Ended (UTC):number"],
        ], slow)}
      </section>
    `}
  `;
}

/**
 * Where it ran, and how to have it again.
 *
 * @param report the report
 */
export function runSection(report: SimReport): Html {
  const { machine } = report;
  const loads = [
    `load average ${machine.loadAverageBefore} before`,
    `at most ${machine.loadAverageHighest}`,
    `${machine.loadAverageAfter} after`,
  ].join(", ") + stolenText(machine);
  const facts: [string, string | number][] = [
    ["Machine", `${machine.cpus} CPUs, ${loads}`],
    ["nats-server", report.natsServerVersion],
    ["Started", report.startedAt],
    ["Duration", formatDuration(report.durationMs)],
    ["Run", report.runId],
    ["Seed", report.seed],
    ["Configuration", report.configFile],
    ["Partitions", count(report.partitions)],
    ["Strategy", report.balance.strategy],
    ["Highest load over the mean", report.balance.maxOverMean ?? "not reached"],
  ];
  return html`
    <section aria-labelledby="run">
      <h2 id="run">The run, and how to have it again</h2>
      ${isOverloaded(machine) && html`
        <p>The machine had too much to do: times say as much of it as of the group.</p>
      `}
      <dl class="facts">${facts.map(([name, value]) =>
        html`
          <dt>${name}</dt>
          <dd>${value}</dd>
        `
      )}</dl>
      <p>The same choices again, from the repository (a compiled program is called
        <code>parti</code> instead of <code>deno task</code>):</p>
      <pre tabindex="0" aria-label="The command">${commandText(report)}</pre>
    </section>
  `;
}

function count(value: number): string {
  return value.toLocaleString("en");
}

function ms(value: number | null): string {
  return value === null ? "—" : `${value.toLocaleString("en")} ms`;
}
