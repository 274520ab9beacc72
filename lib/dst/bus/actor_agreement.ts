/**
 * Whether the directory says what is, and what is left on the server in the end.
 *
 * @module
 */
import { bucketKey } from "../../bus/actors/actor_id.ts";
import type { ActorSystem } from "../../bus/actors/actor_system.ts";
import { directoryBucket, nodeBucket } from "../../bus/names.ts";
import { isPartiError } from "../../errors.ts";
import type { World } from "../../ports/world.ts";
import { KvModel } from "../nats/kv_model.ts";
import type { ModelServer } from "../nats/server.ts";
import { BUS, FOR_EVER } from "./bus_cluster.ts";
import { tokenOf } from "./ledger.ts";

/** Whose actors they are. */
export interface Hosts {
  /** Whoever lives. */
  readonly alive: readonly { readonly node: string; readonly actors: ActorSystem }[];
  /** A world that no fault reaches but the server's end. */
  readonly admin: World;
}

type Entries = Map<string, { readonly activation: string; readonly address: string }>;

/**
 * Why directory and hosts do not agree.
 *
 * @param hosts whose actors they are
 * @param nodes how many there should be
 * @returns why; undefined if they do
 */
export async function disagreement(
  { alive, admin }: Hosts,
  nodes: number,
): Promise<string | undefined> {
  if (alive.length < nodes) return "a node is missing";
  const strayed = alive.find(({ actors }) => !actors.mayAct);
  if (strayed !== undefined) return `${strayed.node} has no lease`;
  const entries = await entriesOf(admin);
  if (entries === undefined) return "the server is not back";
  for (const { actors, node } of alive) {
    for (const { id, name, state } of actors.activations) {
      if (state !== "valid") return `${id} at ${node} is ${state}`;
      if (entries.get(bucketKey(id))?.activation !== name) {
        return `${id} at ${node} is not in the directory`;
      }
      entries.delete(bucketKey(id));
    }
  }
  const [left] = entries;
  if (left === undefined) return undefined;
  const [key, { address }] = left;
  const isThere = alive.some(({ actors }) => actors.address === address);
  const where = `${isThere ? "" : "the late "}${address}`;
  return `${key} is in the directory and nowhere else, at ${where}`;
}

/** What the directory says; undefined while nobody can look. */
async function entriesOf(admin: World): Promise<Entries | undefined> {
  try {
    const bucket = await admin.kv.open(directoryBucket(BUS), FOR_EVER);
    const listed = await bucket.list(">");
    return new Map(listed.map(({ key, value }) => [key, JSON.parse(tokenOf(value))]));
  } catch (error) {
    if (!isPartiError(error)) throw error;
    return undefined;
  }
}

/**
 * What is left of nodes and actors when all have left.
 *
 * @param server where
 * @returns entries and watches, in words
 */
export function leftOnServer(server: ModelServer): string[] {
  const kv = KvModel.of(server);
  const keys = [directoryBucket(BUS), nodeBucket(BUS)].flatMap((name) =>
    (kv.find(name)?.from(1, () => true) ?? [])
      .filter(({ operation, value }) => operation === "put" && !isStone(value))
      .map(({ key }) => `${name}: ${key}`)
  );
  return [...keys, ...(kv.readerCount > 0 ? [`${kv.readerCount} watches`] : [])];
}

/** It keeps a life from coming back, or says that it is doubted, and expires by itself. */
function isStone(value: Uint8Array): boolean {
  const decoded = JSON.parse(tokenOf(value));
  return "dead" in decoded || "doubted" in decoded;
}
