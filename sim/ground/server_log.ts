/**
 * The server's log lies where the server does, and goes with it: what of it is worth keeping is kept with the run's logs.
 *
 * @module
 */
import type { NatsCluster } from "../../tasks/nats_cluster.ts";
import type { NatsServer } from "../../tasks/nats_launcher.ts";
import type { RunLogs } from "../logs/run_logs.ts";

const MAX_BYTES = 1_048_576;

/**
 * Keeps the end of it, as the server writes it.
 *
 * @param server the server
 * @param logs where it goes
 */
export function keepServerLog(
  server: NatsServer | NatsCluster,
  logs: Pick<RunLogs, "line">,
): void {
  for (const [index, node] of nodesOf(server).entries()) {
    const name = index === 0 ? "nats-server" : `nats-server-${index}`;
    for (const line of node.logTail(MAX_BYTES).trimEnd().split("\n")) logs.line(name, line);
  }
}

function nodesOf(server: NatsServer | NatsCluster): readonly NatsServer[] {
  return "nodes" in server ? server.nodes : [server];
}
