/**
 * The calls that the feed of actors by partition has stored: each must be handled, whatever becomes of it.
 *
 * @module
 */
import { type Call, decodeEnvelope, type Said } from "../../bus/envelope.ts";
import { type ShardedFeed, shardStream } from "../../sharding/shards.ts";
import type { Always } from "../assertions/assertions.ts";
import type { ModelServer } from "../nats/server.ts";
import { StreamsModel } from "../nats/streams_model.ts";
import { readPayload } from "./actor_payload.ts";
import type { Ledger } from "./ledger.ts";

/** What is asserted of them. */
export type StoredNames = "what is stored is handled";

/** Sees them. */
export class StoredCalls {
  readonly #stored = new Set<string>();
  /** Those whose actors could not begin as long as they had time. */
  readonly #givenUp = new Set<string>();

  /**
   * Follows a feed, whose streams must exist, from now on.
   *
   * @param server where it is
   * @param feed the feed
   */
  follow(server: ModelServer, { stream, shards }: ShardedFeed): void {
    for (let shard = 0; shard < shards; shard++) {
      StreamsModel.of(server).stream(shardStream(stream, shard), "tap").follow(({ data }) => {
        this.#stored.add(readPayload(decodeEnvelope(data)!.payload).token);
      });
    }
  }

  /** A call is answered, or refused. */
  answered({ payload }: Call, { reason }: Said): void {
    if (reason === "given up") this.#givenUp.add(readPayload(payload).token);
  }

  /**
   * When the feed is empty.
   *
   * @param assertions the run's
   * @param ledger the books
   */
  check(assertions: Always<StoredNames>, ledger: Ledger): void {
    for (const token of this.#stored) {
      const isHandled = ledger.find(token)!.executions > 0 || this.#givenUp.has(token);
      assertions.always("what is stored is handled", isHandled, `${token} was stored and is gone`);
    }
  }
}
