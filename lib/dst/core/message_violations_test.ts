/**
 * For tests: what breaks each promise about messages.
 *
 * @module
 */
import type { CoreCatalog } from "./catalog.ts";
import { lane, type Rig } from "./observer_rig_test.ts";

/** Each promise, and what breaks it where all was well before. */
export const messageViolations: readonly [keyof CoreCatalog, (rig: Rig) => void][] = [
  ["one handler per partition", (rig) => {
    rig.begin("A", 2);
    rig.begin("B", 2, { generation: 2 });
  }],
  ["one handler per partition", (rig) => {
    // Whoever was cut off may finish what runs, but must begin nothing beside its successor.
    rig.observer.excuse("A", 3_000);
    rig.begin("B", 2);
    rig.begin("A", 2);
  }],
  ["one handler per partition", (rig) => {
    // Nobody may take it for dead, whatever became of its connection.
    rig.begin("B", 2);
    rig.begin("A", 2, {}, { isCutUnheard: true });
  }],
  ["one handler per partition", (rig) => {
    // The overlap began while one of both could be taken for dead, but it has kept its lease.
    rig.observer.excuse("A", 3_000);
    rig.begin("A", 2);
    rig.begin("B", 2, { generation: 2 });
    rig.lease("worker-A", "A", 5_000);
  }],
  ["no right goes back", (rig) => {
    rig.begin("B", 2, { generation: 2 })();
    rig.begin("A", 2);
  }],
  ["only under a valid lease", (rig) => {
    rig.observer.unleased("worker-A", 3_000);
    rig.begin("A", 2);
  }],
  ["nothing begins without a connection", (rig) => rig.begin("A", 2, {}, { isConnected: false })],
  ["effects are those of the feed, once and in order", (rig) => rig.effect(1)],
  ["effects are those of the feed, once and in order", (rig) => {
    rig.observer.messages.stored("p0", 3);
    rig.effect(3);
  }],
  ["effects are of the newest owner", (rig) => {
    rig.effect(2, 1, 2);
    rig.observer.messages.stored("p0", 3);
    rig.effect(3, 1, 1);
  }],
  // Written without a header that says whose it is.
  ["effects are of the newest owner", (rig) => rig.effect(2, NaN, 1)],
  ["effects are of the newest owner", (rig) => rig.effect(2, 1, NaN)],
  ["only poison becomes a dead letter, in its turn", (rig) => {
    rig.observer.messages.deadLetter("p0", 2);
  }],
  ["only poison becomes a dead letter, in its turn", (rig) => {
    rig.observer.messages.stored("p0", 3);
    rig.observer.messages.poisonous("p0", 3);
    rig.observer.messages.deadLetter("p0", 3);
  }],
  ["nothing begins unproven", (rig) => {
    rig.lease("worker-A", "A", 3_000);
    rig.begin("A", 2, {}, { connectedAtMs: 3_001 });
  }],
  ["a handler has the newest right", (rig) => {
    rig.begin("A", 2, {}, { following: { epoch: 1, generation: 2 } });
  }],
  ["what is handled is locked", (rig) => {
    rig.observer.messages.locks.changed(undefined, lane("B", "p0"));
    rig.begin("A", 2, {}, { isLocked: false });
  }],
  ["what is handled is locked", (rig) => {
    rig.begin("A", 2);
    rig.observer.messages.locks.changed(lane("A", "p0", "p1"), lane("A", "p1"));
  }],
  ["what is handled is locked", (rig) => {
    rig.observer.messages.lanesForgotten([]);
    rig.begin("A", 2, {}, { isLocked: false });
  }],
  ["what is handled is locked", (rig) => {
    // It was cut off, and has proven over the new connection that it lives.
    rig.observer.messages.lanesForgotten(["A"]);
    rig.observer.excuse("A", 3_000);
    rig.lease("worker-A", "A", 3_200);
    rig.begin("A", 2, {}, { isLocked: false, connectedAtMs: 3_100 });
  }],
  ["what is done is not begun again", (rig) => {
    rig.begin("A", 2)(true);
    rig.begin("B", 2, { generation: 2 });
  }],
  ["what is done is not begun again", (rig) => {
    // Its ack may have been lost with the connection; but it came back, and must have sent it again.
    rig.begin("A", 2)(true);
    rig.observer.excuse("A", 3_000);
    rig.lease("worker-A", "A", 5_000);
    rig.begin("B", 2, { generation: 2 });
  }],
  ["what is worked on is not sent again", (rig) => {
    rig.begin("A", 2);
    rig.observer.messages.cameAgain("A", "p0", { streamSequence: 2, deliveryCount: 2 }, 3_000);
  }],
];
