/**
 * The reporting half of a child: collects reports, sends them in batches and keeps each until the coordinator has answered
 * for it. Nothing is dropped; who reports faster than the coordinator listens has to wait.
 *
 * @module
 */
import { isPartiError } from "../../lib/errors.ts";
import { sleep } from "../../lib/ports/clock.ts";
import type { World } from "../../lib/ports/world.ts";
import { type Report, type ReportBatch, reportSubject, toBytes } from "./wire.ts";

const MAX_BATCH = 500;
/** Long enough to be cheap: nothing waits for a report but the verdict, and what must be known at once is urgent. */
const BATCH_DELAY_MS = 100;
const ANSWER_TIMEOUT_MS = 2_000;
const RETRY_DELAY_MS = 100;
/** How often the process says how much memory it has. */
const MEMORY_INTERVAL_MS = 1_000;
/** Above this many unanswered reports the child waits before it does anything more to report. */
const HIGH_WATER = 20_000;

/** Collects and sends reports. */
export class Reporter {
  readonly #world: Pick<World, "clock" | "messaging">;
  readonly #subject: string;
  readonly #process: string;
  readonly #rssBytes: () => number;
  readonly #closed = new AbortController();
  #queue: Report[] = [];
  #batchNumber = 0;
  #sending: Promise<void> | undefined;
  #hurry = new AbortController();
  #memoryAtMs = -Infinity;

  /**
   * @param world the child's world
   * @param runId the run
   * @param process the child's name and incarnation
   * @param rssBytes how much memory the process has
   */
  constructor(
    world: Pick<World, "clock" | "messaging">,
    runId: string,
    process: string,
    rssBytes: () => number = () => Deno.memoryUsage().rss,
  ) {
    this.#rssBytes = rssBytes;
    this.#world = world;
    this.#subject = reportSubject(runId);
    this.#process = process;
  }

  /** How many reports have not been answered for. */
  get pending(): number {
    return this.#queue.length;
  }

  /**
   * Adds a report; it is sent soon.
   *
   * @param report the report
   * @param urgency `now` sends it, and what waits before it, without waiting for company
   */
  add(report: Report, urgency: "soon" | "now" = "soon"): void {
    const last = this.#queue.at(-1);
    // Neighbouring sequences travel as one range. The first MAX_BATCH reports may be under way and stay as they are.
    if (
      report.kind === "sent" && last?.kind === "sent" && this.#queue.length > MAX_BATCH &&
      last.partition === report.partition && last.last + 1 === report.first
    ) last.last = report.last;
    else this.#queue.push(report);
    this.#sending ??= this.#send();
    if (urgency === "now") this.#hurry.abort();
  }

  /** Waits until there is room for more reports. */
  async room(): Promise<void> {
    while (this.#queue.length >= HIGH_WATER && !this.#closed.signal.aborted) await this.#sending;
  }

  /** Sends everything now and waits until all of it is answered for. */
  async flush(): Promise<void> {
    while (this.#queue.length > 0 && !this.#closed.signal.aborted) {
      this.#hurry.abort();
      await this.#sending;
    }
  }

  /** Gives up what is not answered for. */
  close(): void {
    this.#closed.abort();
  }

  async #send(): Promise<void> {
    const { clock } = this.#world;
    this.#hurry = new AbortController();
    const atOnce = AbortSignal.any([this.#hurry.signal, this.#closed.signal]);
    await sleep(clock, BATCH_DELAY_MS, atOnce);
    this.#addMemory();
    while (this.#queue.length > 0 && !this.#closed.signal.aborted) {
      this.#batchNumber++;
      const told = await this.#deliver(this.#batchNumber, this.#queue.slice(0, MAX_BATCH));
      this.#queue = this.#queue.slice(told);
    }
    this.#sending = undefined;
  }

  /** Goes along with what is sent anyway: a hundred processes that each sent it by itself would take a good part of two cores. */
  #addMemory(): void {
    const nowMs = this.#world.clock.monotonicMs();
    if (nowMs - this.#memoryAtMs < MEMORY_INTERVAL_MS) return;
    this.#memoryAtMs = nowMs;
    this.#queue.push({ kind: "memory", rssBytes: this.#rssBytes() });
  }

  /** Tells the first of them, as many as the server takes at once, and returns how many these are. */
  async #deliver(number: number, all: readonly Report[]): Promise<number> {
    let count = all.length;
    let reports = all;
    while (!this.#closed.signal.aborted) {
      const batch: ReportBatch = { process: this.#process, number, reports };
      try {
        await this.#world.messaging.request(this.#subject, toBytes(batch), ANSWER_TIMEOUT_MS);
        return count;
      } catch (error) {
        // Nothing of it was sent.
        if (isPartiError(error, "PARTI_TOO_LARGE")) {
          reports = count > 1 ? all.slice(0, count = Math.ceil(count / 2)) : [tooLarge(all[0]!)];
          continue;
        }
        // Whatever it was, the batch has a number: sent again it is counted once.
        await sleep(this.#world.clock, RETRY_DELAY_MS, this.#closed.signal);
      }
    }
    return 0;
  }
}

/** What is told instead of a report that the server does not take. */
function tooLarge(report: Report): Report {
  const bytes = toBytes(report).length;
  const message = `a report (${report.kind}) of ${bytes} bytes is more than the server takes`;
  return { kind: "trouble", message };
}
