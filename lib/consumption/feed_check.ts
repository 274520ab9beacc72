/**
 * Whether a stream can be shared among workers at all. The lock of this library is the server's refusal of overlapping filters, and
 * only a WorkQueue stream has it: on any other one several workers would read one partition, and each move would replay its history,
 * all without an error.
 *
 * @module
 */
import type { GroupConsumerConfig } from "../config/config.ts";
import { isPartiError, PartiError } from "../errors.ts";
import type { FeedStore, StreamInfo } from "../ports/feed.ts";

/** What of a configuration is checked. */
export type FeedToCheck = Pick<GroupConsumerConfig, "stream" | "subjectTemplate">;

/**
 * Checks that a stream exists and is a WorkQueue stream. `Manager.start` and the first lane of a `WorkerConsumer` do so by themselves.
 *
 * @param feed where streams are
 * @param config which stream, and a partition's subject in it
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is missing or has another retention, or what the server says
 */
export async function checkFeed(
  feed: Pick<FeedStore, "streamInfo">,
  config: FeedToCheck,
): Promise<void> {
  const { stream } = config;
  let info: StreamInfo;
  try {
    info = await feed.streamInfo(stream);
  } catch (cause) {
    if (!isPartiError(cause, "PARTI_NOT_FOUND")) throw cause;
    throw new PartiError("PARTI_INVALID_CONFIG", `stream ${stream} does not exist`, {
      cause,
      value: stream,
      hint: `create it: ${creation(stream, config)}`,
    });
  }
  if (info.retention === "workqueue") return;
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    `stream ${stream} has ${info.retention} retention and not workqueue: nothing would keep two workers from one partition, and ` +
      "each move would replay its history",
    {
      value: info.retention,
      hint:
        "a stream's retention cannot become workqueue later: use another stream, which may have this one as its source: " +
        creation(`${stream}-FEED`, config),
    },
  );
}

/** How a stream is made that can be shared, for people. */
function creation(stream: string, { subjectTemplate }: FeedToCheck): string {
  const prefix = subjectTemplate.slice(0, subjectTemplate.indexOf("{{"));
  return `nats stream add ${stream} --retention work --subjects "${prefix}>"`;
}

/** A check that is made once, whoever asks for it; after one that failed it is made again. */
export class FeedCheck {
  readonly #feed: Pick<FeedStore, "streamInfo">;
  readonly #config: FeedToCheck;
  #passing: Promise<void> | undefined;

  /**
   * Checks nothing yet.
   *
   * @param feed where streams are
   * @param config what is checked
   * @param isPassed whether somebody has checked it already
   */
  constructor(feed: Pick<FeedStore, "streamInfo">, config: FeedToCheck, isPassed: boolean) {
    this.#feed = feed;
    this.#config = config;
    if (isPassed) this.#passing = Promise.resolve();
  }

  /**
   * Checks, unless that has been done.
   *
   * @throws {PartiError} as {@linkcode checkFeed}
   */
  pass(): Promise<void> {
    this.#passing ??= checkFeed(this.#feed, this.#config).catch((error) => {
      this.#passing = undefined;
      throw error;
    });
    return this.#passing;
  }
}
