import assert from "node:assert/strict";
import { BUCKET, bytes, numbers } from "../../ports/contract/helpers_test.ts";
import { Kernel } from "../kernel/kernel.ts";
import { BucketModel } from "./bucket_model.ts";
import { BucketReader, type ReaderFaults } from "./bucket_reader.ts";
import { ModelServer } from "./server.ts";
import { TestSession } from "./simulate_test.ts";
import { subjectMatcher } from "./subject_match.ts";

const SOUND: ReaderFaults = { stallMs: () => 0, isReset: () => false };

function makeRig() {
  const kernel = new Kernel({ seed: 1 });
  const server = new ModelServer({ kernel, version: "2.15.1" });
  const bucket = new BucketModel(server, "b", 1, BUCKET);
  const session = new TestSession();
  /** Each message as its revisions and what was pending behind it, such as `1 2 +0`. */
  const log: string[] = [];
  let ends = 0;
  const read = (pattern: string, fromRevision: number, faults = SOUND): BucketReader =>
    new BucketReader(server, bucket, session, {
      matches: subjectMatcher(pattern),
      fromRevision,
      faults,
      handler: {
        onEntries: (entries, pending) =>
          log.push([...entries.map((entry) => entry.revision), `+${pending}`].join(" ")),
        onGone: () => log.push("gone"),
        onReset: () => log.push("reset"),
      },
    }, () => ends++);
  return { kernel, bucket, session, log, read, ends: () => ends };
}

Deno.test("a reader sends what is there when it begins, and then every change", () => {
  const { bucket, log, read } = makeRig();
  for (const key of ["a.1", "b.1", "a.2", "a.1"]) bucket.write(key, bytes("x"));
  const reader = read("a.*", 1);
  bucket.write("a.3", undefined);
  assert.deepEqual(log, [], "not before it begins");
  reader.begin();
  reader.begin();
  bucket.write("b.2", bytes("x"));
  bucket.write("a.1", bytes("x"));
  assert.deepEqual(log, ["3 4 5 +0", "7 +0"]);
});

Deno.test("a reader of nothing says that nothing is left, once", () => {
  const { bucket, log, read } = makeRig();
  read("a.*", 1).begin();
  bucket.write("a.1", bytes("x"));
  assert.deepEqual(log, ["+0", "1 +0"]);
});

Deno.test("a reader begins where it is told to", () => {
  const { bucket, log, read } = makeRig();
  for (const key of ["a", "b", "c", "a"]) bucket.write(key, bytes("x"));
  read(">", 3).begin();
  assert.deepEqual(log, ["3 4 +0"]);
});

Deno.test("many states travel in several messages, and only the last says that it is", () => {
  const { bucket, log, read } = makeRig();
  for (const i of numbers(1, 120)) bucket.write(`k.${i}`, bytes("x"));
  read(">", 1).begin();
  assert.deepEqual(log.map((line) => line.split("+")[1]), ["70", "20", "0"]);
  assert.equal(log.join(" ").replaceAll(/ \+\d+/g, ""), numbers(1, 120).join(" "));
});

Deno.test("a reader that stood still leaves out what was overwritten, and nothing else", async () => {
  const { kernel, bucket, log, read } = makeRig();
  let stallMs = 0;
  await kernel.run(async () => {
    read(">", 1, { ...SOUND, stallMs: () => stallMs }).begin();
    bucket.write("a", bytes("1"));
    stallMs = 500;
    for (const key of ["a", "b", "a", "c"]) bucket.write(key, bytes("2"));
    await kernel.sleep(499);
    stallMs = 0;
    assert.deepEqual(log, ["+0", "1 +0"]);
    await kernel.sleep(2);
    assert.deepEqual(log.splice(0), ["+0", "1 +0", "3 4 5 +0"]);
    bucket.write("d", bytes("3"));
    assert.deepEqual(log, ["6 +0"]);
  });
});

Deno.test("a reader that stands still from the beginning says in the end that it has told all", async () => {
  const { kernel, bucket, log, read } = makeRig();
  bucket.write("a", bytes("1"));
  let stallMs = 500;
  await kernel.run(async () => {
    const reader = read("a", 1, { ...SOUND, stallMs: () => stallMs });
    reader.begin();
    stallMs = 0;
    await kernel.sleep(600);
    assert.deepEqual(log, ["1 +0"]);
    const closed = read("a", 1, { ...SOUND, stallMs: () => 500 });
    closed.begin();
    closed.close();
    await kernel.sleep(600);
    assert.deepEqual(log, ["1 +0"], "one that is closed meanwhile says nothing");
  });
});

Deno.test("a reader that is reset says so and ends", () => {
  const { bucket, log, read, ends } = makeRig();
  let isReset = false;
  read("a", 1, { ...SOUND, isReset: () => isReset }).begin();
  bucket.write("a", bytes("1"));
  isReset = true;
  bucket.write("b", bytes("1"));
  assert.equal(ends(), 0, "only where there was something to tell");
  bucket.write("a", bytes("2"));
  bucket.write("a", bytes("3"));
  assert.deepEqual(log, ["+0", "1 +0", "reset"]);
  assert.equal(ends(), 1);
});

Deno.test("a reader ends once: with its bucket, or when it is closed", () => {
  const { bucket, log, read, ends } = makeRig();
  const closed = read(">", 1);
  closed.begin();
  read(">", 1);
  closed.close();
  closed.close();
  bucket.write("a", bytes("1"));
  bucket.remove();
  closed.begin();
  assert.deepEqual(log, ["+0", "gone"]);
  assert.equal(ends(), 2);
});
