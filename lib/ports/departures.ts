/**
 * Hints that somebody has gone. Asking many "are you there?" again and again costs the server two messages for each of them; where it can
 * say by itself that a subject has lost its last subscriber, nobody has to be asked for that often.
 *
 * A hint is no proof, and may never come: whoever gets one asks, and whoever gets none goes on asking now and then.
 *
 * @module
 */

/** A running watch over subjects. */
export interface DepartureWatch {
  /**
   * Says over whom to watch from now on. To be called again and again, also with the same: what could not be set up, and whoever has left
   * and come back, is taken care of then. Costs nothing where nothing has changed.
   *
   * @param subjects the subjects, without wildcards
   */
  expect(subjects: readonly string[]): void;
  /** Ends it; no call-back comes afterwards. */
  close(): void;
}

/** Where such hints come from. */
export interface Departures {
  /**
   * Begins to watch, over nobody yet.
   *
   * @param bucket the name of a bucket that is there: what the server keeps for this it keeps beside its entries
   * @param onDeparture a subject has, or had for a moment, nobody who serves it. Must not throw
   * @param onError told once if this user may not watch like this: there are no hints then. Must not throw
   */
  watch(
    bucket: string,
    onDeparture: (subject: string) => void,
    onError: (error: unknown) => void,
  ): DepartureWatch;
}
