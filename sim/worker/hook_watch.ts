/**
 * Checks what the library tells its application: that the hooks agree with each other, and that nothing it tells of is a bug of its
 * own.
 *
 * @module
 */
import { describeError, isPartiError } from "../../lib/errors.ts";
import type { AssignmentChange } from "../../lib/manager/hooks.ts";
import { type ManagerState, TRANSITIONS } from "../../lib/manager/state.ts";

/** What is looked at of a change. */
export type ToldChange = Pick<AssignmentChange, "added" | "removed" | "all">;

/** Whoever has told as many wrong things has told enough. */
const MAX_VIOLATIONS = 20;

/** Listens to one worker's hooks. */
export class HookWatch {
  readonly #onViolation: (what: string) => void;
  #state: ManagerState = "Init";
  #partitions = new Set<string>();
  #violations = 0;

  /** @param onViolation told of each thing that is wrong, so many at most */
  constructor(onViolation: (what: string) => void) {
    this.#onViolation = onViolation;
  }

  /** The state has changed: from what was told last, and in a way that is allowed. */
  state(from: ManagerState, to: ManagerState): void {
    if (from !== this.#state) {
      this.#violated(`told a change from ${from} to ${to}, having told ${this.#state} before`);
    } else if (!TRANSITIONS[from].includes(to)) {
      this.#violated(`told a change from ${from} to ${to}, which is not allowed`);
    }
    this.#state = to;
  }

  /** The assignment has changed: what came and what went make of what was told last what is told now. */
  assignment({ added, removed, all }: ToldChange): void {
    const before = this.#partitions;
    const [came, went, now] = [added, removed, all].map((list) => {
      return new Set(list.map(({ keys }) => keys.join(".")));
    }) as [Set<string>, Set<string>, Set<string>];
    const expected = before.difference(went).union(came);
    const wrong = [
      ["added although it was there", came.intersection(before)],
      ["removed although it was not there", went.difference(before)],
      ["there without having been added", now.difference(expected)],
      ["not there although nothing removed it", expected.difference(now)],
    ] as const;
    for (const [what, partitions] of wrong) {
      if (partitions.size > 0) this.#violated(`told partition ${[...partitions][0]} ${what}`);
    }
    const count = added.length + removed.length + all.length;
    if (count > came.size + went.size + now.size) this.#violated("told a partition twice");
    this.#partitions = now;
  }

  /** Something failed. Nearly everything may; an invariant may not. */
  error(error: unknown): void {
    for (let depth = 0, cause = error; depth < 8 && cause instanceof Error; depth++) {
      if (isPartiError(cause, "PARTI_INVARIANT")) return this.#violated(describeError(cause));
      cause = cause.cause;
    }
  }

  #violated(what: string): void {
    if (++this.#violations <= MAX_VIOLATIONS) this.#onViolation(what);
  }
}
