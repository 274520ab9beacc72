import assert from "node:assert/strict";
import {
  checkKey,
  isShardTemplate,
  keyPrefix,
  shardNumber,
  shardOf,
  shardPartitions,
  shardStream,
  shardSubject,
} from "./shards.ts";
import { partitionId } from "../assignment/partition.ts";

const TEMPLATE = "orders.{{.Shard}}.{{.PartitionID}}";

Deno.test("a key's shard is what FNV-1a of 32 bits says", () => {
  // The vectors of the hash's authors: "", "a", "foobar".
  const hashes: [string, number][] = [["", 0x811c9dc5], ["a", 0xe40c292c], ["foobar", 0xbf9cf968]];
  for (const [key, hash] of hashes) assert.equal(shardOf(key, 2 ** 32), hash);
  assert.equal(shardOf("foo.bar", 2 ** 32), 0xbf9cf968, "dots do not count");
  assert.equal(shardOf("foobar", 7), 0xbf9cf968 % 7);
});

Deno.test("keys spread over the shards", () => {
  const counts = new Array<number>(16).fill(0);
  for (let i = 0; i < 16_000; i++) counts[shardOf(`tenant-${i}`, 16)]!++;
  assert.ok(Math.min(...counts) > 850 && Math.max(...counts) < 1_150, counts.join(" "));
});

Deno.test("a message lies under its shard's prefix, in its shard's stream", () => {
  const feed = { subjectTemplate: TEMPLATE, shards: 16 };
  const shard = shardOf("eu.tenant-7", 16);
  assert.equal(shardSubject(feed, "eu.tenant-7"), `orders.${shard}.eu.tenant-7`);
  assert.equal(keyPrefix(TEMPLATE, 3), "orders.3.");
  assert.equal(shardStream("ORDERS", 3), "ORDERS-3");
});

Deno.test("shards are partitions by number, and nothing else is a shard", () => {
  const ids = shardPartitions(12).map(partitionId);
  assert.deepEqual(ids.map((id) => shardNumber(id, 12)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  for (const id of ["shard-12", "shard-01", "shard-", "shard-1.x", "eu"]) {
    assert.throws(() => shardNumber(id, 12), { code: "PARTI_INVALID_PARTITION" });
  }
});

Deno.test("a template has the shard as a token and the key at the end", () => {
  const good = [TEMPLATE, "{{.Shard}}.{{.PartitionID}}", "a.{{.Shard}}.b.{{.PartitionID}}"];
  for (const template of good) assert.equal(isShardTemplate(template), true, template);
  const bad = [
    "orders.{{.PartitionID}}",
    "orders.{{.Shard}}",
    "orders.{{.PartitionID}}.{{.Shard}}",
    "orders.{{.Shard}}.{{.PartitionID}}.x",
    "orders.s{{.Shard}}.{{.PartitionID}}",
    "orders.{{.Shard}}x.{{.PartitionID}}",
    "orders.{{.Shard}}.{{.Shard}}.{{.PartitionID}}",
    "orders.{{.Shard}}.x{{.PartitionID}}",
  ];
  for (const template of bad) assert.equal(isShardTemplate(template), false, template);
});

Deno.test("a layout that is none is told, and nothing is published by it", () => {
  for (const shards of [0, 1.5, NaN, -1, 1_025]) {
    assert.throws(() => shardSubject({ subjectTemplate: TEMPLATE, shards }, "a"), {
      code: "PARTI_INVALID_CONFIG",
    });
  }
  const subjectTemplate = "orders.{{.PartitionID}}";
  assert.throws(() => shardSubject({ subjectTemplate, shards: 4 }, "a"), {
    code: "PARTI_INVALID_CONFIG",
    value: subjectTemplate,
  });
  assert.equal(
    shardSubject({ subjectTemplate: TEMPLATE, shards: 16 }, "tenant-7"),
    "orders.13.tenant-7",
  );
});

Deno.test("a key that is no part of a subject is told before anything is published by it", () => {
  const feed = { subjectTemplate: TEMPLATE, shards: 16 };
  for (const key of ["", ".", "a..b", ".a", "a.", "*", ">", "a.*", "a b", "a\r\n"]) {
    const refused = { code: "PARTI_INVALID_PARTITION" };
    assert.throws(() => shardSubject(feed, key), refused, JSON.stringify(key));
    assert.throws(() => checkKey(key, shardOf(key, 16), 16), refused, JSON.stringify(key));
  }
  checkKey("tenant-7", 13, 16);
  assert.throws(() => checkKey("tenant-7", 13, 8), {
    code: "PARTI_INVALID_PARTITION",
    message: /lies in shard 13, and of 8 shards it belongs into 5/,
  });
});

Deno.test("the examples of the README are of one feed: whoever follows all of them does not get two", async () => {
  const text = await Deno.readTextFile(new URL("README.md", import.meta.url));
  const layouts = text.matchAll(
    /stream: "ORDERS",\n\s+subjectTemplate: "(.*?)",.*\n\s+shards: (\d+)/g,
  );
  const of = [...layouts].map(([, template, shards]) => `${template} ${shards}`);
  assert.equal(of.length, text.split('stream: "ORDERS"').length - 1, "each says its template");
  assert.equal(new Set(of).size, 1, of.join(", "));
});
