import assert from "node:assert/strict";
import type { Fault } from "../case.ts";
import { runCaseOnce } from "../child/run_case.ts";
import { median } from "../statistics/spread.ts";
import { CONSUME_CASE } from "./consume.ts";

Deno.test("speed: planted: a slow worker is far slower beside its limit than a sound one", async () => {
  const ratioOf = async (fault: Fault | undefined) => {
    const options = { repetition: 0, quick: true, seed: 1, fault };
    const { samples } = (await runCaseOnce(CONSUME_CASE, options)).outcome;
    const judged = samples.filter(({ metric }) => metric === "consume");
    return median(judged.map(({ value, limit }) => value / limit!));
  };
  const [sound, slow] = [await ratioOf(undefined), await ratioOf("slow")];
  // Half as long again for the same work is what the gate tolerates.
  assert.ok(slow < sound / 1.5, `${slow} beside ${sound}`);
});
