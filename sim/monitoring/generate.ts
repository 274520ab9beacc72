/**
 * The files of the stack that are made from code: the dashboards and the alert rules. To write them anew:
 * `deno run --allow-write=sim/monitoring sim/monitoring/generate.ts`.
 *
 * @module
 */
import { alertsYaml } from "./alerts.ts";
import { dashboardJson } from "./grafana.ts";
import { LIBRARY_DASHBOARD } from "./library_dashboard.ts";
import { SIMULATION_DASHBOARD } from "./simulation_dashboard.ts";

/** Where the stack lies. */
export const STACK: URL = new URL("stack/", import.meta.url);

const MADE = "# Made by sim/monitoring/generate.ts from alerts.ts: change it there.\n";

/** The files by their paths in the stack. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const dashboards = [SIMULATION_DASHBOARD, LIBRARY_DASHBOARD].map((dashboard) =>
    [`grafana/dashboards/${dashboard.uid}.json`, dashboardJson(dashboard)] as const
  );
  return new Map([["alerts.yml", MADE + alertsYaml()], ...dashboards]);
}

if (import.meta.main) {
  for (const [path, text] of generatedFiles()) await Deno.writeTextFile(new URL(path, STACK), text);
}
