import assert from "node:assert/strict";
import { Impairments, OUTAGE_AFTERMATH_US } from "./impairments.ts";

const S = 1_000_000;

/** The excuse of a handler of `process` from one second to another. */
function excuse(all: Impairments, process: string, fromS: number, toS: number, toldS?: number) {
  const told = toldS === undefined ? {} : { rightEndedUs: toldS * S };
  return all.excuse({ process, startUs: fromS * S, endUs: toS * S, ...told });
}

Deno.test("impairments: of one process, for its time and a moment to notice", () => {
  const all = new Impairments();
  all.stopped("a#1", 10 * S, 20 * S);
  assert.equal(all.during("a#1", 0, 9 * S), undefined);
  assert.equal(all.during("a#1", 9 * S, 11 * S), "stoodStill");
  assert.equal(all.during("a#1", 12 * S, 13 * S), "stoodStill");
  assert.equal(all.during("a#1", 20.5 * S, 30 * S), "stoodStill");
  assert.equal(all.during("a#1", 21.5 * S, 30 * S), undefined);
  assert.equal(all.during("a#2", 12 * S, 13 * S), undefined, "another incarnation");
});

Deno.test("impairments: an outage is everybody's, and has an aftermath", () => {
  const all = new Impairments();
  all.outage(10 * S, 20 * S);
  assert.equal(all.during("x", 20 * S + OUTAGE_AFTERMATH_US - 1, Infinity), "outage");
  assert.equal(all.during("x", 20 * S + OUTAGE_AFTERMATH_US + 1, Infinity), undefined);
});

Deno.test("impairments: only the last thousand of a process are kept", () => {
  const all = new Impairments();
  for (let n = 0; n < 1_001; n++) all.told("a", "starved", n * 10 * S, n * 10 * S + 1);
  assert.equal(all.during("a", 0, 1), undefined);
  assert.equal(all.during("a", 10 * S, 10 * S + 1), "starved");
  // Of what is older nobody can tell any more; it is not a defect for that.
  assert.equal(excuse(all, "a", 0, 0.001), "unproven");
  assert.equal(excuse(all, "a", 5, 6), undefined);
  const again = new Impairments();
  again.load(JSON.parse(JSON.stringify(all.save())));
  assert.equal(excuse(again, "a", 0, 0.001), "unproven");
});

Deno.test("impairments: standing still excuses all, a cut and an outage only what was begun before", () => {
  const all = new Impairments();
  all.stopped("a", 10 * S, 20 * S);
  assert.equal(excuse(all, "a", 20.5, 30), "stoodStill");
  all.told("d", "starved", 10 * S, 20 * S);
  assert.equal(excuse(all, "d", 20.5, 30), "starved");
  all.networkFailed("b", 9 * S, 19 * S);
  all.told("b", "disconnected", 10 * S, 20 * S);
  assert.equal(excuse(all, "b", 9, 11), "disconnected");
  assert.equal(excuse(all, "b", 10, 11), undefined);
  assert.equal(excuse(all, "b", 20.5, 30), undefined);
  all.outage(100 * S, 110 * S);
  assert.equal(excuse(all, "b", 99, 101), "outage");
  assert.equal(excuse(all, "b", 111, 120), undefined);
  assert.equal(excuse(all, "c", 99.9, 120), "outage");
  assert.equal(excuse(all, "c", 100, 120), undefined);
  assert.equal(excuse(all, "c", 105, 106), undefined);
});

Deno.test("impairments: what is begun in an outage is excused until its worker has noticed it; planted: not where its connection stays up", () => {
  const all = new Impairments();
  all.outage(100 * S, 110 * S);
  all.told("c", "disconnected", 102 * S, 112 * S);
  assert.equal(excuse(all, "c", 101, 115), "disconnected");
  assert.equal(excuse(all, "c", 102, 115), undefined);
  assert.equal(excuse(all, "c", 105, 115), undefined);
  // Another node of the cluster is gone, and not its own.
  assert.equal(excuse(all, "d", 101, 115), undefined);
});

Deno.test("impairments: planted: a worker's own word that it was busy or cut off is no excuse by itself", () => {
  const all = new Impairments();
  all.told("a", "busy", 10 * S, 20 * S);
  all.told("b", "disconnected", 10 * S, 20 * S);
  for (const process of ["a", "b"]) {
    assert.equal(excuse(all, process, 9, 11), "unproven");
    assert.equal(all.during(process, 9 * S, 11 * S), undefined);
  }
  all.networkFailed("c", 5 * S, 12 * S);
  assert.equal(excuse(all, "b", 9, 11), "unproven", "somebody else's network");
  all.stopped("a", 12 * S, 13 * S);
  assert.equal(excuse(all, "a", 9, 14), "stoodStill");
});

Deno.test("impairments: a cut is borne out by a network that failed, a pause, a starvation or an outage shortly before it", () => {
  const causes: ((all: Impairments, fromUs: number, untilUs: number) => void)[] = [
    (all, ...time) => all.networkFailed("a", ...time),
    (all, ...time) => all.stopped("a", ...time),
    (all, ...time) => all.told("a", "starved", ...time),
    (all, ...time) => all.outage(...time),
  ];
  for (const cause of causes) {
    const soon = new Impairments();
    soon.told("a", "disconnected", 100 * S, 120 * S);
    cause(soon, 80 * S, 86 * S);
    assert.equal(excuse(soon, "a", 99, 101), "disconnected", String(cause));
    const long = new Impairments();
    long.told("a", "disconnected", 200 * S, 220 * S);
    cause(long, 80 * S, 86 * S);
    assert.equal(excuse(long, "a", 199, 201), "unproven", String(cause));
  }
});

Deno.test("impairments: planted: whoever goes on by right for longer than a lease after a cut, or after it stood still, has no excuse", () => {
  const all = new Impairments(6 * S);
  all.networkFailed("a", 10 * S, 60 * S);
  all.told("a", "disconnected", 10 * S, 60 * S);
  assert.equal(excuse(all, "a", 9, 16.9), "disconnected");
  assert.equal(excuse(all, "a", 9, 17.1), undefined);
  assert.equal(excuse(all, "a", 9, 40, 15), "disconnected", "it was told to stop in time");
  all.stopped("b", 10 * S, 30 * S);
  assert.equal(excuse(all, "b", 9, 36.9), "stoodStill");
  assert.equal(excuse(all, "b", 9, 37.1), undefined);
  all.outage(100 * S, 110 * S);
  assert.equal(excuse(all, "c", 99, 124.9), "outage");
  assert.equal(excuse(all, "c", 99, 125.1), undefined);
});

Deno.test("impairments: all of it survives as JSON", () => {
  const all = new Impairments();
  all.stopped("a", 10 * S, 20 * S);
  all.told("b", "disconnected", 10 * S, 20 * S);
  all.networkFailed("b", 10 * S, 20 * S);
  all.outage(50 * S, 60 * S);
  const again = new Impairments();
  again.load(JSON.parse(JSON.stringify(all.save())));
  assert.equal(excuse(again, "a", 9, 11), "stoodStill");
  assert.equal(excuse(again, "b", 9, 11), "disconnected");
  assert.equal(excuse(again, "c", 49, 51), "outage");
});
