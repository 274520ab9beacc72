/**
 * What `parti sim --mode worker` and `--mode producer` do: host processes for a coordinator that is somewhere else.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { isPartiError } from "../../lib/errors.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import { exitCodes } from "../../tasks/exit_codes.ts";
import { interruptible } from "../../tasks/interruptible.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import { urlsOf } from "../config/nats_section.ts";
import { HostAgent } from "../host/host_agent.ts";
import { LocalHost } from "../host/local_host.ts";
import type { SimConsole } from "../console/status_line.ts";
import { pauseFor } from "../run/wait.ts";
import { type Access, connectionOptionsOf, type RunAccess } from "../wire/access.ts";
import type { Role } from "../wire/wire.ts";
import { openLogs } from "./open_logs.ts";

/**
 * Runs this process as a host.
 *
 * @param config the configuration: the server, and the simulation's name
 * @param role what its processes do
 * @param indexes their numbers
 * @param access who they are to the servers
 * @param console where it is said
 * @param out the folder for its logs; it keeps none if left out
 * @returns the exit code: 0 once the run is over, 2 if it was interrupted before
 * @throws {PartiError} if the coordinator does not want it
 */
export async function runHost(
  config: SimulationConfig,
  role: Role,
  indexes: readonly number[],
  access: RunAccess,
  console: SimConsole,
  out?: string,
): Promise<number> {
  using logs = out === undefined ? undefined : openLogs(out, config, console, `host-${role}`);
  const { nats: { url }, simulation: { name } } = config;
  console.log("INFO", `Host of ${indexes.map((index) => `${role}-${index}`).join(", ")}`);
  console.log("INFO", `Looking for a coordinator at ${url}`);
  using interrupt = interruptible(() => console.log("WARN", "Interrupted: stopping everything"));
  const { signal } = interrupt;
  const nc = await connectSoon(url, role, access[role], signal);
  if (nc === undefined) return exitCodes.unknown;
  try {
    const agent = new HostAgent({
      world: natsWorld(nc),
      simulation: name,
      natsUrl: url,
      ...{ role, indexes, signal },
      local: new LocalHost(access, logs),
      say: (line) => console.log("INFO", line),
    });
    await agent.run();
    if (!signal.aborted) console.log("INFO", "The run is over");
    return signal.aborted ? exitCodes.unknown : exitCodes.pass;
  } finally {
    await nc.close();
  }
}

const RETRY_MS = 1_000;

/** In any order: the server may be the coordinator's and come with it. */
async function connectSoon(
  url: string,
  role: Role,
  access: Access,
  signal: AbortSignal,
): Promise<NatsConnection | undefined> {
  while (!signal.aborted) {
    try {
      return await connectNats({
        ...connectionOptionsOf(access),
        servers: urlsOf(url),
        name: `host of ${role}s`,
      });
    } catch (error) {
      if (!isPartiError(error, "PARTI_DISCONNECTED")) throw error;
      await pauseFor(RETRY_MS, signal);
    }
  }
  return undefined;
}
