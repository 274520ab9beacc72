import assert from "node:assert/strict";
import { MessageIds } from "./message_ids.ts";

Deno.test("an ID is remembered for the window, and those that are over are thrown away", () => {
  const ids = new MessageIds(100);
  ids.remember("a", 1, 0);
  ids.remember("b", 2, 60);
  assert.equal(ids.find("a", 99), 1);
  assert.equal(ids.find("a", 100), undefined);
  assert.equal(ids.size, 1);
  assert.equal(ids.find("b", 159), 2);
  ids.remember("a", 3, 120);
  assert.equal(ids.find("a", 200), 3);
  assert.equal(ids.find("c", 200), undefined);
  ids.clear();
  assert.equal(ids.find("a", 200), undefined);
});

Deno.test("the window is two minutes unless the stream says otherwise", () => {
  const ids = new MessageIds();
  ids.remember("a", 1, 1_000);
  assert.equal(ids.find("a", 120_999), 1);
  assert.equal(ids.find("a", 121_000), undefined);
});
