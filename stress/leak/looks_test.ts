import assert from "node:assert/strict";
import { Looks } from "./looks.ts";

Deno.test("looks: all of them come back, thing by thing, and no more are kept than there is room for", () => {
  const looks = new Looks(["heap", "timers"], 3);
  assert.deepEqual([looks.count, looks.of("heap")], [0, []]);
  for (let n = 1; n <= 3; n++) looks.keep({ timers: n, heap: n / 2 });
  assert.deepEqual([looks.of("heap"), looks.of("timers")], [[0.5, 1, 1.5], [1, 2, 3]]);
  assert.throws(() => looks.keep({ timers: 4, heap: 2 }), RangeError);
  assert.equal(looks.count, 3);
});
