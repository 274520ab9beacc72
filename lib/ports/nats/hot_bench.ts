/**
 * What is read for each message, beside the plain way: `deno bench lib/ports/nats/hot_bench.ts`.
 *
 * @module
 */
import { parseAckSubject } from "./ack_subject.ts";
import { readAnswer } from "./api.ts";
import { readPubAck } from "./pub_ack.ts";
import type { WirePubAck } from "./wire.ts";

/** Each iteration reads so many, no two alike: the engine remembers what became of a text that it has seen. */
const COUNT = 1_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const acks = Array.from(
  { length: COUNT },
  (_, n) => encoder.encode(`{"stream":"ORDERS", "seq":${1_234_567 + n}}`),
);
const replies = Array.from({ length: COUNT }, (_, n) =>
  encoder.encode(
    `$JS.ACK.ORDERS.parti-orders-worker-7-0a1b2c3d-0000-g12-3.1.${1_234_567 + n}.${n}.${
      1_700_000_000_000_000_000n + BigInt(n) * 12_345n
    }.${200 + n}`,
  ));

Deno.bench("JSON.parse", { group: "the stream's word", baseline: true }, () => {
  for (const ack of acks) readAnswer<WirePubAck>(ack, "publish");
});
Deno.bench("readPubAck", { group: "the stream's word" }, () => {
  for (const ack of acks) readPubAck(ack, "orders.1");
});

Deno.bench("split and Number", { group: "a delivery", baseline: true }, () => {
  for (const reply of replies) {
    const tokens = decoder.decode(reply).split(".");
    for (let i = 4; i < 9; i++) Number(tokens[i]);
  }
});
Deno.bench("parseAckSubject", { group: "a delivery" }, () => {
  for (const reply of replies) parseAckSubject(decoder.decode(reply));
});
Deno.bench("the text alone", { group: "a delivery" }, () => {
  for (const reply of replies) decoder.decode(reply);
});
