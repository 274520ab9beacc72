import assert from "node:assert/strict";
import fc from "fast-check";
import { ddmin } from "./ddmin.ts";

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

Deno.test("what is needed remains, in its order, and nothing else", async () => {
  const cases = fc.integer({ min: 0, max: 60 }).chain((count) =>
    fc.tuple(fc.constant(count), count === 0 ? fc.constant([]) : fc.subarray(upTo(count)))
  );
  await fc.assert(fc.asyncProperty(cases, async ([count, needed]) => {
    const happens = (part: readonly number[]) =>
      Promise.resolve(needed.every((item) => part.includes(item)));
    assert.deepEqual(await ddmin(upTo(count), happens), needed);
  }));
});

Deno.test("what remains is 1-minimal, also if there are several ways", async () => {
  const groups = fc.array(fc.subarray(upTo(16), { minLength: 1 }), { minLength: 1, maxLength: 4 });
  await fc.assert(fc.asyncProperty(groups, async (ways) => {
    const happens = (part: readonly number[]) =>
      Promise.resolve(ways.some((way) => way.every((item) => part.includes(item))));
    const rest = await ddmin(upTo(16), happens);
    assert.ok(await happens(rest));
    for (const item of rest) {
      assert.ok(!await happens(rest.filter((other) => other !== item)), `${item} is not needed`);
    }
  }));
});

Deno.test("two of a thousand take no more tries than they should", async () => {
  let tries = 0;
  const rest = await ddmin(upTo(1_000), (part) => {
    tries++;
    return Promise.resolve(part.includes(17) && part.includes(801));
  });
  assert.deepEqual(rest, [17, 801]);
  assert.ok(tries < 150, `${tries} tries`);
});

Deno.test("a budget that ends leaves what was found until then", async () => {
  let budget = 20;
  const rest = await ddmin(upTo(100), (part) => {
    return Promise.resolve(budget-- > 0 && part.includes(3) && part.includes(99));
  });
  assert.ok(rest.includes(3) && rest.includes(99));
  assert.ok(rest.length < 100);
});
