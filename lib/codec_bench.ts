/** What reading with suspicion costs: `deno bench lib/codec_bench.ts`. */
import { decodeJsonObject, encodeJson, sameBytes } from "./codec.ts";

const decoder = new TextDecoder();
const lease = {
  v: 1,
  worker: "worker-7",
  instance: "0a1b2c3d-0000-4000-8000-000000000000",
  host: "host-1",
  capacity: 1,
  labels: { zone: "a" },
  leaving: false,
  applied: 12,
};
const data = encodeJson(lease);
Deno.bench("JSON.parse", { group: "a lease", baseline: true }, () => {
  JSON.parse(decoder.decode(data));
});
Deno.bench("decodeJsonObject", { group: "a lease" }, () => void decodeJsonObject(data));
Deno.bench("encodeJson", { group: "a lease" }, () => void encodeJson(lease));

for (const bytes of [200, 256 * 1024]) {
  const one = new Uint8Array(bytes).fill(7), other = one.slice();
  const group = `are ${bytes} bytes the same`;
  Deno.bench("byte by byte", { group, baseline: true }, () => {
    if (!one.every((byte, i) => byte === other[i])) throw new Error("they are the same");
  });
  Deno.bench("sameBytes", { group }, () => {
    if (!sameBytes(one, other)) throw new Error("they are the same");
  });
}
