/**
 * Whether all of a load was handled. A message that was lost, or that nobody takes, shows in its end: then the stream is empty, and each message
 * was handled once at least, or something is wrong.
 *
 * @module
 */
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import { until } from "../../tasks/until.ts";
import { STREAM, type StressGroup } from "./group.ts";

/** Nothing comes for so long: nothing will. */
const PATIENCE_MS = 60_000;
/** A sanity check has few messages, and is to be over soon. */
const QUICK_PATIENCE_MS = 10_000;
const LOOK_EVERY_MS = 20;

/** A load that has ended. */
export interface EndedLoad {
  /** The server. */
  readonly url: string;
  /** How many messages were sent. */
  readonly sent: number;
  /** How many of them have been handled by now, each counted once. */
  readonly handled: () => number | Promise<number>;
  /** For how long nothing may change before it is given up. */
  readonly patienceMs: number;
}

/**
 * How long is waited for what does not come.
 *
 * @param quick whether it is a sanity check
 */
export function patienceMsOf(quick: boolean): number {
  return quick ? QUICK_PATIENCE_MS : PATIENCE_MS;
}

/**
 * Waits until all messages of a load were handled and the stream has let go of them.
 *
 * @param load the load
 * @returns what is missing, in words; undefined if nothing is
 */
export async function lossOf(
  { url, sent, handled, patienceMs }: EndedLoad,
): Promise<string | undefined> {
  const nc = await connectNats({ servers: url, name: "stress-check" });
  try {
    const { feed } = natsWorld(nc);
    let [done, left] = [NaN, NaN];
    let changedAtMs = performance.now();
    for (;;) {
      const [doneNow, leftNow] = [await handled(), (await feed.streamInfo(STREAM)).messages];
      if (doneNow === sent && leftNow === 0) return undefined;
      if (doneNow !== done || leftNow !== left) changedAtMs = performance.now();
      [done, left] = [doneNow, leftNow];
      if (performance.now() - changedAtMs > patienceMs) {
        return `${done} of ${sent} messages were handled and ${left} are left in the stream, and nothing changed for ${patienceMs} ms`;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  } finally {
    await nc.close();
  }
}

/**
 * Waits until each partition has had a message since the last call, under a load on all of them: one that nobody consumes is among a hundred
 * others too few messages to be seen in their number.
 *
 * @param group the group
 * @param patienceMs how long each may take
 * @returns what is wrong, in words; undefined if nothing is
 */
export async function starvedIn(
  group: Pick<StressGroup, "unserved" | "markServed">,
  patienceMs: number,
): Promise<string | undefined> {
  const have = () => group.unserved === undefined;
  try {
    await until("each partition has a message", have, patienceMs);
  } catch (error) {
    if (group.unserved === undefined) throw error;
    return `partition ${group.unserved} has had no message for ${patienceMs} ms`;
  }
  group.markServed();
  return undefined;
}
