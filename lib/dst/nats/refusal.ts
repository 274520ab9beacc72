/**
 * What JetStream refuses with, as the real adapter tells it.
 *
 * @module
 */
import { PartiError, type PartiErrorCode } from "../../errors.ts";

/** JetStream's codes with ours and its words. */
const REFUSALS = {
  10014: ["PARTI_NOT_FOUND", 404, "consumer not found"],
  10037: ["PARTI_NOT_FOUND", 404, "no message found"],
  10052: ["PARTI_REFUSED", 500, "max age needs to be >= 100ms"],
  10058: ["PARTI_CONFLICT", 400, "stream name already in use with a different configuration"],
  10059: ["PARTI_NOT_FOUND", 404, "stream not found"],
  10065: ["PARTI_REFUSED", 400, "subjects overlap with an existing stream"],
  10071: ["PARTI_CONFLICT", 400, "wrong last sequence"],
  10077: ["PARTI_STREAM_FULL", 503, "maximum bytes exceeded"],
  10097: ["PARTI_TOO_LARGE", 400, "header size exceeds maximum allowed of 64k"],
  10099: [
    "PARTI_FILTER_OVERLAP",
    400,
    "multiple non-filtered consumers not allowed on workqueue stream",
  ],
  10100: ["PARTI_FILTER_OVERLAP", 400, "filtered consumer not unique on workqueue stream"],
  10101: ["PARTI_REFUSED", 400, "consumer must be deliver all on workqueue stream"],
  10121: ["PARTI_LIMIT_EXCEEDED", 400, "consumer max ack pending exceeds system limit"],
  10138: ["PARTI_REFUSED", 400, "consumer subject filters cannot overlap"],
  10148: ["PARTI_CONFLICT", 400, "consumer already exists"],
  10149: ["PARTI_NOT_FOUND", 404, "consumer does not exist"],
} as const satisfies Record<number, readonly [PartiErrorCode, number, string]>;

/** A code of JetStream's that the model knows. */
export type RefusalCode = keyof typeof REFUSALS;

/**
 * Makes the error for a refusal.
 *
 * @param errCode JetStream's code
 * @param what what was tried, such as `create consumer lane-1`
 * @returns the error to throw; its value holds the server's code and text
 */
export function refusal(errCode: RefusalCode, what: string): PartiError {
  const [code, httpCode, description] = REFUSALS[errCode];
  return new PartiError(code, `${what}: ${description} (${errCode})`, {
    value: { code: httpCode, errCode, description },
  });
}
