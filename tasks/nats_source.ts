/**
 * What the places have in common where a nats-server can be fetched from.
 *
 * @module
 */

/** What is to be fetched. */
export interface FetchRequest {
  /** An empty directory; the program goes there as `nats-server`. */
  readonly dir: string;
  /** Only versions that begin like this: `2.10`, or `2.10.27`. By default the newest there is. */
  readonly versionLine: string | undefined;
}

/** A place to fetch a nats-server from. */
export interface NatsSource {
  /** What to call it when speaking to people. */
  readonly name: string;
  /** Puts the program into the directory, or says in an error why it cannot. */
  fetch(request: FetchRequest): Promise<void>;
}

/**
 * Tells whether a version belongs to a line.
 *
 * @param version such as `2.10.27` or `2.10.27-1+b2`
 * @param line such as `2.10`; every version belongs to none
 * @returns true if it does
 */
export function matchesLine(version: string, line: string | undefined): boolean {
  if (line === undefined) return true;
  return version === line || (version.startsWith(line) && !/\d/.test(version.charAt(line.length)));
}
