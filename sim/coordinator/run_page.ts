/**
 * The page on which a run is looked at while it goes on.
 *
 * @module
 */
import { isPartiError } from "../../lib/errors.ts";
import type { SimConsole } from "../console/status_line.ts";
import { liveDocument } from "../live_page/document.ts";
import { LiveFeed, type LiveRun } from "../live_page/live_feed.ts";
import { PageServer } from "../live_page/page_server.ts";
import type { SimReport } from "../report/report.ts";
import type { Asked } from "./run_facts.ts";

/** Where whoever listens can only be on this machine. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/;

/** Serves it. Until there is something to show the page waits. */
export class RunPage implements AsyncDisposable {
  /** Where it is; undefined if it is not wanted. */
  readonly url: string | undefined;
  readonly #server: PageServer | undefined;
  readonly #feed: LiveFeed | undefined;

  private constructor(server?: PageServer, feed?: LiveFeed) {
    this.#server = server;
    this.#feed = feed;
    this.url = server?.url;
  }

  /**
   * Begins to serve it, if it is wanted.
   *
   * @param asked what the run was asked to be, and whether it goes on from a checkpoint
   * @param console where what is shown, too, is said
   * @throws {PartiError} `PARTI_INVALID_CONFIG` if the port is taken, or the address is not ours
   */
  static async open(
    asked: Asked & { readonly resumed?: unknown },
    console: SimConsole,
  ): Promise<RunPage> {
    const { seed, runId, configFile, fault } = asked;
    // A checkpoint of before there was a page says nothing of it.
    const { page, ...config }: Omit<Asked["config"], "page"> & Partial<Asked["config"]> =
      asked.config;
    if (page?.enabled !== true) return new RunPage();
    const feed = new LiveFeed({
      ...{ runId, seed, configFile, fault: fault?.kind ?? null },
      ...{ partitions: config.partitions.count, workers: config.workers.count },
      strategy: config.workers.assignment_strategy,
    });
    const document = await liveDocument(feed.facts);
    const serve = (port: number) => new PageServer({ host: page.host, port }, document, feed);
    let server;
    try {
      server = serve(page.port);
    } catch (error) {
      // A run that goes on has the configuration of its beginning: there is no other port that could be asked for.
      if (asked.resumed === undefined || !isPartiError(error, "PARTI_INVALID_CONFIG")) throw error;
      console.log("WARN", `${error.message}; it is served on another port`);
      server = serve(0);
    }
    console.tell((entry) => feed.said(entry));
    return new RunPage(server, feed);
  }

  /**
   * Says where it is; from now on there is something to show.
   *
   * @param run the run
   * @param console where it is said
   */
  show(run: LiveRun, console: SimConsole): void {
    if (this.#server === undefined) return;
    this.#feed?.begin(run);
    console.log("INFO", `Live page: ${this.#server.url}`);
    if (LOOPBACK.test(new URL(this.#server.url).hostname.replace(/^\[|\]$/g, ""))) return;
    console.log("WARN", "page.host: whoever reaches this address can look at the run");
  }

  /**
   * The run has ended.
   *
   * @param report what came of it
   */
  end(report: Pick<SimReport, "verdict" | "reasons">): void {
    this.#feed?.end(report);
  }

  /** Ends it, once all that look at it have been told everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }
}
