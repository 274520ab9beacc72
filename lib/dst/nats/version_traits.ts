/**
 * Where versions of nats-server differ in how streams and consumers behave.
 *
 * That both ends of the table are right is checked on real servers: each line has a case in the contract (`version_traits_test.ts` names
 * it), which runs on 2.10.27 and on the newest server. At which version in between a line begins is not: no such version is run. It was
 * read in the server's source, which has the one behaviour in the release before and the other in the release named here, and in
 * no later release of an older line.
 *
 * @module
 */

/** How streams and consumers of one version behave. */
export interface VersionTraits {
  /** A message ID that is known already is seen before an expected sequence is compared; later it is the other way round. */
  readonly duplicateBeforeExpectation: boolean;
  /** After a restart message IDs are read from the disk with the first publication that has one, not at once. */
  readonly readsIdsLate: boolean;
  /** A stream is full when a message would fill it to the last byte, not only when it would exceed it. */
  readonly fullAtLimit: boolean;
  /** An ack removes a message from a WorkQueue stream even if another consumer has yet to handle it. */
  readonly lateAckRemoves: boolean;
  /** A message that somebody else has handled stays in a consumer's pending count until the stream's first sequence has passed it. */
  readonly keepsVanished: boolean;
  /** A consumer nobody pulls from is kept until the ack waits of its pending messages are over. */
  readonly idleWaitsForAcks: boolean;
}

/**
 * Reads the table.
 *
 * @param version what the server calls itself, such as `2.12.1`
 * @returns how it behaves
 */
export function traitsOf(version: string): VersionTraits {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  const isBefore = (otherMinor: number, otherPatch: number): boolean =>
    major < 2 ||
    (major === 2 && (minor < otherMinor || (minor === otherMinor && patch < otherPatch)));
  return {
    duplicateBeforeExpectation: isBefore(12, 0),
    readsIdsLate: isBefore(12, 0),
    fullAtLimit: isBefore(14, 0),
    lateAckRemoves: isBefore(12, 5),
    keepsVanished: isBefore(12, 7),
    idleWaitsForAcks: !isBefore(11, 7),
  };
}
