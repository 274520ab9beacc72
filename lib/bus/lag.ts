/**
 * How late a place is that misbehaves on purpose. In production none does.
 *
 * @module
 */
import { sleep } from "../ports/clock.ts";
import type { World } from "../ports/world.ts";

/** The longest that such a place takes, in milliseconds. */
const LAG_MAX_MS = 100;

/**
 * Takes some time.
 *
 * @param world time, and how much of it
 * @param signal ends it
 */
export function lag(
  { clock, random }: Pick<World, "clock" | "random">,
  signal: AbortSignal,
): Promise<void> {
  return sleep(clock, random.float() * LAG_MAX_MS, signal);
}
