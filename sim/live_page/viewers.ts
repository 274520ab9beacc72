/**
 * The pages that are open: each is told what is new, and none can make the run wait.
 *
 * @module
 */
import type { Cursor, LiveFeed } from "./live_feed.ts";

/** So many pages at once. */
export const MAX_VIEWERS = 16;
/** How often they are told, in milliseconds. */
const INTERVAL_MS = 1_000;
/** Messages that lie ready for a page; until it has taken one it is told nothing. */
const MAX_WAITING = 2;
/** Who has taken nothing for so long is sent away, in milliseconds. */
const PATIENCE_MS = 30_000;

interface Viewer {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  cursor: Cursor | undefined;
  toldMs: number;
}

/** The pages. */
export class Viewers {
  readonly #feed: LiveFeed;
  readonly #nowMs: () => number;
  readonly #viewers = new Set<Viewer>();
  readonly #encoder = new TextEncoder();
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param feed what they are told
   * @param nowMs the time
   */
  constructor(feed: LiveFeed, nowMs: () => number = () => performance.now()) {
    this.#feed = feed;
    this.#nowMs = nowMs;
  }

  /** How many there are. */
  get count(): number {
    return this.#viewers.size;
  }

  /**
   * Another one comes.
   *
   * @returns what it is told, as server-sent events; undefined if there are too many
   */
  add(): ReadableStream<Uint8Array> | undefined {
    if (this.#viewers.size >= MAX_VIEWERS) return undefined;
    let viewer: Viewer;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        viewer = { controller, cursor: undefined, toldMs: this.#nowMs() };
        this.#viewers.add(viewer);
        // Lets the browser know that it is connected, even if there is nothing to tell yet.
        controller.enqueue(this.#encoder.encode(": hello\n\n"));
        this.#feed.look();
        this.#tell(viewer);
      },
      cancel: () => this.#remove(viewer),
    }, new CountQueuingStrategy({ highWaterMark: MAX_WAITING + 1 }));
    this.#timer ??= setInterval(() => this.tick(), INTERVAL_MS);
    return stream;
  }

  /** Tells all of them what is new. */
  tick(): void {
    if (this.#viewers.size === 0) return;
    this.#feed.look();
    for (const viewer of [...this.#viewers]) this.#tell(viewer);
  }

  /** Tells them the last news, and that there will be none any more. */
  close(): void {
    this.tick();
    for (const viewer of [...this.#viewers]) {
      this.#remove(viewer);
      viewer.controller.close();
    }
  }

  #tell(viewer: Viewer): void {
    const { controller, cursor } = viewer;
    if ((controller.desiredSize ?? 0) <= 0) {
      if (this.#nowMs() - viewer.toldMs < PATIENCE_MS) return;
      this.#remove(viewer);
      // Not an error, of which the server would write a stack trace: what lies ready for it is bounded, and its place is free.
      return controller.close();
    }
    const news = this.#feed.news(cursor);
    if (news === undefined) return;
    controller.enqueue(this.#encoder.encode(`data: ${news.text}\n\n`));
    viewer.cursor = news.cursor;
    viewer.toldMs = this.#nowMs();
  }

  /** Without pages there is nothing to do. */
  #remove(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
