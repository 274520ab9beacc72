/**
 * Which processes a host that is started by hand is there for: `WORKER_ID` and `PRODUCER_ID`.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import type { Role } from "../wire/wire.ts";

const VARIABLES: Readonly<Record<Role, string>> = {
  worker: "WORKER_ID",
  producer: "PRODUCER_ID",
};
/** A host is one machine's; more processes than this it does not bear. */
const MAX_INDEX = 9_999;

/**
 * The role that the environment asks for.
 *
 * @param env reads a variable
 * @returns undefined if neither variable is set
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if both are
 */
export function roleFromEnvironment(env: (name: string) => string | undefined): Role | undefined {
  const asked = (["worker", "producer"] as const).filter((role) => env(VARIABLES[role]));
  if (asked.length < 2) return asked[0];
  throw new PartiError("PARTI_INVALID_CONFIG", "WORKER_ID and PRODUCER_ID are both set", {
    hint: "a host is there for workers or for producers; start one of each",
  });
}

/**
 * The numbers of the processes that a host is there for.
 *
 * @param role what they do
 * @param env reads a variable
 * @returns the numbers, ascending
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if the variable is missing or says something else
 */
export function slotsFromEnvironment(
  role: Role,
  env: (name: string) => string | undefined,
): number[] {
  const variable = VARIABLES[role];
  const text = env(variable) ?? "";
  const indexes = new Set<number>();
  for (const part of text.split(",")) {
    const match = new RegExp(`^(?:${role}-)?(\\d{1,4})(?:-(\\d{1,4}))?$`).exec(part.trim());
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? first);
    if (match === null || last < first || last > MAX_INDEX) {
      throw new PartiError(
        "PARTI_INVALID_CONFIG",
        `${variable}: expected ${role}-<number>, or several such as 0-9 or 1,4, got ${
          JSON.stringify(text)
        }`,
        { value: text, hint: `set it, such as ${variable}=${role}-0` },
      );
    }
    for (let index = first; index <= last; index++) indexes.add(index);
  }
  return [...indexes].sort((a, b) => a - b);
}
