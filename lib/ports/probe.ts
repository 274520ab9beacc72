/**
 * Empty messages are probes: the server says whether anybody is there for one, and whoever is there is not told. So nothing else may be empty.
 *
 * @module
 */
import { PartiError } from "../errors.ts";

/**
 * Refuses to send an empty message as anything but a probe: nobody would be told of it.
 *
 * @param data what is to be sent
 * @param what what is tried, for the error
 * @throws {PartiError} `PARTI_REFUSED` if it is empty
 */
export function refuseEmpty(data: Uint8Array, what: string): void {
  if (data.length > 0) return;
  throw new PartiError("PARTI_REFUSED", `${what}: an empty message is a probe`, {
    hint: "send at least one byte",
  });
}
