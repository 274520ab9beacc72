/**
 * Connecting, with the settings the library needs and errors a person can act on.
 *
 * @module
 */
import { isPartiError, OUTAGE_CODES, PartiError } from "../../errors.ts";
import { repeatApi } from "./api.ts";
import { capabilitiesOf, OLDEST_SERVER } from "./capabilities.ts";
import type { ConnectionOptions, NatsConnection } from "./client_types.ts";
import { connectError } from "./connect_error.ts";
import { type Link, linkOf } from "./link.ts";
import { errCodeOf } from "./nats_errors.ts";
import { connectTcp } from "./transport.ts";

/** So long a cluster may be without a leader: an election takes 4 to 9 s, and the first one may end in a draw. */
const ELECTION_MS = 20_000;
const RETRY_MS = 250;

/**
 * The client's own settings give up for good after ten attempts and notice a half-open connection after 45 s or more.
 *
 * @returns settings that never give up and notice in 2 to 3 s
 */
export function recommendedConnectionOptions(): ConnectionOptions {
  return {
    pingInterval: 1_000,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 100,
    reconnectJitterTLS: 250,
    timeout: 5_000,
    // A server that restarts may refuse the user twice while it reads its accounts; that must not end the client.
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
  };
}

function serversOf(options: ConnectionOptions): string {
  const { servers } = options;
  if (servers === undefined) return `127.0.0.1:${options.port ?? 4222}`;
  return typeof servers === "string" ? servers : servers.join(", ");
}

/**
 * Connects to a server that can do what the library needs.
 *
 * @param options as the client takes them, on top of {@linkcode recommendedConnectionOptions}
 * @returns the connection
 * @throws {PartiError} `PARTI_DISCONNECTED` if no server can be reached, `PARTI_REFUSED` if it refuses the user, if it and we do
 *   not trust each other's certificates, or if it has no JetStream, `PARTI_SERVER_TOO_OLD`
 */
export async function connectNats(options: ConnectionOptions): Promise<NatsConnection> {
  let nc: NatsConnection;
  try {
    nc = await connectTcp({ ...recommendedConnectionOptions(), ...options });
  } catch (cause) {
    throw connectError(cause, serversOf(options));
  }
  try {
    await checkServer(nc);
    return nc;
  } catch (error) {
    await nc.close();
    throw error;
  }
}

/**
 * Checks that a server can do what the library needs.
 *
 * @param nc a connection to it
 * @throws {PartiError} `PARTI_SERVER_TOO_OLD`, `PARTI_REFUSED` if it has no JetStream for this account
 */
export async function checkServer(nc: NatsConnection): Promise<void> {
  const capabilities = capabilitiesOf(nc.info?.version ?? "");
  if (!capabilities.multiFilter) {
    throw new PartiError("PARTI_SERVER_TOO_OLD", `nats-server ${capabilities.version} is too old`, {
      value: capabilities.version,
      hint: `use nats-server ${OLDEST_SERVER} or newer`,
    });
  }
  try {
    await untilJetStreamAnswers(linkOf(nc));
  } catch (error) {
    if (!isOff(error)) throw error;
    throw new PartiError("PARTI_REFUSED", `JetStream is not enabled at ${nc.getServer()}`, {
      cause: error,
      value: nc.getServer(),
      hint: "start nats-server with -js, and enable JetStream for the account",
    });
  }
}

/** A cluster that is just electing its leader says so, or nothing at all. */
async function untilJetStreamAnswers(link: Link): Promise<void> {
  const deadlineMs = performance.now() + ELECTION_MS;
  for (;;) {
    const leftMs = Math.max(1, deadlineMs - performance.now());
    try {
      return void await repeatApi(link, "INFO", undefined, "ask for JetStream", leftMs);
    } catch (error) {
      const soon = isPartiError(error, ...OUTAGE_CODES) && !isOff(error) && !link.nc.isClosed();
      if (!soon || performance.now() >= deadlineMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function isOff(error: unknown): boolean {
  if (isPartiError(error, "PARTI_REFUSED")) return [10039, 10076].includes(errCodeOf(error.value));
  // With a code it is JetStream that answers, without one there is none.
  return isPartiError(error, "PARTI_NO_RESPONDERS") && errCodeOf(error.value) === 0;
}
