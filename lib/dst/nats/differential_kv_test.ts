import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { BUCKET, bytes, textOf, until, watchLog } from "../../ports/contract/helpers_test.ts";
import type { KvBucket, KvEntry } from "../../ports/kv.ts";
import { natsRig, testServers } from "../../ports/nats/rig_test.ts";
import type { World } from "../../ports/world.ts";
import { Draws } from "../draw.ts";
import { simulate } from "./simulate_test.ts";
import { envCount } from "../../test_support/env_count.ts";

/** Operations per server. `PARTI_FUZZ_OPERATIONS=10000` is a long run, and `PARTI_FUZZ_SEED` another one. */
const OPERATIONS = envCount("PARTI_FUZZ_OPERATIONS", 800);
const SEED = envCount("PARTI_FUZZ_SEED", 1);
/** A run with a bucket of its own has so many. */
const PER_RUN = 400;
const KEYS = ["a", "a.1", "a.2", "b.1", "b.2.c"];
const PATTERNS = [">", "a.*", "b.>", "b.*.c", "a", "none"];

/** What a world answered, step by step, and what its watch had seen in the end. */
interface Answers {
  readonly seed: number;
  readonly steps: string[];
  readonly seen: KvEntry[];
  /** The keys that were erased and not written since. */
  readonly erased: ReadonlySet<string>;
}

function lineOf(entry: KvEntry | undefined): string {
  if (entry === undefined) return "nothing";
  return `${entry.key}=${textOf(entry.value)}@${entry.revision}`;
}

/**
 * One operation, the same in both worlds: nothing but the seed and the answers so far decides which. `erased` has the keys that were
 * erased and not written since.
 */
function step(
  draws: Draws,
  bucket: KvBucket,
  last: number,
  index: number,
  erased: Set<string>,
): Promise<unknown> {
  const key = draws.pick(KEYS);
  const value = bytes(String(index));
  const revision = draws.chance(0.5) ? last : draws.integer(0, last + 1);
  const written = <T>(answer: T) => (erased.delete(key), answer);
  switch (draws.integer(0, 8)) {
    case 0:
    case 1:
      return bucket.create(key, value).then(written);
    case 2:
      return bucket.update(key, value, revision).then(written);
    case 3:
      return bucket.put(key, value).then(written);
    case 4:
      return bucket.remove(key).then(written);
    case 5:
      return bucket.remove(key, revision).then(written);
    case 6:
      return bucket.erase(key).then(() => void erased.add(key));
    case 7:
      return bucket.get(key).then(lineOf);
    default:
      return bucket.list(draws.pick(PATTERNS)).then((all) => all.map(lineOf).join(" "));
  }
}

async function drive({ kv, clock }: World, seed: number): Promise<Answers> {
  const draws = new Draws(seed, "differential");
  const bucket = await kv.open("b", BUCKET);
  const log = await watchLog(bucket, ">");
  const steps: string[] = [];
  const erased = new Set<string>();
  let last = 0;
  for (let i = 0; i < PER_RUN; i++) {
    try {
      const answer = await step(draws, bucket, last, i, erased);
      if (typeof answer === "number") last = answer;
      steps.push(String(answer));
    } catch (error) {
      if (!isPartiError(error)) throw error;
      steps.push(error.code);
    }
  }
  const end = await bucket.put("end", bytes("end"));
  await until(clock, "the end", () => log.entries.at(-1)?.revision === end);
  await log.watch.close();
  return { seed, steps, seen: log.entries, erased };
}

for (const server of testServers()) {
  Deno.test(`${server.label}: buckets of the model answer as those of the server do`, async () => {
    await using rig = await natsRig(server);
    for (let done = 0, seed = SEED; done < OPERATIONS; done += PER_RUN, seed++) {
      const link = await rig.connect();
      const real = await drive(link.world, seed);
      let model: Answers = { seed, steps: [], seen: [], erased: new Set() };
      await simulate(rig.version, async ({ connect }) => {
        model = await drive(connect().world, seed);
      }, seed);
      // The server may leave out what was overwritten before it was sent.
      const revisions = new Set(real.seen.map((entry) => entry.revision));
      const sent = model.seen.filter(({ revision }) => revisions.has(revision));
      assert.deepEqual({ ...model, seen: sent }, real);
      // What was erased right after it was written may have never been sent: only of what lies there must the last have been seen.
      const lastOf = ({ seen, erased }: Answers) =>
        new Map(seen.filter(({ key }) => !erased.has(key)).map((entry) => [entry.key, entry]));
      assert.deepEqual(lastOf(real), lastOf(model));
      await link.world.kv.destroy("b");
      await link.close();
    }
  });
}
