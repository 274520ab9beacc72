/**
 * Tells the errors of an outage from all others: servers are killed on purpose, and whoever reads from them then asks again.
 *
 * @module
 */
import { JetStreamApiCodes, JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import { errors } from "@nats-io/nats-core";
import { isPartiError, OUTAGE_CODES } from "../../lib/errors.ts";
import { fromClientError, fromJsApiError } from "../../lib/ports/nats/nats_errors.ts";

/** What a server says of a consumer that it cannot go on with, since it or its leader goes. */
const GOING = [
  "consumer deleted",
  "heartbeats missed",
  "idle heartbeats missed",
  "leadership change",
  "no responders",
  "server shutdown",
];

/**
 * Whether an error says only that nobody was there to answer, or went while answering.
 *
 * @param error ours, or the client's
 */
export function isOutage(error: unknown): boolean {
  if (error instanceof errors.RequestError || error instanceof errors.NoRespondersError) {
    return true;
  }
  if (error instanceof errors.ConnectionError) return true;
  // The client's word for "nobody answered"; it does not export the class.
  if (error instanceof Error && error.name === "JetStreamNotEnabled") return isOutage(error.cause);
  if (error instanceof JetStreamApiError) {
    // The reader's consumer is in the memory of one server, and goes with it.
    return error.code === JetStreamApiCodes.ConsumerNotFound ||
      isPartiError(fromJsApiError(error.apiError(), ""), ...OUTAGE_CODES);
  }
  if (error instanceof JetStreamError) {
    const text = error.message.toLowerCase();
    return GOING.some((why) => text.startsWith(why));
  }
  return isPartiError(fromClientError(error, ""), ...OUTAGE_CODES);
}
