import assert from "node:assert/strict";
import { headers as newHeaders, type NatsConnection } from "@nats-io/nats-core";
import { Kvm } from "@nats-io/kv";
import type { NatsServer } from "../../../tasks/nats_launcher.ts";
import {
  BUCKET,
  bytes,
  FEED,
  lane,
  numbers,
  publishNumbers,
  pullLog,
  refused,
  textOf,
  until,
  watchLog,
} from "../contract/helpers_test.ts";
import { callApi } from "./api.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { connectNats } from "./connect.ts";
import { linkOf } from "./link.ts";
import { launchTestServer, type TestServer, testServers } from "./rig_test.ts";
import type { WireConsumerInfo, WireStreamInfo } from "./wire.ts";
import { natsWorld } from "./world.ts";

type Fact = (nc: NatsConnection, server: NatsServer) => Promise<void>;

/** What is true of nats-server itself, beyond what the ports promise. */
function fact(name: string, check: Fact, extraConfig?: string): void {
  for (const server of testServers()) {
    Deno.test(`${server.label}: ${name}`, () => run(server, check, extraConfig));
  }
}

async function run(server: TestServer, check: Fact, extraConfig?: string): Promise<void> {
  await using nats = await launchTestServer(server, extraConfig);
  const nc = await connectNats({ servers: nats.url });
  try {
    await check(nc, nats);
  } finally {
    await nc.close();
  }
}

fact("a cursor is not rewound when a filter grows: older messages are stranded", async (nc) => {
  for (const retention of ["workqueue", "limits"] as const) {
    const { feed, clock } = natsWorld(nc);
    const stream = `S_${retention}`;
    await feed.ensureStream(stream, { ...FEED, subjects: [`${retention}.>`], retention });
    for (const i of numbers(1, 10)) {
      await publishNumbers(feed, `${retention}.1`, i, i);
      await publishNumbers(feed, `${retention}.2`, i, i);
    }
    await feed.createConsumer(stream, lane("a", [`${retention}.1`]));
    const log = pullLog(feed, stream, "a", 100);
    await until(clock, "ten", () => log.messages.length === 10);
    const link = linkOf(nc);
    const info = await callApi<WireConsumerInfo>(link, `CONSUMER.INFO.${stream}.a`, undefined, "");
    const { filter_subject: _old, ...rest } = info.config;
    const config = { ...rest, filter_subjects: [`${retention}.1`, `${retention}.2`] };
    const body = { stream_name: stream, config, action: "update" };
    const grown = await callApi<WireConsumerInfo>(
      link,
      `CONSUMER.CREATE.${stream}.a`,
      body,
      "grow",
    );
    assert.equal(grown.config.filter_subjects?.length, 2);
    await publishNumbers(feed, `${retention}.2`, 11, 11);
    await until(clock, "the new one", () => log.messages.length > 10);
    // Only what lies behind the cursor comes: of feed.2 the last two at most, of which one lay behind it before.
    const came = log.messages.slice(10).map((message) => textOf(message.data));
    assert.ok(came.length <= 2 && came.includes("11"), String(came));
    log.pull.close();
  }
});

fact("the format of buckets is that of other clients", async (nc) => {
  const { kv, clock } = natsWorld(nc);
  const ours = await kv.open("b", BUCKET);
  const theirs = await new Kvm(nc).create("b");
  const revision = await ours.create("k", bytes("1"));
  assert.equal((await theirs.get("k"))?.string(), "1");
  const next = await theirs.update("k", "2", revision);
  assert.equal((await ours.get("k"))?.revision, next);
  const log = await watchLog(ours, ">");
  await theirs.delete("k");
  await ours.create("k", bytes("3"));
  await theirs.purge("k");
  await until(clock, "all", () => log.lines.at(-1)?.startsWith("k-@") === true);
  assert.equal(await ours.get("k"), undefined);
  await ours.create("k", bytes("4"));
  await ours.remove("k");
  const last = await theirs.get("k");
  assert.equal(last?.operation, "DEL");
  await theirs.create("k", "5");
  assert.equal(textOf((await ours.get("k"))!.value), "5");
  const made = await new Kvm(nc).create("theirs", { ttl: 60_000, replicas: 1 });
  await made.put("x", "y");
  const opened = await kv.open("theirs", { ...BUCKET, ttlMs: 60_000 }, (...drift) => {
    assert.fail(String(drift));
  });
  assert.deepEqual((await opened.list(">")).map((entry) => entry.key), ["x"]);
  await log.watch.close();
});

