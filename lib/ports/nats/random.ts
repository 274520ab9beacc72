/**
 * The real randomness.
 *
 * @module
 */
import type { Random } from "../random.ts";

/** Randomness of the runtime: identities from its cryptographic generator. */
export const systemRandom: Random = {
  float: (): number => Math.random(),
  uuid: (): string => crypto.randomUUID(),
};
