/**
 * Streams, those of buckets among them: made.
 *
 * @module
 */
import { isPartiError } from "../../errors.ts";
import { callApi } from "./api.ts";
import type { Link } from "./link.ts";
import { errCodeOf } from "./nats_errors.ts";
import { MAX_CONSUMERS, type WireStreamConfig, type WireStreamInfo } from "./wire.ts";

/** The code for a stream that asks for more consumers than its account may have. */
const TOO_MANY_CONSUMERS = 10026;

/**
 * Makes a stream that takes as many consumers as can be.
 *
 * @param link the connection
 * @param config what to make
 * @param what what is tried, for the error
 * @returns the stream
 * @throws {PartiError} `PARTI_CONFLICT` if it is there with another configuration, and as the link does
 */
export async function createStream(
  link: Link,
  config: WireStreamConfig,
  what: string,
): Promise<WireStreamInfo> {
  const path = `STREAM.CREATE.${config.name}`;
  try {
    return await callApi(link, path, { ...config, max_consumers: MAX_CONSUMERS }, what);
  } catch (error) {
    if (!isPartiError(error) || errCodeOf(error.value) !== TOO_MANY_CONSUMERS) throw error;
    // The account may have fewer: then a stream without a bound of its own has the account's.
    return await callApi(link, path, config, what);
  }
}