fact("expiry is told by a marker from 2.11 on, and by nothing before", async (nc, server) => {
  const { kv, clock } = natsWorld(nc);
  const { markers } = capabilitiesOf(server.version);
  const bucket = await kv.open("b", { ...BUCKET, ttlMs: 1_000 });
  const log = await watchLog(bucket, ">");
  const revision = await bucket.create("k", bytes("a"));
  const startMs = clock.monotonicMs();
  await until(clock, "expiry", async () => await bucket.get("k") === undefined, 5_000);
  const lateMs = clock.monotonicMs() - startMs - 1_000;
  assert.ok(lateMs < 1_500, `${lateMs} ms late`);
  if (markers) await until(clock, "the marker", () => log.entries.length === 2);
  const again = await bucket.create("k", bytes("b"));
  await until(clock, "the re-creation", () => log.entries.at(-1)?.revision === again);
  const seen = log.entries.map((entry) => entry.operation);
  assert.deepEqual(seen, markers ? ["put", "removed", "put"] : ["put", "put"]);
  assert.ok(again > revision);
  await log.watch.close();
});

fact("nothing is left on the server by listings and watches that were closed", async (nc) => {
  const { kv, clock } = natsWorld(nc);
  const bucket = await kv.open("b", BUCKET);
  await bucket.put("k", bytes("a"));
  const logs = await Promise.all(numbers(1, 5).map(() => watchLog(bucket, ">")));
  for (let i = 0; i < 5; i++) await bucket.list(">");
  const consumers = async (): Promise<number> => {
    const info = await callApi<WireStreamInfo & { state: { consumer_count: number } }>(
      linkOf(nc),
      "STREAM.INFO.KV_b",
      undefined,
      "",
    );
    return info.state.consumer_count;
  };
  await until(clock, "only the watches", async () => await consumers() === 5);
  for (const log of logs) await log.watch.close();
  await until(clock, "none", async () => await consumers() === 0);
});

fact(
  "a user who may not ask gets a refusal, not a timeout",
  async (_nc, server) => {
    const nc = await connectNats({ servers: server.url, user: "weak", pass: "x" });
    const { feed, messaging } = natsWorld(nc);
    await refused(messaging.request("secret", bytes("?"), 5_000), "PARTI_REFUSED");
    await refused(feed.destroyStream("S"), "PARTI_REFUSED");
    await nc.close();
  },
  `accounts { A { jetstream: enabled, users [
    { user: strong, password: x },
    { user: weak, password: x, permissions: { publish: { deny: ["secret", "$JS.API.STREAM.DELETE.>"] } } }
  ] } }
  no_auth_user: strong`,
);

fact("of a header that occurs twice the first value is read", async (nc) => {
  const { feed } = natsWorld(nc);
  await feed.ensureStream("OUT", { ...FEED, subjects: ["out.>"], retention: "limits" });
  const odd = newHeaders();
  odd.append("X", "1");
  odd.append("X", "2");
  // As a request, whose answer says that the stream has stored it: a flush says no more than that the server has it.
  await nc.request("out.1", bytes("a"), { headers: odd, timeout: 5_000 });
  const last = await feed.lastMessage("OUT", "out.1");
  assert.equal(last?.header("X"), "1");
});

