/**
 * `nats`: the servers of a run.
 *
 * @module
 */
import * as v from "valibot";
import { strictObject } from "../../lib/config/schema_objects.ts";
import { choice, parsed, text, whole } from "./schema_parts.ts";
import { parseBytes, SIZE_FORMAT, writeBytes } from "./units.ts";

const URL_FORMAT =
  "a URL such as nats://localhost:4222, or those of a cluster's servers with commas between them";
const ONE_URL = "(nats|tls|ws|wss)://[^\\s,]+";

/** How many servers of our own there may be: an even number stands no more failures than one less. */
const CLUSTER_SIZES = [1, 3, 5] as const;

/** Who one is to the servers: one of these ways. They are called what `nats` and its contexts call them, in full words. */
const access = {
  credentials: v.optional(text("a file such as user.creds")),
  nkey: v.optional(text("a file with the seed of an NKey")),
  user: v.optional(text("a name")),
  password: v.optional(text("a password")),
  token: v.optional(text("a token")),
};
const accessSection = strictObject(access);

/** Keys of the section that say who one is. */
export const ACCESS_KEYS = Object.keys(access) as (keyof typeof access)[];

/** Roles that may be somebody else than the rest. */
export const ACCESS_SECTIONS = ["producers", "workers"] as const;

/** Who one is to the servers. */
export type AccessSection = v.InferOutput<typeof accessSection>;

/** The section. */
export const natsSection = strictObject({
  mode: v.optional(choice(["embedded", "external"]), "embedded"),
  url: v.optional(
    v.pipe(
      v.string(URL_FORMAT),
      v.regex(new RegExp(`^${ONE_URL}(, *${ONE_URL})*$`), URL_FORMAT),
    ),
    "nats://localhost:4222",
  ),
  cluster: v.optional(v.picklist(CLUSTER_SIZES, "1, 3 or 5 servers"), 1),
  replicas: v.optional(whole(1, 5)),
  ...access,
  producers: v.optional(accessSection),
  workers: v.optional(accessSection),
  tls: v.optional(strictObject({
    ca: v.optional(text("a PEM file")),
    cert: v.optional(text("a PEM file")),
    key: v.optional(text("a PEM file")),
  })),
  jetstream: v.optional(
    strictObject({
      max_memory: v.optional(parsed(SIZE_FORMAT, parseBytes, writeBytes)),
      max_file_storage: v.optional(parsed(SIZE_FORMAT, parseBytes, writeBytes)),
    }),
    {},
  ),
});

/** The section as it was read. */
export type NatsSection = v.InferOutput<typeof natsSection>;

/**
 * How many servers hold each stream, bucket and consumer.
 *
 * @param nats the section
 * @returns what it says; otherwise all servers that are ours, and one of those that are not
 */
export function replicasOf({ mode, cluster, replicas }: NatsSection): number {
  return replicas ?? (mode === "embedded" ? cluster : 1);
}

/**
 * The addresses of a run's servers.
 *
 * @param url as the configuration has them, with commas between them
 * @returns each of them
 */
export function urlsOf(url: string): string[] {
  return url.split(",").map((one) => one.trim());
}
