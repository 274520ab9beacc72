/**
 * The continuous single-owner oracle: told of every handler's start and end, it knows of every moment in which a partition had two
 * owners, and of every step back within one ownership. Only tests import this.
 *
 * @module
 */
import type { HandlerContext } from "../consumption/dispatch/handler.ts";

/** What the oracle needs to know of a handler's right. */
export type OracleToken = Pick<
  HandlerContext,
  "partitionId" | "worker" | "instance" | "epoch" | "generation" | "signal"
>;

interface Span {
  readonly token: OracleToken;
  readonly sequence: number;
}

/** Watches all handlers of all workers of a group. */
export class OwnerOracle {
  /** Everything that must not happen and did. */
  readonly violations: string[] = [];
  readonly #open = new Map<string, Set<Span>>();
  readonly #last = new Map<string, Span>();
  readonly #dead = new Set<string>();
  readonly #workers = new Set<string>();
  readonly #begun = new Set<number>();
  #repeatedCount = 0;
  #startedCount = 0;

  /** How many handlers have been started. */
  get startedCount(): number {
    return this.#startedCount;
  }

  /** How often a message was begun that had been begun before: as often as its work was done for nothing. */
  get repeatedCount(): number {
    return this.#repeatedCount;
  }

  /** Whether a worker has started any handler, by its stable ID. */
  hasHandled(worker: string): boolean {
    return this.#workers.has(worker);
  }

  /**
   * A handler starts.
   *
   * @param token under what right
   * @param sequence the message's place in the stream
   * @returns what to call when it ends, however it does
   */
  begin(token: OracleToken, sequence: number): () => void {
    // A dead process runs nothing. Here its handlers live on for a while; they count for nobody.
    if (this.#dead.has(token.instance)) return () => {};
    this.#startedCount++;
    if (this.#begun.has(sequence)) this.#repeatedCount++;
    this.#begun.add(sequence);
    this.#workers.add(token.worker);
    const span: Span = { token, sequence };
    const open = this.#open.get(token.partitionId) ?? new Set();
    this.#open.set(token.partitionId, open);
    for (const other of open) {
      // Whose right has ended may still be on its way out.
      if (other.token.signal.aborted || this.#dead.has(other.token.instance)) continue;
      this.violations.push(`two handlers at once: ${describe(other)} and ${describe(span)}`);
    }
    const last = this.#last.get(token.partitionId);
    const sameRight = last !== undefined && last.token.instance === token.instance &&
      last.token.epoch === token.epoch && last.token.generation === token.generation;
    if (sameRight && sequence < last.sequence) {
      this.violations.push(`a step back: ${describe(last)}, then ${describe(span)}`);
    }
    const older = last !== undefined && !sameRight &&
      (token.epoch - last.token.epoch || token.generation - last.token.generation) < 0;
    if (older && !token.signal.aborted) {
      this.violations.push(`an older right after a newer: ${describe(last)}, ${describe(span)}`);
    }
    this.#last.set(token.partitionId, span);
    open.add(span);
    return () => void open.delete(span);
  }

  /**
   * This instance's connection was cut while its process lives on: the others may take it for dead at once. What it is doing then may
   * overlap with its successor (its effects are fenced); what it begins afterwards may not.
   */
  cut(instance: string): void {
    for (const open of this.#open.values()) {
      for (const span of open) if (span.token.instance === instance) open.delete(span);
    }
  }

  /** This instance's process is dead: whatever its handlers do here, a real one would not. */
  died(instance: string): void {
    this.#dead.add(instance);
  }
}

function describe({ token, sequence }: Span): string {
  return `${sequence} of ${token.partitionId} by ${token.worker} (${token.instance.slice(0, 8)}, ` +
    `epoch ${token.epoch}, generation ${token.generation})`;
}

/**
 * Compares the effects in the output stream with what was published.
 *
 * @param published per partition, how many messages were published; message n carries n, from 0
 * @param effects per partition, the messages whose effects are in the output, in its order
 * @returns what is wrong: lost, twice, out of order, unexpected; empty if nothing is
 */
export function compareEffects(
  published: ReadonlyMap<string, number>,
  effects: ReadonlyMap<string, readonly number[]>,
): string[] {
  const problems: string[] = [];
  for (const [id, count] of published) {
    const seen = new Set<number>();
    let highest = -1;
    for (const effect of effects.get(id) ?? []) {
      if (seen.has(effect)) problems.push(`${effect} of ${id} has its effect twice`);
      else if (effect < highest) problems.push(`${effect} of ${id} comes after ${highest}`);
      if (effect >= count) problems.push(`${effect} of ${id} was never published`);
      seen.add(effect);
      highest = Math.max(highest, effect);
    }
    for (let n = 0; n < count; n++) if (!seen.has(n)) problems.push(`${n} of ${id} is lost`);
  }
  for (const id of effects.keys()) {
    if (!published.has(id)) problems.push(`nothing was published to ${id}`);
  }
  return problems;
}
