/**
 * The nats-servers that tests run on: the usual one, and one of the oldest line that is supported.
 *
 * @module
 */

import { describeError } from "../lib/errors.ts";
import { note, say } from "./console.ts";
import { ensureNatsServer } from "./nats_server.ts";

/**
 * Finds or fetches both, and says which they are. Tests on 2.10 are left out where there is none.
 *
 * @returns environment variables that tell tests where they are
 * @throws {PartiError} if there is no usual one
 */
export async function provideTestServers(): Promise<Record<string, string>> {
  const server = await ensureNatsServer({ report: note });
  const env: Record<string, string> = { PARTI_NATS_SERVER: server.path };
  say(`nats-server ${server.version} (${server.source})`);
  try {
    const old = await ensureNatsServer({
      binary: Deno.env.get("PARTI_NATS_SERVER_2_10") || undefined,
      versionLine: "2.10",
      // The server named for everything else is not the one wanted here.
      env: (name) => name === "PARTI_NATS_SERVER" ? undefined : Deno.env.get(name) || undefined,
      report: note,
    });
    env["PARTI_NATS_SERVER_2_10"] = old.path;
    say(`nats-server ${old.version} (${old.source})`);
  } catch (error) {
    note(`tests on nats-server 2.10 are left out: ${describeError(error)}`);
  }
  return env;
}
