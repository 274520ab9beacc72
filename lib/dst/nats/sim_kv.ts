/**
 * Buckets over a simulated connection, as the real adapter does it: request by request, with the same errors and the same races.
 *
 * @module
 */
import { isPartiError } from "../../errors.ts";
import type { KvBucket, KvBucketOptions, KvStore } from "../../ports/kv.ts";
import { streamOf } from "../../ports/nats/kv_format.ts";
import { KvWire } from "./kv_wire.ts";
import type { SimLink } from "./link.ts";
import { SimKvBucket } from "./sim_kv_bucket.ts";

class SimKvStore implements KvStore {
  readonly #wire: KvWire;

  constructor(link: SimLink) {
    this.#wire = new KvWire(link);
  }

  async open(
    name: string,
    options: KvBucketOptions,
    onDrift?: (setting: string, actual: unknown, wanted: unknown) => void,
  ): Promise<KvBucket> {
    streamOf(name);
    const actual = await this.#infoOrCreate(name, options);
    for (const setting of ["ttlMs", "replicas", "storage"] as const) {
      if (actual[setting] !== options[setting]) {
        onDrift?.(setting, actual[setting], options[setting]);
      }
    }
    return new SimKvBucket(this.#wire, name);
  }

  async identify(name: string): Promise<string | undefined> {
    streamOf(name);
    const { model } = this.#wire;
    const created = await this.#wire.ask("kv info", () => model.find(name)?.created);
    return created?.toString();
  }

  async destroy(name: string): Promise<void> {
    streamOf(name);
    await this.#wire.ask("kv destroy", () => this.#wire.model.destroy(name));
  }

  async #infoOrCreate(name: string, options: KvBucketOptions): Promise<KvBucketOptions> {
    const { model } = this.#wire;
    const info = () => this.#wire.ask("kv info", () => model.bucket(name).settings);
    try {
      return await info();
    } catch (error) {
      if (!isPartiError(error, "PARTI_NOT_FOUND")) throw error;
    }
    const { ttlMs, replicas, storage, removalsTtlMs } = options;
    const settings = { ttlMs, replicas, storage };
    try {
      return await this.#wire.ask(
        "kv create bucket",
        () =>
          model.create(
            name,
            removalsTtlMs === undefined ? settings : { ...settings, removalsTtlMs },
          )
            .settings,
      );
    } catch (error) {
      // Somebody else was faster, with other settings: theirs stay.
      if (isPartiError(error, "PARTI_CONFLICT")) return await info();
      throw error;
    }
  }
}

/**
 * Buckets of a connection.
 *
 * @param link the connection
 * @returns the port
 */
export function simKv(link: SimLink): KvStore {
  return new SimKvStore(link);
}
