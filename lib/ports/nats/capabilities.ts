/**
 * What a nats-server of a given version can do: one table, read once per connection. What the library asks it for are `markers`; the other
 * lines are facts it was designed around, and what is held of them against real servers.
 *
 * @module
 */

/** What came with a version. */
export interface Capabilities {
  /** The version as the server says it, `0.0.0` if it did not. */
  readonly version: string;
  /** Several filter subjects on one consumer (2.10): the least the library needs. */
  readonly multiFilter: boolean;
  /** Delete markers when keys expire (2.11). */
  readonly markers: boolean;
  /** A time to live of its own for each message (2.11). */
  readonly perKeyTtl: boolean;
  /** Several messages stored as one (2.12). The publisher does without; the README of this folder says why. */
  readonly atomicBatch: boolean;
  /** `CONSUMER.RESET` (2.14): a shard whose lane has lost a delivery goes on at once. */
  readonly consumerReset: boolean;
}

/** The least version of each capability, as `[major, minor]`. */
const SINCE = {
  multiFilter: [2, 10],
  markers: [2, 11],
  perKeyTtl: [2, 11],
  atomicBatch: [2, 12],
  consumerReset: [2, 14],
} as const;

/** The oldest server the library works with. */
export const OLDEST_SERVER = "2.10.0";

/**
 * Reads the table.
 *
 * @param version what the server calls itself, such as `2.12.1` or `2.12.0-RC.3`
 * @returns what it can do; nothing for a version that cannot be read
 */
export function capabilitiesOf(version: string): Capabilities {
  const parts = /^v?(\d+)\.(\d+)/.exec(version);
  const major = Number(parts?.[1] ?? 0);
  const minor = Number(parts?.[2] ?? 0);
  const has = (since: readonly [number, number]): boolean =>
    major > since[0] || (major === since[0] && minor >= since[1]);
  return {
    version: parts === null ? "0.0.0" : version.replace(/^v/, ""),
    multiFilter: has(SINCE.multiFilter),
    markers: has(SINCE.markers),
    perKeyTtl: has(SINCE.perKeyTtl),
    atomicBatch: has(SINCE.atomicBatch),
    consumerReset: has(SINCE.consumerReset),
  };
}
