import assert from "node:assert/strict";
import { tokenOf } from "./token.ts";

Deno.test("token: it grows with each epoch and each generation, for as long as databases have room", () => {
  const ownerships = [[1, 1], [1, 2], [2, 0], [2 ** 29, 1], [2 ** 29, 2], [2 ** 33 + 1, 3], [
    2 ** 33 + 1,
    4,
  ]];
  const last = [2 ** 39 - 1, 2 ** 24 - 1];
  const tokens = [...ownerships, last].map(([epoch, generation]) =>
    tokenOf({ epoch: epoch!, generation: generation! })
  );
  for (let n = 1; n < tokens.length; n++) assert.ok(tokens[n]! > tokens[n - 1]!, `${tokens[n]}`);
  assert.equal(tokens.at(-1), 2n ** 63n - 1n);
});

Deno.test("token: what has no room is refused, and never rounded", () => {
  for (const [epoch, generation] of [[2 ** 39, 0], [1, 2 ** 24]]) {
    assert.throws(() => tokenOf({ epoch: epoch!, generation: generation! }), {
      code: "PARTI_REFUSED",
      value: { epoch, generation },
    });
  }
});
