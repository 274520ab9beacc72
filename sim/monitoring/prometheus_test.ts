import assert from "node:assert/strict";
import { pickFreePort } from "../../tasks/free_port.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { until } from "../../tasks/until.ts";
import { sim, SMALL } from "../cli/sim_rig_test.ts";
import { ALERTS, alertsYaml } from "./alerts.ts";
import { LIBRARY_DASHBOARD } from "./library_dashboard.ts";
import { HOW_TO_INSTALL, isInstalled, promtool, TestPrometheus } from "./prometheus_rig_test.ts";
import { SIMULATION_DASHBOARD } from "./simulation_dashboard.ts";

const isThere = isInstalled("prometheus") && isInstalled("promtool");

/** A test that is left out, and says why, where there is no Prometheus. */
function withPrometheus(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: isThere ? name : `${name} (${HOW_TO_INSTALL})`, ignore: !isThere, fn });
}

/**
 * Everything that a panel or a rule can show happens: kills, planned moves, a pause. So far apart that whoever is hit has got its
 * partitions back, also on a machine that is busy.
 */
const EVENTS = [
  "{ at: 4s, event: worker_crash, down: 2s }",
  "{ at: 11s, event: worker_restart }",
  "{ at: 17s, event: worker_pause, down: 15s }",
];

const SETS = [
  ...["workers.count=4", "partitions.count=40", "chaos.enabled=true", "chaos.events=[]"],
  `chaos.timeline=[${EVENTS}]`,
];

withPrometheus("every panel and every alert finds its data in a real Prometheus", async () => {
  using temp = new TempDir();
  const port = pickFreePort();
  await using prometheus = await TestPrometheus.start(temp.path, port);
  const fromMs = Date.now();
  const metrics = `metrics.prometheus={ enabled: true, port: ${port} }`;
  const run = sim(
    ...SMALL,
    ...["--duration", "34s"],
    ...[...SETS, metrics].flatMap((set) => ["--set", set]),
  );
  let text = "";
  await until("the run is under load", async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
    text = await answer?.text() ?? "";
    return text.includes('simulation_phase{phase="load"} 1');
  }, 60_000);
  const checked = await promtool(text, "check", "metrics");
  const { code, stdout, stderr, report } = await run;
  assert.equal(code, 0, stdout + stderr);
  assert.deepEqual(checked, { code: 0, output: "" });

  const asked = [SIMULATION_DASHBOARD, LIBRARY_DASHBOARD].flatMap(({ panels, marks }) => {
    const queries = panels.flatMap((panel) =>
      panel.queries.map(({ expr }) => [panel.title, expr] as const)
    );
    return marks === undefined ? queries : [...queries, [marks.name, marks.expr] as const];
  });
  asked.push(...ALERTS.map(({ name, value }) => [name, value] as const));
  const durations = [
    ["simulation_recovery", report!.recoveryMs.count],
    ["simulation_takeover", report!.takeoverMs.count],
    ["simulation_handoff", report!.handoffMs.count],
  ] as const;
  const empty: string[] = [];
  for (const [what, expr] of asked) {
    const series = await prometheus.range(expr.replaceAll("$__rate_interval", "10s"), fromMs);
    const hasNumbers = series.some(({ values }) =>
      values.some(([, value]) => Number.isFinite(Number(value)))
    );
    // A percentile of nothing is no number. What happened is the run's to say: on a busy machine a victim may have had nothing.
    const mayBeNaN = durations.some(([metric, count]) => count === 0 && expr.includes(metric));
    if (series.length === 0 || !(hasNumbers || mayBeNaN)) empty.push(`${what}: ${expr}`);
  }
  assert.deepEqual(empty, [], JSON.stringify(report!.chaos));

  // What was scraped last is what the report says, but for the last moments.
  const [sent] = await prometheus.range("sum(simulation_messages_sent_total)", fromMs);
  const last = Number(sent!.values.at(-1)![1]);
  assert.ok(last > 0.5 * report!.messages.sent && last <= report!.messages.sent, String(last));

  const rules = await prometheus.rules();
  assert.deepEqual(rules.map(({ name }) => name), ALERTS.map(({ name }) => name));
  for (const rule of rules) assert.equal(rule.health, "ok", `${rule.name}: ${rule.lastError}`);
  const critical = ALERTS.filter(({ severity }) => severity === "critical").map((one) => one.name);
  const firing = rules.filter(({ state }) => state === "firing").map(({ name }) => name);
  assert.deepEqual(firing.filter((name) => critical.includes(name)), []);
});

withPrometheus("the alert rules are right, and fire when they have to", async () => {
  using temp = new TempDir();
  temp.write("alerts.yml", alertsYaml(), 0o644);
  const fires = (alertname: string, summary: string) => ({
    ...{ eval_time: "2m", alertname },
    exp_alerts: [{ exp_labels: { severity: "critical" }, exp_annotations: { summary } }],
  });
  const tests = [{
    interval: "1m",
    input_series: [
      { series: "simulation_message_gaps_total", values: "0 3 3" },
      { series: "simulation_message_duplicates_total", values: "0 0 0" },
      { series: 'parti_is_leader{worker="worker-0"}', values: "1 1 1" },
      { series: 'parti_is_leader{worker="worker-1"}', values: "0 1 1" },
    ],
    alert_rule_test: [
      fires("MessagesLost", "3 messages are lost"),
      fires("NotOneLeader", "2 workers lead"),
      { eval_time: "2m", alertname: "DuplicateEffects", exp_alerts: [] },
    ],
  }];
  const file = temp.write(
    "test.yml",
    JSON.stringify({ rule_files: ["alerts.yml"], tests }),
    0o644,
  );
  const checked = await promtool("", "check", "rules", `${temp.path}/alerts.yml`);
  assert.equal(checked.code, 0, checked.output);
  const tested = await promtool("", "test", "rules", file);
  assert.equal(tested.code, 0, tested.output);
});
