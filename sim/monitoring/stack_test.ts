import assert from "node:assert/strict";
import { parse } from "yaml";
import * as v from "valibot";
import { CATALOG as LIBRARY } from "../../lib/metrics/catalog.ts";
import { simulationSchema } from "../config/config_schema.ts";
import { CATALOG as SIMULATION } from "../metrics/catalog.ts";
import { ALERTS } from "./alerts.ts";
import { generatedFiles, STACK } from "./generate.ts";
import { DATA_SOURCE } from "./grafana.ts";
import { LIBRARY_DASHBOARD } from "./library_dashboard.ts";
import { SIMULATION_DASHBOARD } from "./simulation_dashboard.ts";

const read = (path: string) => Deno.readTextFile(new URL(path, STACK));

interface Compose {
  readonly services: Record<string, {
    readonly image: string;
    readonly network_mode: string;
    readonly command?: string[];
    readonly environment?: Record<string, string>;
    readonly volumes: string[];
  }>;
  readonly volumes: Record<string, null>;
}

Deno.test("the dashboards and the alert rules are up to date", async () => {
  for (const [path, text] of generatedFiles()) {
    assert.equal(await read(path), text, `${path}: write it anew with generate.ts`);
  }
});

Deno.test("panels have their places, side by side, and each has a title, a description and queries", () => {
  for (const [path, text] of generatedFiles()) {
    if (!path.endsWith(".json")) continue;
    const { panels } = JSON.parse(text);
    const taken = new Set<string>();
    for (const { title, description, gridPos: { x, y, w, h }, targets } of panels) {
      assert.ok(title !== "" && /^[A-Z].*\.$/.test(description), title);
      assert.ok(targets.length > 0 && x + w <= 24, title);
      for (let column = x; column < x + w; column++) {
        for (let row = y; row < y + h; row++) {
          assert.ok(!taken.has(`${column},${row}`), `${title} lies on another panel`);
          taken.add(`${column},${row}`);
        }
      }
    }
  }
});

Deno.test("panels and alerts ask only for metrics that there are", () => {
  const known = new Set([
    ...Object.values(SIMULATION).map(({ name }) => String(name)),
    ...Object.values(LIBRARY).map(({ name }) => `parti_${name}`),
  ]);
  const asked = [
    ...[SIMULATION_DASHBOARD, LIBRARY_DASHBOARD].flatMap(({ panels }) =>
      panels.flatMap(({ queries }) => queries.map(({ expr }) => expr))
    ),
    ...ALERTS.map(({ value }) => value),
  ];
  for (const expr of asked) {
    for (const [name] of expr.matchAll(/\b(simulation|parti|process)_[a-z_]+/g)) {
      assert.ok(known.has(name.replace(/_bucket$/, "")), `${name} in ${expr}`);
    }
  }
});

Deno.test("the stack: all files that are named exist, and everything is on loopback", async () => {
  const compose: Compose = parse(await read("docker-compose.yml"));
  assert.deepEqual(Object.keys(compose.services).sort(), ["grafana", "nats", "prometheus"]);
  for (const [name, { image, network_mode, volumes }] of Object.entries(compose.services)) {
    assert.match(image, /^[a-z/]+:v?\d+\.\d+/, `${name} has a version`);
    assert.equal(network_mode, "host");
    for (const volume of volumes) {
      const [from] = volume.split(":");
      if (from!.startsWith("./")) await Deno.stat(new URL(from!, STACK));
      else assert.ok(from! in compose.volumes, volume);
    }
  }
  const { nats, prometheus, grafana } = compose.services;
  assert.equal(nats!.command![nats!.command!.indexOf("--addr") + 1], "127.0.0.1");
  assert.ok(prometheus!.command!.includes("--web.listen-address=127.0.0.1:9090"));
  assert.equal(grafana!.environment!["GF_SERVER_HTTP_ADDR"], "127.0.0.1");
  const home = grafana!.environment!["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]!;
  await Deno.stat(new URL(`grafana/dashboards/${home.split("/").at(-1)}`, STACK));
});

Deno.test("the stack: each part names the others as they are", async () => {
  const prometheus = parse(await read("prometheus.yml"));
  for (const file of prometheus.rule_files) await Deno.stat(new URL(file, STACK));
  const targets = Object.fromEntries(
    prometheus.scrape_configs.map((
      { job_name, static_configs }: {
        job_name: string;
        static_configs: { targets: string[] }[];
      },
    ) => [job_name, static_configs[0]!.targets[0]]),
  );
  const { port } = v.parse(simulationSchema, {}).metrics.prometheus;
  assert.equal(targets["simulation"], `127.0.0.1:${port}`);
  const sources = parse(await read("grafana/provisioning/datasources/prometheus.yml"));
  const [source] = sources.datasources;
  assert.deepEqual([source.type, source.uid], [DATA_SOURCE.type, DATA_SOURCE.uid]);
  assert.equal(source.url, `http://${targets["prometheus"]}`);
  const { providers: [provider] } = parse(
    await read("grafana/provisioning/dashboards/parti.yml"),
  );
  const compose: Compose = parse(await read("docker-compose.yml"));
  const mounted = compose.services["grafana"]!.volumes.map((volume) => volume.split(":")[1]);
  assert.ok(mounted.includes(provider.options.path));
});
