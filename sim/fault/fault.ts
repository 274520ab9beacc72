/**
 * Defects that can be planted in a run, to see that the verdict finds exactly them.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import { Seeded } from "../seed/seeded.ts";

/** The defects that can be planted. */
export const FAULT_KINDS = [
  "lose",
  "duplicate",
  "reorder",
  "reorder-starts",
  "overlap",
  "overlap-fenced",
  "overlap-within",
  "give-up",
  "uneven",
  "restless",
  "wrong-delta",
  "invariant",
  "unsettled",
  "strand",
] as const;

/** One kind of planted defect. */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** A planted defect: whichever worker handles that message does it wrong, or whichever leads, or the first one. */
export interface Fault {
  /**
   * `lose`: no effect. `duplicate`: two. `reorder`: its effect is swapped with the next one's. `reorder-starts`: its handler is, as
   * the reports tell it. `overlap`: done by another worker. `overlap-fenced`: handled by another worker too, at the same time and
   * without an effect. `overlap-within`: the same, by the same worker. `give-up`: its handler fails every time. `uneven`: the strategy leaves a worker without partitions.
   * `restless`: it moves all partitions whenever it moves one. `wrong-delta`: a worker is told fewer new partitions than it has.
   * `invariant`: the library tells a worker of a bug of its own. `unsettled`: a worker that was started again never says that it is Stable.
   * `strand`: partitions are taken away while messages are still sent to them.
   */
  readonly kind: FaultKind;
  /** The partition. */
  readonly partition: number;
  /** The message. */
  readonly sequence: number;
}

/** The message that is done wrong. Early, so that it happens before the first chaos event and in the shortest run; not first, so that there is an owner. */
const FAULT_SEQUENCE = 3;

/**
 * Chooses where a defect is planted.
 *
 * @param kind which one, as the user wrote it
 * @param partitions how many partitions there are
 * @param seed the run's seed
 * @returns the defect
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for an unknown kind
 */
export function planFault(kind: string, partitions: number, seed: number): Fault {
  if (!(FAULT_KINDS as readonly string[]).includes(kind)) {
    throw new PartiError(
      "PARTI_INVALID_CONFIG",
      `--fault ${kind}: expected one of ${FAULT_KINDS.join(", ")}`,
      { value: kind },
    );
  }
  const partition = new Seeded(seed, "fault").int(0, 0, partitions - 1);
  return { kind: kind as FaultKind, partition, sequence: FAULT_SEQUENCE };
}

/**
 * The sequence under which a message shows: the swapped one, if this is where it is swapped with the next.
 *
 * @param fault the planted defect, if any
 * @param kind what is to show: the effect, or the handler
 * @param partition the message's partition
 * @param sequence the message's sequence
 * @returns the sequence to write or to report
 */
export function shownSequence(
  fault: Fault | undefined,
  kind: "reorder" | "reorder-starts",
  partition: number,
  sequence: number,
): number {
  if (strikes(fault, kind, partition, sequence)) return sequence + 1;
  return strikes(fault, kind, partition, sequence - 1) ? sequence - 1 : sequence;
}

/**
 * Whether a message is the one that is to be done wrong.
 *
 * @param fault the planted defect, if any
 * @param kind the kind in question
 * @param partition the message's partition
 * @param sequence the message's sequence
 */
export function strikes(
  fault: Fault | undefined,
  kind: FaultKind,
  partition: number,
  sequence: number,
): boolean {
  return fault?.kind === kind && fault.partition === partition && fault.sequence === sequence;
}
