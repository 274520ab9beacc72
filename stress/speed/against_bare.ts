/**
 * A whole worker and a bare loop on the client, measured in turns over one connection to the case's server.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import type { World } from "../../lib/ports/world.ts";
import type { CaseContext, CaseOutcome } from "../case.ts";
import { inTurns, ROUNDS } from "./turns.ts";

/** The two of them; each resolves to what was measured. */
export interface Ways {
  /** With lease, election and assignment: the one that is judged. */
  whole(world: World): Promise<number>;
  /** Without any of it: what it is judged by. */
  bare(world: World, nc: NatsConnection): Promise<number>;
}

/**
 * Measures both.
 *
 * @param metric what the samples are of
 * @param context of the case; a quick one has one round
 * @param ways the two
 * @returns a sample for each round
 */
export async function againstBare(
  metric: string,
  { url, quick, progress }: CaseContext,
  ways: Ways,
): Promise<CaseOutcome> {
  const nc = await connectNats({ servers: url });
  try {
    const world = natsWorld(nc);
    const turns = await inTurns(
      quick ? 1 : ROUNDS,
      () => ways.whole(world),
      () => ways.bare(world, nc),
      progress,
    );
    return { samples: turns.map((turn) => ({ metric, ...turn })) };
  } finally {
    await nc.close();
  }
}
