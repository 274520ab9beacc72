/**
 * What happens to partitions: some come and some go, and some get a message that no handler can handle.
 *
 * @module
 */
import type { ChaosRecord } from "../report/report.ts";
import type { PartitionControl } from "../run/partition_control.ts";
import { pauseFor, POLL_MS } from "../run/wait.ts";
import { nowUs } from "../streams/message.ts";
import { chooseVictim, type PlannedChaos } from "./chaos_plan.ts";
import type { Scene } from "./scene.ts";

/** So large a part of the first partitions is there at any time. */
const LEAST_LEFT = 0.5;

/**
 * Partitions come and go. Those that come are in the group's list before anybody sends to them. Those that go stay in it until nobody sends
 * to them and their last message is handled: on a WorkQueue stream nobody could handle what is left of a partition that no consumer names.
 */
export function changePartitions(scene: Scene, event: PlannedChaos): void {
  const { state, partitions: control } = scene.options;
  if (control === undefined) return scene.skip(event, "the partitions of this run are fixed");
  const { add = 0, remove = 0 } = event.partitions ?? {};
  const removed = chosen(scene, event, remove);
  const atUs = nowUs();
  const added = state.addPartitions(control.nextWeights(add), atUs);
  state.partitions.retire(removed, atUs);
  const target = `adding ${listOf(added)}, removing ${listOf(removed)}`;
  const changes = new Changes(scene, added, removed);
  const record = scene.record(event, target, atUs, () => changes.amiss);
  scene.besides(async () => {
    // A run that is resumed has to know of partitions to which somebody may have sent.
    await scene.saved;
    if (!await changes.carryOut(record)) return;
    record.recoveredMs = Math.round((nowUs() - atUs) / 1_000);
  }, record);
}

/**
 * Goes on with what a coordinator that was killed had begun: what gets no load any more is drained, and goes.
 *
 * @param scene the scene
 * @param record the last event that was not over
 * @returns what is still amiss; undefined once nothing is
 */
export function finishChanges(scene: Scene, record: ChaosRecord): () => string | undefined {
  const { state: { partitions }, partitions: control } = scene.options;
  if (control === undefined) return () => undefined;
  const { current, loaded } = partitions;
  const changes = new Changes(scene, [], current.filter((one) => !loaded.includes(one)));
  scene.besides(async () => void await changes.carryOut(record), record);
  return () => changes.amiss;
}

/**
 * The same for a run that was resumed: what was to go must not stay for ever because everybody was killed meanwhile.
 *
 * @param scene the scene, with the records of before
 */
export function finishCutOff(scene: Scene): void {
  const { current, loaded } = scene.options.state.partitions;
  const record = scene.records.findLast(({ type, skipped, failed, wholeMs }) => {
    return type === "partition_changes" && skipped === undefined && failed === undefined &&
      wholeMs === null;
  });
  if (record === undefined || loaded.length === current.length) return;
  scene.validation.begin(record, nowUs(), finishChanges(scene, record));
  scene.validation.ended(record);
}

/** Partitions that come and go. */
class Changes {
  /** What is not as it should be; undefined once all is. */
  amiss: string | undefined = "the list of partitions is not written";
  readonly #scene: Scene;
  readonly #control: PartitionControl;
  readonly #added: readonly number[];
  readonly #removed: readonly number[];

  constructor(scene: Scene, added: readonly number[], removed: readonly number[]) {
    this.#scene = scene;
    this.#control = scene.options.partitions!;
    this.#added = added;
    this.#removed = removed;
  }

  /** Publishes what comes, drains what goes, and takes it away; true once all is done, false if it is given up. */
  async carryOut(record: ChaosRecord): Promise<boolean> {
    const isOver = () => isGivenUp(this.#scene, record);
    const control = this.#control;
    await control.publish(isOver);
    if (control.strands) {
      await this.#take(isOver);
      await this.#until(isOver, () => this.#stranded());
    }
    await control.tellProducers(isOver);
    if (!control.strands) {
      await this.#until(isOver, () => this.#drained());
      await this.#take(isOver);
    }
    if (isOver()) return false;
    this.amiss = undefined;
    return true;
  }

  async #until(
    isOver: () => boolean,
    look: () => Promise<string | undefined> | string | undefined,
  ): Promise<void> {
    for (let found = await look(); found !== undefined && !isOver(); found = await look()) {
      this.amiss = found;
      await pauseFor(POLL_MS);
    }
  }

