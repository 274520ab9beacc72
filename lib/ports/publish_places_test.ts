import assert from "node:assert/strict";
import { settle } from "../test_support/manual_clock.ts";
import { PublishPlaces } from "./publish_places.ts";

Deno.test("publish places: no more than so many are taken, and the others come in their order", () => {
  const places = new PublishPlaces({ most: 2, mostWaiting: 3 });
  assert.deepEqual([places.take(1), places.take(1), places.take(1)], [true, true, false]);
  const came: number[] = [];
  const waits = [0, 1, 2, 3].map((n) => places.wait(1, () => came.push(n)));
  assert.deepEqual(waits, [true, true, true, false], "a bounded number waits");
  for (let n = 0; n < 3; n++) {
    places.leave(1);
    assert.deepEqual(came, [0, 1, 2].slice(0, n + 1));
    assert.equal(places.take(1), false);
  }
  places.leave(1);
  assert.equal(places.take(1), true);
});

Deno.test("publish places: who was told of room and publishes nothing leaves it to the next", async () => {
  const places = new PublishPlaces({ most: 1, mostWaiting: 1 });
  assert.equal(places.room(), undefined);
  places.take(1);
  const told: number[] = [];
  const wait = async (n: number) => {
    await places.room();
    told.push(n);
    if (n === 2) assert.equal(places.take(1), true);
  };
  for (let n = 0; n < 5; n++) void wait(n);
  places.leave(1);
  await settle();
  assert.deepEqual(told, [0, 1, 2], "the third takes it");
  places.leave(1);
  await settle();
  assert.deepEqual(told, [0, 1, 2, 3, 4]);
  assert.equal(places.take(1), true);
});

Deno.test("publish places: what is published without waiting for room goes first, and takes no place twice", async () => {
  const places = new PublishPlaces({ most: 1, mostWaiting: 9 });
  places.take(1);
  let told = false;
  const room = places.room()!.then(() => told = true);
  places.leave(1);
  // Told, and not gone on yet.
  assert.equal(places.take(1), false);
  let came = false;
  places.wait(1, () => came = true);
  await room;
  assert.deepEqual([told, came, places.take(1)], [true, true, false]);
  places.leave(1);
  assert.deepEqual([places.take(1), places.take(1)], [true, false]);
});

Deno.test("publish places: as many are told of room as there is for the bytes that are usual", async () => {
  const places = new PublishPlaces({ most: 9, mostBytes: 10, mostWaiting: 9, mostWaitingBytes: 6 });
  assert.deepEqual([places.take(20), places.take(1)], [true, false]);
  const came: number[] = [];
  const waits = [5, 5, 5].map((bytes) => places.wait(bytes, () => came.push(bytes)));
  assert.deepEqual(waits, [true, true, false], "bounded are the bytes that wait, too");
  let told = 0;
  for (let n = 0; n < 5; n++) {
    void places.room()!.then(() => {
      told++;
      assert.equal(places.take(5), true);
    });
  }
  places.leave(20);
  await settle();
  assert.deepEqual([came, told], [[5, 5], 0]);
  places.leave(5);
  places.leave(5);
  await settle();
  assert.equal(told, 2);
});

Deno.test("publish places: nobody is told of room before it is opened", async () => {
  let isOpen = false;
  const places = new PublishPlaces({ most: 1, mostWaiting: 1, isOpen: () => isOpen });
  let told = false;
  const room = places.room()!.then(() => told = true);
  // Who publishes all the same is told by the server, or by its absence.
  assert.equal(places.take(1), true);
  places.leave(1);
  await settle();
  assert.equal(told, false);
  isOpen = true;
  places.opened();
  await room;
});

Deno.test("publish places: a bounded number waits for room", async () => {
  const places = new PublishPlaces({ most: 1, mostWaiting: 1, mostForRoom: 2 });
  places.take(1);
  const rooms = [places.room(), places.room()];
  await assert.rejects(places.room()!, { code: "PARTI_OVERLOADED" });
  places.leave(1);
  await Promise.all(rooms);
});
