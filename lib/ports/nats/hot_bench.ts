/**
 * What is read for each message, beside the plain way: `deno bench lib/ports/nats/hot_bench.ts`.
 *
 * @module
 */
import { parseAckSubject } from "./ack_subject.ts";
import { readAnswer } from "./api.ts";
import { readPubAck } from "./pub_ack.ts";
import type { WirePubAck } from "./wire.ts";

const ack = new TextEncoder().encode('{"stream":"ORDERS", "seq":1234567}');
Deno.bench("JSON.parse", { group: "the stream's word", baseline: true }, () => {
  readAnswer<WirePubAck>(ack, "publish");
});
Deno.bench("readPubAck", { group: "the stream's word" }, () => void readPubAck(ack, "orders.1"));

const reply =
  "$JS.ACK.ORDERS.parti-orders-worker-7-0a1b2c3d-0000-g12-3.1.1234567.34567.1700000000123456000.200";
Deno.bench("split and Number", { group: "a delivery", baseline: true }, () => {
  const tokens = reply.split(".");
  for (let i = 4; i < 9; i++) Number(tokens[i]);
});
Deno.bench("parseAckSubject", { group: "a delivery" }, () => void parseAckSubject(reply));
