/**
 * The server's log lies where the server does, and goes with it: what of it is worth keeping is kept with the run's logs.
 *
 * @module
 */
import type { RunLogs } from "../logs/run_logs.ts";
import type { Stage } from "./stage.ts";

const MAX_BYTES = 1_048_576;

/**
 * Keeps the end of it, as the server writes it.
 *
 * @param stage where the server is; somebody else's keeps its log itself
 * @param logs where it goes
 */
export function keepServerLog(
  { server }: Pick<Stage, "server">,
  logs: Pick<RunLogs, "line">,
): void {
  if (server === undefined) return;
  const text = server.logTail(MAX_BYTES).trimEnd();
  for (const line of text.split("\n")) logs.line("nats-server", line);
}
