/**
 * How long a partition is held up by a message that no handler can handle: from its first delivery until the next message of the partition
 * has its effect.
 *
 * @module
 */

/** One poisoned message that is waited for. */
interface Watch {
  readonly onRecovered: (recoveredUs: number, untilUs: number) => void;
  /** When the first handler of each message began, in microseconds since 1970. */
  readonly startsUs: Map<number, number>;
  /** Which message it is, once it is among the dead letters. */
  sequence: number | undefined;
  /** When the next one had its effect, in microseconds since 1970. */
  endUs: number | undefined;
}

/** Watches the partitions to which poisoned messages are sent, one at a time in each. */
export class Poisonings {
  readonly #watches = new Map<number, Watch>();

  /** The partitions that are held up, or about to be. */
  get partitions(): ReadonlySet<number> {
    return new Set(this.#watches.keys());
  }

  /**
   * A poisoned message is about to be sent.
   *
   * @param partition where
   * @param onRecovered called once the next message has its effect: with the time in microseconds, and when that was
   */
  watch(
    partition: number,
    onRecovered: (recoveredUs: number, untilUs: number) => void,
  ): void {
    const nothing = { startsUs: new Map(), sequence: undefined, endUs: undefined };
    this.#watches.set(partition, { onRecovered, ...nothing });
  }

  /**
   * A handler begins. The same may be told more than once, late, and in any order.
   *
   * @param partition the partition
   * @param sequence the message's place in it
   * @param startUs when, in microseconds since 1970
   */
  began(partition: number, sequence: number, startUs: number): void {
    const watch = this.#watches.get(partition);
    if (watch === undefined) return;
    const knownUs = watch.startsUs.get(sequence) ?? startUs;
    watch.startsUs.set(sequence, Math.min(knownUs, startUs));
    this.#finish(partition, watch);
  }

  /**
   * A poisoned message is among the dead letters, in the order of the output stream.
   *
   * @param partition the partition
   * @param sequence its place in it
   */
  deadLettered(partition: number, sequence: number): void {
    const watch = this.#watches.get(partition);
    if (watch !== undefined) watch.sequence ??= sequence;
  }

  /**
   * The next effect, in the order of the output stream.
   *
   * @param partition its partition
   * @param sequence its message's place in it
   * @param storedUs when it was stored, in microseconds since 1970
   */
  effective(partition: number, sequence: number, storedUs: number): void {
    const watch = this.#watches.get(partition);
    if (watch?.sequence === undefined || sequence <= watch.sequence) return;
    watch.endUs ??= storedUs;
    this.#finish(partition, watch);
  }

  #finish(partition: number, { sequence, endUs, startsUs, onRecovered }: Watch): void {
    if (sequence === undefined || endUs === undefined) return;
    const startUs = startsUs.get(sequence);
    if (startUs === undefined) return;
    this.#watches.delete(partition);
    onRecovered(endUs - startUs, endUs);
  }
}
