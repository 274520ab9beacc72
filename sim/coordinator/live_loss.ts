/**
 * Which messages are lost already, while others are under way: those that were passed over, are not in the feed any more and have no effect.
 *
 * @module
 */
import { clipped, countOf } from "../ledger/intervals.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { untilFine } from "../run/wait.ts";
import { type EffectsReader, firstOf } from "../streams/effects_reader.ts";
import { decodeMessage } from "../streams/message.ts";
import { feedSubject } from "../streams/topology.ts";
import type { Stage } from "./stage.ts";

/** What it takes to know. */
export interface LiveLossOptions {
  /** The book. */
  readonly ledger: Pick<Ledger, "passedOver">;
  /** Where the streams are. */
  readonly stage: Pick<Stage, "nc" | "world" | "topology">;
  /** Who reads the effects. */
  readonly reader: Pick<EffectsReader, "last">;
  /** Ends the waiting early. */
  readonly signal: AbortSignal;
}

/** How long the reader may take to read what is stored. */
const PATIENCE_MS = 5_000;

/**
 * Counts them. A message has its effect before it leaves the feed. So the feed is asked first; once everything that was stored until then is
 * read, whatever still has no effect never gets one.
 *
 * @param options what it takes
 * @returns how many are lost; undefined if that cannot be told at the moment
 */
export async function lostSoFar(options: LiveLossOptions): Promise<number | undefined> {
  const { ledger, stage, reader, signal } = options;
  const { feedStream, effectStream } = stage.topology;
  const suspects = ledger.passedOver();
  if (suspects.size === 0) return 0;
  try {
    const goneBelow = new Map<number, number>();
    for (const [partition, { last }] of suspects) {
      const waiting = await firstOf(stage.nc, feedStream, feedSubject(stage.topology, partition));
      const first = waiting === undefined
        ? Number.POSITIVE_INFINITY
        : decodeMessage(waiting).partitionSequence;
      goneBelow.set(partition, Math.min(first, last));
    }
    const { lastSequence } = await stage.world.feed.streamInfo(effectStream);
    const behind = await untilFine(PATIENCE_MS, signal, () => {
      return reader.last >= lastSequence ? undefined : "behind";
    });
    if (behind !== undefined || signal.aborted) return undefined;
    let lost = 0;
    for (const [partition, { ranges }] of ledger.passedOver()) {
      lost += countOf(clipped(ranges, goneBelow.get(partition) ?? 0));
    }
    return lost;
  } catch {
    // The server is away: it is asked again.
    return undefined;
  }
}
