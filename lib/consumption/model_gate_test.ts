/**
 * For tests: what a session does for a member of a model team — a gate that shuts with the connection, and a lease that is in force for as
 * long as the leader does not take the member for dead. Holds no test.
 *
 * @module
 */
import { ConnectionGate } from "../session/connection_gate.ts";
import type { ModelMember } from "./model_team_test.ts";
import type { ModelClient } from "./model_client_test.ts";

/** A gate over a connection. Back from a cut, a member that was evicted is fenced. */
export function modelGate(
  client: ModelClient,
  graceMs: number,
  member: () => ModelMember,
): ConnectionGate {
  const { clock, messaging } = client.world;
  const end = new AbortController();
  const gate = new ConnectionGate({
    clock,
    messaging,
    confirm: () => {
      if (member().alive) return Promise.resolve(true);
      member().consumer.fence("evicted");
      end.abort();
      return Promise.resolve(false);
    },
    graceMs,
    onAway: () => member().consumer.interrupt("the connection is away"),
    signal: end.signal,
  });
  messaging.onStatus((status) => {
    if (status === "reconnected") void gate.reopen();
    else gate.shut();
  });
  return gate;
}
