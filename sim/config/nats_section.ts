/**
 * `nats`: the servers of a run.
 *
 * @module
 */
import { z } from "zod";
import { choice, parsed, text, whole } from "./schema_parts.ts";
import { parseBytes, SIZE_FORMAT, writeBytes } from "./units.ts";

const URL_FORMAT =
  "a URL such as nats://localhost:4222, or those of a cluster's servers with commas between them";
const ONE_URL = "(nats|tls|ws|wss)://[^\\s,]+";

/** How many servers of our own there may be: an even number stands no more failures than one less. */
const CLUSTER_SIZES = [1, 3, 5] as const;

/** Who one is to the servers: one of these ways. They are called what `nats` and its contexts call them, in full words. */
const access = {
  credentials: text("a file such as user.creds").optional(),
  nkey: text("a file with the seed of an NKey").optional(),
  user: text("a name").optional(),
  password: text("a password").optional(),
  token: text("a token").optional(),
};
const accessSection = z.strictObject(access);

/** Keys of the section that say who one is. */
export const ACCESS_KEYS = Object.keys(access) as (keyof typeof access)[];

/** Roles that may be somebody else than the rest. */
export const ACCESS_SECTIONS = ["producers", "workers"] as const;

/** Who one is to the servers. */
export type AccessSection = z.output<typeof accessSection>;

/** The section. */
export const natsSection = z.strictObject({
  mode: choice(["embedded", "external"]).default("embedded"),
  url: z.string({ error: URL_FORMAT })
    .regex(new RegExp(`^${ONE_URL}(, *${ONE_URL})*$`), { error: URL_FORMAT })
    .default("nats://localhost:4222"),
  cluster: z.literal(CLUSTER_SIZES, { error: "1, 3 or 5 servers" }).default(1),
  replicas: whole(1, 5).optional(),
  ...access,
  producers: accessSection.optional(),
  workers: accessSection.optional(),
  tls: z.strictObject({
    ca: text("a PEM file").optional(),
    cert: text("a PEM file").optional(),
    key: text("a PEM file").optional(),
  }).optional(),
  jetstream: z.strictObject({
    max_memory: parsed(SIZE_FORMAT, parseBytes, writeBytes).optional(),
    max_file_storage: parsed(SIZE_FORMAT, parseBytes, writeBytes).optional(),
  }).prefault({}),
});

/** The section as it was read. */
export type NatsSection = z.output<typeof natsSection>;

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
