/**
 * What dead processes tried to do. A promise chain cannot be killed: code of a crashed process runs on until it waits for something that
 * never comes. Nothing that it does on the way may have an effect, so each effect asks first, is refused, and is counted here.
 *
 * @module
 */

/** The refused effects of one run. */
export class Refusals {
  readonly #byEffect = new Map<string, number>();
  #late = 0;

  /** How many effects were refused. */
  get count(): number {
    let sum = 0;
    for (const count of this.#byEffect.values()) sum += count;
    return sum;
  }

  /**
   * How many of them came after the event in which the process died. Code may finish what it is at, but nothing should wake it again: a
   * late effect says that somebody holds on to a dead process and calls it, or settles a promise that it waits for.
   */
  get lateCount(): number {
    return this.#late;
  }

  /** How often each effect was refused, by process and effect. */
  get byEffect(): ReadonlyMap<string, number> {
    return this.#byEffect;
  }

  /**
   * Notes a refusal.
   *
   * @param name the dead process
   * @param effect what it wanted to do
   * @param late whether the event in which it died is over
   */
  note(name: string, effect: string, late: boolean): void {
    const key = `${name}: ${effect}`;
    this.#byEffect.set(key, (this.#byEffect.get(key) ?? 0) + 1);
    if (late) this.#late++;
  }
}
