/**
 * The logs of a run, as its configuration wants them.
 *
 * @module
 */
import type { SimulationConfig } from "../config/config_schema.ts";
import type { SimConsole } from "../console/status_line.ts";
import { RunLogs } from "../logs/run_logs.ts";

/**
 * Opens them; what the console says goes there, too.
 *
 * @param out the output folder
 * @param config how they are kept
 * @param console whose lines go there
 * @param name the name under which they do
 * @returns the logs
 */
export function openLogs(
  out: string,
  { logs: { format, max_size: maxBytes, max_files: maxFiles } }: Pick<SimulationConfig, "logs">,
  console: SimConsole,
  name: string,
): RunLogs {
  const onTrouble = (what: string) => console.log("WARN", what);
  const logs = new RunLogs(`${out}/logs`, { format, maxBytes, maxFiles, onTrouble });
  console.alsoTo((line) => logs.line(name, line));
  return logs;
}
