import assert from "node:assert/strict";
import { ManualClock } from "../../test_support/manual_clock.ts";
import { RECENT_MS, RecentPlaces } from "./recent_places.ts";

Deno.test("recent places: what was read counts for a moment, from the last time on", async () => {
  const clock = new ManualClock();
  const places = new RecentPlaces(clock);
  assert.equal(places.of("a::b/c"), undefined);
  places.learn("a::b/c", "node_1");
  await clock.advance(RECENT_MS - 1);
  assert.equal(places.of("a::b/c"), "node_1");
  places.learn("a::b/c", "node_2");
  await clock.advance(RECENT_MS - 1);
  assert.equal(places.of("a::b/c"), "node_2");
  await clock.advance(1);
  assert.equal(places.of("a::b/c"), undefined);
  assert.equal(places.size, 0);
});

Deno.test("recent places: as many as may be are remembered, the latest, and none that counts no more", async () => {
  const clock = new ManualClock();
  const places = new RecentPlaces(clock, 2);
  for (const id of ["a::b/1", "a::b/2", "a::b/3"]) places.learn(id, "node_1");
  assert.equal(places.of("a::b/1"), undefined);
  assert.equal(places.of("a::b/2"), "node_1");
  assert.equal(places.size, 2);
  await clock.advance(RECENT_MS);
  places.learn("a::b/4", "node_1");
  assert.equal(places.size, 1);
});