  async #drained(): Promise<string | undefined> {
    const left = await this.#control.waiting(this.#removed);
    return left.length === 0 ? undefined : `partitions ${listOf(left)} are not drained`;
  }

  async #stranded(): Promise<string | undefined> {
    const left = await this.#control.waiting(this.#removed);
    return left.length > 0 ? undefined : "nothing is stranded";
  }

  async #take(isOver: () => boolean): Promise<void> {
    if (isOver()) return;
    this.#scene.options.state.removePartitions(this.#removed, nowUs());
    await this.#control.publish(isOver);
    await this.#until(isOver, () => misplaced(this.#scene, this.#added, this.#removed));
  }
}

/** Which go: such as have load and no poisoned message under way, and not too many. */
function chosen(scene: Scene, { picks }: PlannedChaos, count: number): number[] {
  const { partitions, measurements } = scene.options.state;
  const [first] = [partitions.total - partitions.counts.added];
  const spare = partitions.loaded.length - Math.ceil(LEAST_LEFT * first!);
  let candidates = partitions.loaded.filter((one) => !measurements.poisonings.partitions.has(one));
  const victims: number[] = [];
  for (const pick of picks.slice(0, Math.min(count, Math.max(0, spare)))) {
    const victim = candidates[Math.floor(pick * candidates.length)];
    if (victim === undefined) break;
    victims.push(victim);
    candidates = candidates.filter((one) => one !== victim);
  }
  return victims.toSorted((a, b) => a - b);
}

/** What came and has no owner yet, or went and still has one. */
function misplaced(
  scene: Scene,
  added: readonly number[],
  removed: readonly number[],
): string | undefined {
  const { fleet, state } = scene.options;
  const running = new Set(fleet.running("worker").map(({ process }) => process));
  const orphans = added.filter((partition) =>
    !running.has(state.measurements.recovery.holder(partition) ?? "")
  );
  if (orphans.length > 0) return `partitions ${listOf(orphans)} have no owner yet`;
  const left = removed.filter((partition) => state.isOwned(partition));
  return left.length === 0 ? undefined : `partitions ${listOf(left)} still have an owner`;
}

/** A message is sent on which every handler fails: the library has to put it aside, and its partition has to go on. */
export function poison(scene: Scene, event: PlannedChaos): void {
  const { state, partitions: control } = scene.options;
  const { measurements } = state;
  const candidates = state.partitions.loaded.filter((one) =>
    !measurements.poisonings.partitions.has(one)
  );
  const chosen = chooseVictim(candidates.map(String), event.picks[0]!);
  if (control === undefined || chosen === undefined) {
    return scene.skip(event, "no partition is there that is well");
  }
  const partition = Number(chosen);
  const atUs = nowUs();
  const record: ChaosRecord = scene.record(event, `partition ${partition}`, atUs, () => {
    return record.recoveredMs === null ? `partition ${partition} is held up` : undefined;
  });
  measurements.poisoned(partition, atUs, (recoveredUs) => {
    record.recoveredMs = Math.round(recoveredUs / 1_000);
  });
  const isOver = () => isGivenUp(scene, record);
  scene.besides(() => control.poison(partition, event.number, isOver), record);
}

/** Nothing is waited for any more once the event has failed or the run is ended. */
function isGivenUp(scene: Scene, { failed }: ChaosRecord): boolean {
  return failed !== undefined || scene.options.signal?.aborted === true;
}

const SHOWN = 10;

function listOf(partitions: readonly number[]): string {
  if (partitions.length === 0) return "none";
  return partitions.slice(0, SHOWN).join(", ") + (partitions.length > SHOWN ? ", …" : "");
}
