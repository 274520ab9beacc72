/**
 * Copies a stream that is there into the shards of a feed, each message once and in order, whatever dies meanwhile. See `README.md`.
 *
 * @module
 */
import { isPartiError } from "../../errors.ts";
import type { WrittenRecord } from "./copy_ledger.ts";
import type { CopyParts } from "./copy_parts.ts";
import { CopyTerm } from "./copy_term.ts";
import { isAbandoned } from "./copy_watch.ts";

/**
 * What a copier does: `waiting` for another one that copies or for a server, `copying`, `failed` for good, also because its connection is
 * closed, or `closed` itself.
 */
export type CopierState = "waiting" | "copying" | "failed" | "closed";

/** How often a copier that waits looks at the one that copies, in milliseconds. */
const LOOK_MS = 1_000;
/** What cannot be is looked at so often before it is believed: a server that is about to hear of a new leader may say what was. */
const LOOKS = 3;

/** The pause before a term after one in which nothing was copied, in milliseconds; it doubles … */
const FIRST_PAUSE_MS = 50;
/** … up to this. */
const LONGEST_PAUSE_MS = 5_000;

/** Errors after which nothing gets better by itself. */
const FATAL = ["PARTI_INVALID_CONFIG", "PARTI_CONFLICT", "PARTI_INVARIANT"] as const;

/**
 * One of those who copy a stream into a sharded feed. Any number of them may run, in any number of processes: one copies, and the others
 * take over when it does not go on. {@linkcode copyToShards} makes one.
 */
export class ShardCopier implements AsyncDisposable {
  readonly #parts: CopyParts;
  readonly #running: Promise<void>;
  #state: CopierState = "waiting";
  #failure: unknown;
  #term: CopyTerm | undefined;
  #copied = 0;
  #upTo = 0;

  /**
   * Begins.
   *
   * @param parts what it is made of
   * @param claimed the copy, if it is claimed already
   */
  constructor(parts: CopyParts, claimed: WrittenRecord | undefined) {
    this.#parts = parts;
    parts.end.signal.addEventListener("abort", () => this.#term?.wake(), { once: true });
    this.#running = this.#run(claimed);
  }

  /** What it does now. */
  get state(): CopierState {
    return this.#state;
  }

  /** Why it has failed for good; undefined if it has not. */
  get failure(): unknown {
    return this.#failure;
  }

  /** How many messages it has recorded by itself and put into the shards, by whole batches. */
  get copied(): number {
    return this.#copied + (this.#term?.copied ?? 0);
  }

  /** The sequence of the source up to which everything is in the shards, or recorded to go there, as far as it knows. */
  get upTo(): number {
    return this.#term?.upTo ?? this.#upTo;
  }

  /** How many messages of the source wait to be copied, as of the last one that came; undefined unless it copies. */
  get lag(): number | undefined {
    return this.#term?.lag;
  }

  /** Waits until it has failed or is closed. Never rejects. */
  async ended(): Promise<void> {
    await this.#running;
  }

  /**
   * Ends it. What is being published is finished, another copier may go on at once. Its consumer and its record stay: they are how far the
   * copy has come, and of an interest stream the consumer keeps what is to be copied. {@linkcode forgetCopy} removes them.
   */
  async close(): Promise<void> {
    this.#parts.end.now();
    await this.#running;
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #isOver(): boolean {
    return this.#parts.end.signal.aborted;
  }

  /** Never rejects. */
  async #run(claimed: WrittenRecord | undefined): Promise<void> {
    const { end } = this.#parts;
    const error = await this.#copyOn(claimed) ?? end.failure;
    end.release();
    if (error !== undefined) this.#fail(error);
    else this.#state = "closed";
  }

  /** One term after the other. Never rejects. Returns why nothing gets better by itself; undefined if it is all over. */
  async #copyOn(claimed: WrittenRecord | undefined): Promise<unknown> {
    const { pauses, onError } = this.#parts;
    let next = claimed;
    for (let failed = 0, unclaimed = 0; !this.#isOver;) {
      const before = this.copied;
      try {
        next ??= await this.#claim();
        if (next === undefined) break;
        unclaimed = 0;
        await this.#copy(next);
      } catch (error) {
        if (this.#isOver) break;
        const isFatal = isPartiError(error, ...FATAL);
        // An outage in between says nothing of what was seen: only looks that agree count.
        unclaimed = next === undefined && isFatal ? unclaimed + 1 : 0;
        const isCertain = next !== undefined || unclaimed >= LOOKS;
        if (isFatal && isCertain) return error;
        // That another one has taken over is no trouble.
        if (!isPartiError(error, "PARTI_FENCED")) onError(error);
      }
      next = undefined;
      this.#state = "waiting";
      failed = this.copied > before ? 0 : failed + 1;
      if (failed > 0) await pauses.about(Math.min(FIRST_PAUSE_MS * 2 ** failed, LONGEST_PAUSE_MS));
    }
    return undefined;
  }

  #fail(error: unknown): void {
    this.#state = "failed";
    this.#failure = error;
    this.#parts.onError(error);
  }

  /** Waits until nobody copies, and claims the copy; undefined if it is all over before. */
  async #claim(): Promise<WrittenRecord | undefined> {
    const { claim, holder, pauses, world, takeOverAfterMs } = this.#parts;
    let revision = 0;
    let sinceMs = 0;
    while (!this.#isOver) {
      const found = await claim.look();
      const isTaken = found !== undefined && found.record.holder !== "" &&
        found.record.holder !== holder;
      if (!isTaken || takeOverAfterMs === 0) return await claim.claim(found);
      const nowMs = world.clock.monotonicMs();
      if (found.revision !== revision) {
        revision = found.revision;
        sinceMs = nowMs;
      }
      const isSilent = nowMs - sinceMs >= takeOverAfterMs;
      if (isSilent && await isAbandoned(found.record, this.#parts)) return await claim.claim(found);
      await pauses.about(Math.min(LOOK_MS, takeOverAfterMs));
    }
    return undefined;
  }

  async #copy(claimed: WrittenRecord): Promise<void> {
    const term = new CopyTerm(this.#parts, claimed);
    this.#term = term;
    this.#state = "copying";
    try {
      await term.run();
    } finally {
      this.#copied += term.copied;
      this.#upTo = term.upTo;
      this.#term = undefined;
    }
  }
}
