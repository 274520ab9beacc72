/**
 * What the leader answers to a request to read the partitions again, and its form on the wire.
 *
 * @module
 */
import { decodeJsonObject, encodeJson } from "../codec.ts";
import { describeError, isPartiError, PartiError, type PartiErrorCode } from "../errors.ts";

/** What the leader is sent: anything but an empty message, which would be a probe. */
export const REFRESH: Uint8Array = encodeJson("refresh");

/** What asking again does not cure: told as what it is. */
const TOLD: readonly PartiErrorCode[] = ["PARTI_SOURCE_FAILED", "PARTI_INVALID_ASSIGNMENT"];

/**
 * Encodes that the partitions were read again.
 *
 * @param generation the generation in force afterwards
 * @returns the answer's bytes
 */
export function encodeRefreshed(generation: number): Uint8Array {
  return encodeJson({ generation });
}

/**
 * Encodes that the partitions could not be read again.
 *
 * @param error why
 * @returns the answer's bytes
 */
export function encodeRefreshFailure(error: unknown): Uint8Array {
  return encodeJson({
    error: describeError(error),
    code: isPartiError(error) ? error.code : undefined,
  });
}

/**
 * Decodes an answer.
 *
 * @param data the answer's bytes
 * @returns the generation in force
 * @throws {PartiError} `PARTI_SOURCE_FAILED` if the leader could not read its source, `PARTI_INVALID_ASSIGNMENT` if its strategy failed,
 * `PARTI_NOT_LEADER` if it said anything else
 */
export function decodeRefreshAnswer(data: Uint8Array): number {
  const answer = decodeJsonObject(data);
  const generation = answer?.["generation"];
  if (typeof generation === "number") return generation;
  const code = TOLD.find((each) => each === answer?.["code"]) ?? "PARTI_NOT_LEADER";
  const value = answer?.["error"];
  const why = typeof value === "string" ? `: ${value}` : "";
  throw new PartiError(code, `the leader could not refresh the partitions${why}`, { value });
}
