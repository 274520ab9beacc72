/**
 * What actors have said they keep, and what is kept of it on the server.
 *
 * @module
 */
import { type ActorId, bucketKey } from "../../bus/actors/actor_id.ts";
import { decodeState } from "../../bus/actors/state_store.ts";
import type { World } from "../../ports/world.ts";
import type { Always } from "../assertions/assertions.ts";
import { readKept } from "./actor_payload.ts";
import { FOR_EVER } from "./bus_cluster.ts";

/** What is asserted of it. */
export type KeptNames = "nothing kept is lost" | "nothing is kept twice";

/** The books on what is kept. */
export class KeptBooks {
  readonly #bucket: string;
  readonly #promised = new Map<ActorId, Set<string>>();

  /** @param bucket the name of the bucket in which they keep it */
  constructor(bucket: string) {
    this.#bucket = bucket;
  }

  /** An actor has said that it keeps a call. */
  promise(id: ActorId, token: string): void {
    const promised = this.#promised.get(id) ?? new Set();
    this.#promised.set(id, promised.add(token));
  }

  /**
   * Compares with what the server has.
   *
   * @param admin a world that no fault reaches
   * @param assertions the run's
   * @returns what each actor keeps
   */
  async check(
    admin: World,
    assertions: Always<KeptNames>,
  ): Promise<ReadonlyMap<ActorId, readonly string[]>> {
    const bucket = await admin.kv.open(this.#bucket, FOR_EVER);
    const kept = new Map((await bucket.list(">")).map(({ key, value }) => {
      const tokens = readKept(decodeState(value).value);
      assertions.always("nothing is kept twice", new Set(tokens).size === tokens.length, key);
      return [key, tokens];
    }));
    for (const [id, promised] of this.#promised) {
      const missing = [...promised].filter((token) => !kept.get(bucketKey(id))?.includes(token));
      const text = `${id} has lost ${missing.join(", ")}`;
      assertions.always("nothing kept is lost", missing.length === 0, text);
    }
    return kept;
  }
}
