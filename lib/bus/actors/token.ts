/**
 * The fencing token of actors by partition, out of the two numbers of an assignment.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";

/** A group that moves its partitions every ten seconds comes so far in five years; its generations go on from epoch to epoch. */
const GENERATION_BITS = 24n;
/** Databases have signed integers of 64 bits. Epochs are revisions: at two hundred writes a second they come so far in 87 years. */
const TOKEN_BITS = 63;

/**
 * The token of an ownership. Epochs are the revisions of leases, which come by the million in a day: as a number it would soon be rounded, and
 * two ownerships have one token.
 *
 * @param ownership its assignment
 * @returns the token: the epoch decides, and the generation among those of one epoch
 * @throws {PartiError} `PARTI_REFUSED` if 63 bits have no room for it
 */
export function tokenOf(
  { epoch, generation }: { readonly epoch: number; readonly generation: number },
): bigint {
  const token = (BigInt(epoch) << GENERATION_BITS) + BigInt(generation);
  const hasRoom = BigInt(generation) >> GENERATION_BITS === 0n &&
    token === BigInt.asUintN(TOKEN_BITS, token);
  if (hasRoom) return token;
  const what = `epoch ${epoch}, generation ${generation}`;
  throw new PartiError("PARTI_REFUSED", `no fencing token has room for ${what}`, {
    value: { epoch, generation },
    hint: "let the actors go on in a new group on a new bus",
  });
}
