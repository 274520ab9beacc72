/**
 * The stream a sharded feed is made of: whether it can be one, what of it is read, and a message's key.
 *
 * @module
 */
import type { PartitionId } from "../../assignment/partition.ts";
import { isPartiError, PartiError } from "../../errors.ts";
import type { FeedStore, StreamInfo } from "../../ports/feed.ts";
import { mayLieUnder, placeholders } from "../../subject_template.ts";

/** The stream whose messages are copied. */
export interface CopySource {
  /** The stream, of limits or interest retention. */
  readonly stream: string;
  /** A message's subject in it, with `{{.PartitionID}}` where the key is, which is one token or more. What looks otherwise is not copied. */
  readonly subjectTemplate: string;
}

const PLACEHOLDER = "{{.PartitionID}}";

/** What of a source is read, and where the key of a message is. */
export class SourceSubjects {
  /** The subjects to read; none for the whole stream. A suffix is looked at here: the server has no pattern for what follows the key. */
  readonly filterSubjects: readonly string[];
  readonly #prefix: string;
  readonly #suffix: string;

  /**
   * @param subjectTemplate a subject with `{{.PartitionID}}`
   * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is none
   */
  constructor(subjectTemplate: string) {
    if (placeholders(subjectTemplate) !== 1 || subjectTemplate.includes("{{.Shard}}")) {
      throw new PartiError(
        "PARTI_INVALID_CONFIG",
        `${subjectTemplate} does not say where keys are`,
        {
          value: subjectTemplate,
          hint: "a subject in which {{.PartitionID}} occurs once, without wildcards and {{.Shard}}",
        },
      );
    }
    const [prefix, suffix] = subjectTemplate.split(PLACEHOLDER) as [string, string];
    this.#prefix = prefix;
    this.#suffix = suffix;
    const whole = prefix.slice(0, prefix.lastIndexOf(".") + 1);
    this.filterSubjects = whole === "" ? [] : [`${whole}>`];
  }

  /**
   * The key of a message.
   *
   * @param subject its subject in the source
   * @returns the key; undefined if the subject is not one of the template's
   */
  keyOf(subject: string): PartitionId | undefined {
    const end = subject.length - this.#suffix.length;
    const isOne = end > this.#prefix.length && subject.startsWith(this.#prefix) &&
      subject.endsWith(this.#suffix);
    if (!isOne) return undefined;
    const key = subject.slice(this.#prefix.length, end);
    // Where the template has its placeholder within a token, the key must not begin or end between two tokens.
    return key.startsWith(".") || key.endsWith(".") ? undefined : key;
  }
}

/**
 * Describes a source, and checks that a feed can be made of it.
 *
 * @param feed where streams are
 * @param source the source
 * @returns the description
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is missing, is a work queue, or cannot hold a subject of the template, or what the
 * server says
 */
export async function checkSource(
  feed: Pick<FeedStore, "streamInfo">,
  { stream, subjectTemplate }: CopySource,
): Promise<StreamInfo> {
  let info: StreamInfo;
  try {
    info = await feed.streamInfo(stream);
  } catch (cause) {
    if (!isPartiError(cause, "PARTI_NOT_FOUND")) throw cause;
    throw new PartiError("PARTI_INVALID_CONFIG", `stream ${stream} does not exist`, {
      ...{ cause, value: stream },
      hint: "name the stream whose messages are to be copied",
    });
  }
  if (info.retention === "workqueue") {
    throw new PartiError(
      "PARTI_INVALID_CONFIG",
      `stream ${stream} is a work queue: what is copied from it would be taken from whoever else reads it`,
      {
        value: info.retention,
        hint: "let the group consume it as it is, without shards, or publish to the shards",
      },
    );
  }
  const { subjects, mayHoldOthers } = info;
  if (mayHoldOthers || subjects.some((subject) => mayLieUnder(subjectTemplate, subject))) {
    return info;
  }
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    `no subject of stream ${stream} (${
      subjects.join(", ")
    }) can be one of ${subjectTemplate}: nothing would ever be copied`,
    { value: subjectTemplate, hint: "say where in the stream's subjects the key is" },
  );
}
