/**
 * Workers that stand still for longer than a lease, and whose partitions others have to take over meanwhile.
 *
 * @module
 */

/** One standstill that goes on. */
interface Standstill {
  readonly atUs: number;
  /** Who has acquired what the worker owned, since the standstill began: when, by partition; the first one counts. */
  readonly takenUs: Map<number, number>;
  readonly partitions: readonly number[];
}

/** Knows which partitions of those who stand still have been taken over. */
export class Standstills {
  readonly #byProcess = new Map<string, Standstill>();

  /**
   * A worker stands still.
   *
   * @param process its process and incarnation
   * @param partitions what it owns
   * @param atUs since when, in microseconds since 1970
   */
  begin(process: string, partitions: readonly number[], atUs: number): void {
    this.#byProcess.set(process, { atUs, takenUs: new Map(), partitions });
  }

  /**
   * A worker has acquired partitions. Its report may come after the standstill's end, and is wanted all the same.
   *
   * @param process its process and incarnation
   * @param partitions their numbers
   * @param atUs when, in microseconds since 1970
   */
  acquired(process: string, partitions: readonly number[], atUs: number): void {
    for (const [victim, { atUs: sinceUs, takenUs }] of this.#byProcess) {
      if (process === victim || atUs < sinceUs) continue;
      for (const partition of partitions) {
        takenUs.set(partition, Math.min(takenUs.get(partition) ?? atUs, atUs));
      }
    }
  }

  /**
   * Partitions are gone for good: nobody has to take them over.
   *
   * @param gone their numbers
   */
  removed(gone: readonly number[]): void {
    for (const [victim, { partitions, ...rest }] of this.#byProcess) {
      const left = partitions.filter((partition) => !gone.includes(partition));
      this.#byProcess.set(victim, { ...rest, partitions: left });
    }
  }

  /**
   * A worker goes on, and all reports of that time are there.
   *
   * @param process its process and incarnation
   * @param untilUs when it went on, in microseconds since 1970
   * @returns what nobody else had taken over by then
   */
  end(process: string, untilUs: number): number[] {
    const standstill = this.#byProcess.get(process);
    this.#byProcess.delete(process);
    if (standstill === undefined) return [];
    const { partitions, takenUs } = standstill;
    return partitions.filter((partition) => (takenUs.get(partition) ?? untilUs + 1) > untilUs);
  }
}
