/**
 * Whether a stream can be shared among workers at all. The lock of this library is the server's refusal of overlapping filters, and
 * only a WorkQueue stream has it: on any other one several workers would read one partition, and each move would replay its history,
 * all without an error. Nor does the server mind a filter that no message of the stream can pass: all would be well, and nothing read.
 *
 * @module
 */
import type { GroupConsumerConfig } from "../config/config.ts";
import { isPartiError, PartiError } from "../errors.ts";
import type { FeedStore, StreamInfo } from "../ports/feed.ts";
import { ACK_PENDING_LEAST } from "./lanes/ack_pending.ts";
import { checkShardsMade, keyPrefix, shardStream } from "../sharding/shards.ts";
import { mayLieUnder } from "../subject_template.ts";

/** So many streams are asked about at the same time. */
const AT_ONCE = 16;

/** What lanes need to know of a stream that was checked. */
export type CheckedFeed = Pick<StreamInfo, "maxAckPending">;

/** What of a configuration is checked. */
export type FeedToCheck =
  & Pick<GroupConsumerConfig, "stream" | "subjectTemplate">
  & Partial<Pick<GroupConsumerConfig, "shards">>;

/** One stream of it. */
type StreamToCheck = Pick<FeedToCheck, "stream" | "subjectTemplate">;

/**
 * Checks that a stream exists, is a WorkQueue stream, and may hold what partitions are made of; of a sharded feed, every stream. `Manager.start`
 * and the first lane of a `WorkerConsumer` do so by themselves.
 *
 * @param feed where streams are
 * @param config which stream or streams, and a partition's subject
 * @returns what lanes need to know of it
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is missing, has another retention, other subjects or too low a limit for its consumers, or
 * what the server says
 */
export async function checkFeed(
  feed: Pick<FeedStore, "streamInfo">,
  config: FeedToCheck,
): Promise<CheckedFeed> {
  const { shards } = config;
  if (shards === undefined) return await checkStream(feed, config);
  await checkCount(feed, config.stream, shards);
  let least: number | undefined;
  const checked: StreamInfo[] = [];
  for (let first = 0; first < shards; first += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, shards - first) }, (_, i) => first + i);
    const checks = await Promise.allSettled(
      some.map((shard) => checkShard(feed, config, shard)),
    );
    for (const check of checks) {
      // The first of them, whichever was answered first.
      if (check.status === "rejected") throw check.reason;
      checked.push(check.value);
      const { maxAckPending = Infinity } = check.value;
      if (maxAckPending < (least ?? Infinity)) least = maxAckPending;
    }
  }
  // All of them are there: that one is missing is plainer.
  for (const [i, { metadata }] of checked.entries()) {
    checkShardsMade(shardStream(config.stream, i), metadata, shards);
  }
  return { maxAckPending: least };
}

async function checkStream(
  feed: Pick<FeedStore, "streamInfo">,
  config: StreamToCheck,
): Promise<CheckedFeed> {
  const info = await infoOf(feed, config);
  checkRetention(info, config);
  checkSubjects(info, config);
  checkLimit(info, config);
  return { maxAckPending: info.maxAckPending };
}

/** A shard is read as a whole: whatever else lay in it would be taken for a key of it. */
async function checkShard(
  feed: Pick<FeedStore, "streamInfo">,
  config: FeedToCheck,
  shard: number,
): Promise<StreamInfo> {
  const one = streamOfShard(config, shard);
  const info = await infoOf(feed, one);
  checkRetention(info, one);
  checkLimit(info, one);
  const prefix = keyPrefix(config.subjectTemplate, shard);
  const strange = info.subjects.filter((subject) => !subject.startsWith(prefix));
  if (strange.length > 0 || info.mayHoldOthers) {
    throw new PartiError(
      "PARTI_INVALID_CONFIG",
      `stream ${one.stream} may hold other messages than those of ${prefix}>: ${
        info.mayHoldOthers ? "it has a source, a mirror or a transform" : strange.join(", ")
      }`,
      {
        value: info.subjects,
        hint: "use the subject template with which the streams were made, and streams of their own",
      },
    );
  }
  return info;
}

/** A feed with more shards than this group knows of would be consumed in part, and nobody would notice. */
async function checkCount(
  feed: Pick<FeedStore, "streamInfo">,
  stream: string,
  shards: number,
): Promise<void> {
  const beyond = shardStream(stream, shards);
  try {
    await feed.streamInfo(beyond);
  } catch (error) {
    if (isPartiError(error, "PARTI_NOT_FOUND")) return;
    throw error;
  }
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    `there is a stream ${beyond}: the feed has more shards than ${shards}, and those would not be consumed`,
    { value: shards, hint: "set consumer.shards to the number of streams there are" },
  );
}

/** A shard's stream and what lies in it, as a feed of one stream. */
function streamOfShard({ stream, subjectTemplate }: FeedToCheck, shard: number): StreamToCheck {
  return {
    stream: shardStream(stream, shard),
    subjectTemplate: subjectTemplate.replace("{{.Shard}}", String(shard)),
  };
}

