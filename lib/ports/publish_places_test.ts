import assert from "node:assert/strict";
import { settle } from "../test_support/manual_clock.ts";
import { PublishPlaces } from "./publish_places.ts";

Deno.test("publish places: no more than so many are taken, and the others come in their order", () => {
  const places = new PublishPlaces({ most: 2, mostWaiting: 3 });
  assert.deepEqual([places.take(), places.take(), places.take()], [true, true, false]);
  const came: number[] = [];
  const waits = [0, 1, 2, 3].map((n) => places.wait(() => came.push(n)));
  assert.deepEqual(waits, [true, true, true, false], "a bounded number waits");
  for (let n = 0; n < 3; n++) {
    places.leave();
    assert.deepEqual(came, [0, 1, 2].slice(0, n + 1));
    assert.equal(places.take(), false);
  }
  places.leave();
  assert.equal(places.take(), true);
});

Deno.test("publish places: who was told of room and publishes nothing leaves it to the next", async () => {
  const places = new PublishPlaces({ most: 1, mostWaiting: 1 });
  assert.equal(places.room(), undefined);
  places.take();
  const told: number[] = [];
  const wait = async (n: number) => {
    await places.room();
    told.push(n);
    if (n === 2) assert.equal(places.take(), true);
  };
  for (let n = 0; n < 5; n++) void wait(n);
  places.leave();
  await settle();
  assert.deepEqual(told, [0, 1, 2], "the third takes it");
  places.leave();
  await settle();
  assert.deepEqual(told, [0, 1, 2, 3, 4]);
  assert.equal(places.take(), true);
});

Deno.test("publish places: what is published without waiting for room goes first, and takes no place twice", async () => {
  const places = new PublishPlaces({ most: 1, mostWaiting: 9 });
  places.take();
  let told = false;
  const room = places.room()!.then(() => told = true);
  places.leave();
  // Told, and not gone on yet.
  assert.equal(places.take(), false);
  let came = false;
  places.wait(() => came = true);
  await room;
  assert.deepEqual([told, came, places.take()], [true, true, false]);
  places.leave();
  assert.deepEqual([places.take(), places.take()], [true, false]);
});

Deno.test("publish places: a bounded number waits for room", async () => {
  const places = new PublishPlaces({ most: 1, mostWaiting: 1, mostForRoom: 2 });
  places.take();
  const rooms = [places.room(), places.room()];
  await assert.rejects(places.room()!, { code: "PARTI_OVERLOADED" });
  places.leave();
  await Promise.all(rooms);
});
