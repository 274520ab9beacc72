import assert from "node:assert/strict";
import { processorTime, processorTimeOf } from "./stolen.ts";

Deno.test("stolen: the eighth count of all processors together, what guests took counted once", () => {
  const stat = "cpu  100 20 30 400 5 6 7 32 90 10\ncpu0 1 1 1 1 1 1 1 1 0 0\nintr 5\n";
  assert.deepEqual(processorTimeOf(stat), { stolen: 32, all: 600 });
  assert.deepEqual(processorTimeOf("cpu  1 2 3 4\n"), { stolen: 0, all: 10 }, "of an old kernel");
  assert.deepEqual(processorTimeOf("nothing of it"), { stolen: 0, all: 0 });
});

Deno.test({
  name: "stolen: this machine's processors have done something",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const { stolen, all } = processorTime();
    assert.ok(all > 0 && stolen >= 0 && stolen < all, `${stolen} of ${all}`);
  },
});