async function infoOf(
  feed: Pick<FeedStore, "streamInfo">,
  config: StreamToCheck,
): Promise<StreamInfo> {
  const { stream } = config;
  try {
    return await feed.streamInfo(stream);
  } catch (cause) {
    if (!isPartiError(cause, "PARTI_NOT_FOUND")) throw cause;
    throw new PartiError("PARTI_INVALID_CONFIG", `stream ${stream} does not exist`, {
      cause,
      value: stream,
      hint: `create it: ${creation(stream, config)}`,
    });
  }
}

function checkRetention({ retention }: StreamInfo, config: StreamToCheck): void {
  if (retention === "workqueue") return;
  const { stream } = config;
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    `stream ${stream} has ${retention} retention and not workqueue: nothing would keep two workers from one partition, and ` +
      "each move would replay its history",
    {
      value: retention,
      hint:
        "a stream's retention cannot become workqueue later: let copyToShards copy it into a sharded feed, or publish to another stream (not " +
        `with this one as its source, which may lose messages when the server is restarted): ${
          creation(`${stream}-FEED`, config)
        }`,
    },
  );
}

/** What comes from another stream, or is stored under another subject than it was sent to, is not told by the stream's subjects. */
function checkSubjects({ subjects, mayHoldOthers }: StreamInfo, config: StreamToCheck): void {
  const { stream, subjectTemplate } = config;
  if (mayHoldOthers || subjects.some((subject) => mayLieUnder(subjectTemplate, subject))) return;
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    `no subject of stream ${stream} (${
      subjects.join(", ")
    }) can be one of ${subjectTemplate}: nothing would ever be consumed`,
    {
      value: subjectTemplate,
      hint:
        `set consumer.subjectTemplate to what the stream's subjects allow, or add its subjects to the stream: nats stream edit ` +
        `${stream} --subjects "${[...subjects, `${prefixOf(subjectTemplate)}>`].join(",")}"`,
    },
  );
}

function checkLimit({ maxAckPending }: StreamInfo, { stream }: StreamToCheck): void {
  if (maxAckPending === undefined || maxAckPending >= ACK_PENDING_LEAST) return;
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    `stream ${stream} allows each of its consumers ${maxAckPending} unacknowledged messages: a lane needs ${ACK_PENDING_LEAST} at least`,
    {
      value: maxAckPending,
      hint: "raise max_ack_pending in the stream's consumer_limits, or take it out",
    },
  );
}

/** How a stream is made that can be shared, for people. */
function creation(stream: string, { subjectTemplate }: StreamToCheck): string {
  return `nats stream add ${stream} --retention work --subjects "${prefixOf(subjectTemplate)}>"`;
}

/** The whole tokens before the partition. */
function prefixOf(subjectTemplate: string): string {
  const before = subjectTemplate.slice(0, subjectTemplate.indexOf("{{"));
  return before.slice(0, before.lastIndexOf(".") + 1);
}

/** Checks one of a feed's streams. */
function checkOne(
  feed: Pick<FeedStore, "streamInfo">,
  config: FeedToCheck,
  stream: string,
): Promise<CheckedFeed> {
  const { shards } = config;
  if (shards === undefined) return checkStream(feed, config);
  const isOf = (_: unknown, shard: number) => shardStream(config.stream, shard) === stream;
  return checkShard(feed, config, Array.from({ length: shards }).findIndex(isOf));
}

/**
 * A check that is made once, whoever asks for it; after one that failed it is made again, and that of a stream which may have been made anew
 * since.
 */
export class FeedCheck {
  readonly #feed: Pick<FeedStore, "streamInfo">;
  readonly #config: FeedToCheck;
  #passing: Promise<CheckedFeed> | undefined;
  /** The later checks of streams that were doubted; undefined where one is due. */
  readonly #later = new Map<string, Promise<CheckedFeed> | undefined>();

  /**
   * Checks nothing yet.
   *
   * @param feed where streams are
   * @param config what is checked
   * @param passed what was found, if somebody has checked it already
   */
  constructor(feed: Pick<FeedStore, "streamInfo">, config: FeedToCheck, passed?: CheckedFeed) {
    this.#feed = feed;
    this.#config = config;
    if (passed !== undefined) this.#passing = Promise.resolve(passed);
  }

  /**
   * Notes that what was found of a stream may not hold any more: its consumers are gone, as when it was deleted and made anew.
   *
   * @param stream the stream
   */
  doubt(stream: string): void {
    this.#later.set(stream, undefined);
  }

  /**
   * Checks, unless that has been done and nothing doubted since.
   *
   * @param stream the stream on which a lane is to be made
   * @returns what lanes need to know of it
   * @throws {PartiError} as {@linkcode checkFeed}
   */
  async pass(stream: string): Promise<CheckedFeed> {
    this.#passing ??= checkFeed(this.#feed, this.#config).catch((error) => {
      this.#passing = undefined;
      throw error;
    });
    const passed = await this.#passing;
    return this.#later.has(stream) ? await this.#passAgain(stream) : passed;
  }

  async #passAgain(stream: string): Promise<CheckedFeed> {
    const known = this.#later.get(stream);
    if (known !== undefined) return await known;
    const check = checkOne(this.#feed, this.#config, stream);
    this.#later.set(stream, check);
    try {
      return await check;
    } catch (error) {
      if (this.#later.get(stream) === check) this.doubt(stream);
      throw error;
    }
  }
}
