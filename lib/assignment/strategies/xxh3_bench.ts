/** Figures for the comment in `xxh3.ts`: `deno bench lib/assignment/strategies/xxh3_bench.ts`. */
import { createXXHash3 } from "hash-wasm";
import { xxh3Into } from "./xxh3.ts";
import { xxh3Long } from "./xxh3_long.ts";

const wasm = await createXXHash3(1, 2);
for (const length of [8, 15, 36, 129]) {
  const group = `${length} bytes`;
  const bytes = Uint8Array.from({ length }, (_, i) => i * 37);
  const out = { hi: 1, lo: 2 };
  Deno.bench("xxh3.ts", { group, baseline: true }, () => xxh3Into(bytes, length, out, out));
  Deno.bench("hash-wasm, BigInt of the hex digest", { group }, () => {
    BigInt(`0x${wasm.init().update(bytes).digest("hex")}`);
  });
  if (length > 128) Deno.bench("xxh3_long.ts", { group }, () => void xxh3Long(bytes, 5n));
}