fact("streams and buckets of ours take more than a thousand consumers", async (nc) => {
  const { feed, kv } = natsWorld(nc);
  await feed.ensureStream("S", FEED);
  await kv.open("b", BUCKET);
  for (const stream of ["S", "KV_b"]) {
    const info = await callApi<WireStreamInfo>(linkOf(nc), `STREAM.INFO.${stream}`, undefined, "");
    assert.ok(info.config.max_consumers! > 1_000, `${stream}: ${info.config.max_consumers}`);
  }
});

fact(
  "a stream without a bound of its own takes a thousand consumers, of an old server any number",
  async (nc, server) => {
    const { feed } = natsWorld(nc);
    const body = { name: "S", subjects: ["s.>"], storage: "memory", retention: "workqueue" };
    await callApi(linkOf(nc), "STREAM.CREATE.S", body, "create");
    const results: PromiseSettledResult<void>[] = [];
    // A few at a time: a server works off one connection's calls in turn and answers no ping meanwhile.
    for (let i = 1; i <= 1_005; i += 15) {
      const some = numbers(i, i + 14).map((n) =>
        feed.createConsumer("S", lane(`l${n}`, [`s.${n}`]))
      );
      results.push(...await Promise.allSettled(some));
    }
    const refusals = results.flatMap((result) =>
      result.status === "rejected" ? [result.reason] : []
    );
    assert.equal(refusals.length, server.version.startsWith("2.10.") ? 0 : 5);
    for (const { code, hint } of refusals) {
      assert.equal(code, "PARTI_REFUSED");
      assert.match(hint, /max_consumers/);
    }
  },
);

fact(
  "the subjects of a stream with sources, a mirror or a transform are not all it holds, and it says so",
  async (nc) => {
    const { feed } = natsWorld(nc);
    await feed.ensureStream("origin", { ...FEED, subjects: ["origin.>"], retention: "limits" });
    const sources = [{ name: "origin" }];
    const subject_transform = { src: "in.*", dest: "feed.{{wildcard(1)}}" };
    const streams = {
      plain: { subjects: ["feed.>"] },
      sourced: { subjects: ["own.>"], sources },
      mirrored: { mirror: sources[0] },
      transformed: { subjects: ["in.*"], subject_transform },
    };
    const found: Record<string, boolean> = {};
    for (const [name, config] of Object.entries(streams)) {
      const body = { name, storage: "memory", ...config };
      await callApi(linkOf(nc), `STREAM.CREATE.${name}`, body, `create ${name}`);
      found[name] = (await feed.streamInfo(name)).mayHoldOthers;
    }
    assert.deepEqual(found, { plain: false, sourced: true, mirrored: true, transformed: true });
  },
);

fact("a server has what the table of capabilities says of its version", async (nc, server) => {
  const { feed } = natsWorld(nc);
  const link = linkOf(nc);
  const { markers, perKeyTtl, atomicBatch, consumerReset } = capabilitiesOf(server.version);
  const wanted = {
    subject_delete_marker_ttl: 1e9,
    allow_msg_ttl: true,
    allow_atomic: true,
    allow_rollup_hdrs: true,
  };
  const body = { name: "S", subjects: ["s.>"], storage: "memory", ...wanted };
  const { config } = await callApi<{ config: Partial<typeof wanted> }>(
    link,
    "STREAM.CREATE.S",
    body,
    "create",
  );
  // What a server does not know it leaves out, without a word.
  assert.deepEqual(
    {
      markers: config.subject_delete_marker_ttl === 1e9,
      perKeyTtl: config.allow_msg_ttl === true,
      atomicBatch: config.allow_atomic === true,
    },
    { markers, perKeyTtl, atomicBatch },
  );
  await feed.createConsumer("S", lane("several", ["s.1", "s.2"]));
  const reset = callApi(link, "CONSUMER.RESET.S.several", undefined, "reset", 1_000);
  const isKnown = await reset.then(() => true, (error) => {
    // A call that an old server does not know is never answered.
    assert.equal(error.code, "PARTI_TIMEOUT");
    return false;
  });
  assert.equal(isKnown, consumerReset);
});
