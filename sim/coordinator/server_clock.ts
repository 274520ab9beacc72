/**
 * By how much the clock of somebody else's server is off. Effects are stamped by it.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { PartiError } from "../../lib/errors.ts";
import { skewOf } from "../host/clock_skew.ts";
import type { ClockSkew } from "../wire/host_wire.ts";

/** So often it is asked; the quickest answer says it best. */
const QUESTIONS = 5;

/**
 * Asks for it: a stream's description says when it was made (nats-server 2.10 and later).
 *
 * @param nc the connection
 * @param stream a stream there
 * @returns how much the server's clock is ahead of ours
 * @throws {PartiError} `PARTI_REFUSED` if it does not say so
 */
export async function serverSkew(
  nc: Pick<NatsConnection, "request">,
  stream: string,
): Promise<ClockSkew> {
  let best: ClockSkew | undefined;
  for (let n = 0; n < QUESTIONS; n++) {
    const askedMs = Date.now();
    const answer = await nc.request(`$JS.API.STREAM.INFO.${stream}`);
    const heardMs = Date.now();
    const { ts = "" } = answer.json<{ ts?: string }>();
    const answeredMs = Date.parse(ts);
    if (Number.isNaN(answeredMs)) {
      throw new PartiError("PARTI_REFUSED", "the server does not say what time it has", {
        value: ts,
      });
    }
    const skew = skewOf(askedMs, answeredMs, heardMs);
    if (best === undefined || skew.errorMs < best.errorMs) best = skew;
  }
  return best!;
}
