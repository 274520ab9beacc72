/**
 * Whether a copy that stands still has work to do: then whoever copies is gone.
 *
 * @module
 */
import type { CopyParts } from "./copy_parts.ts";
import { type CopyRecord, lastsAfter } from "./copy_record.ts";
import { lastsOf } from "./shard_lasts.ts";
import { shardOf } from "../shards.ts";

/**
 * Looks for work that nobody does.
 *
 * @param record the record, which has not changed for long
 * @param parts where to look
 * @returns true if messages wait in the source, or part of the batch is not stored
 * @throws {PartiError} what the server says
 */
export async function isAbandoned(
  record: CopyRecord,
  { consumers, layout, world }: Pick<CopyParts, "consumers" | "layout" | "world">,
): Promise<boolean> {
  if (await consumers.isBehind(record.consumer)) return true;
  const shards = [...new Set(record.batch.map(({ key }) => shardOf(key, record.shards)))];
  const wanted = lastsAfter(record);
  const lasts = await lastsOf(world.feed, layout, shards);
  return shards.some((shard) => lasts.get(shard)!.lastSequence < wanted[shard]!);
}
