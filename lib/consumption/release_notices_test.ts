import assert from "node:assert/strict";
import { decodeJsonObject, encodeJson } from "../codec.ts";
import { PartiError } from "../errors.ts";
import type { Messaging, Notice } from "../ports/messaging.ts";
import { announceRelease, ReleaseNotices } from "./release_notices.ts";

function wire() {
  const sent: Uint8Array[] = [];
  const listeners: ((notice: Notice) => void)[] = [];
  const messaging = {
    publish: (subject: string, data: Uint8Array) => {
      sent.push(data);
      for (const listener of listeners) listener({ subject, data, respond: () => {} });
    },
    subscribe: (subject: string, onNotice: (notice: Notice) => void) => {
      assert.equal(subject, "parti.g.released");
      listeners.push(onNotice);
      return { close: () => void listeners.splice(listeners.indexOf(onNotice), 1) };
    },
  } as Partial<Messaging> as Messaging;
  return { messaging, sent };
}

const owner = (instance: string) => ({ group: "g", worker: "w", instance });

Deno.test("what one lets go the others hear, and nobody hears himself", () => {
  const { messaging } = wire();
  const heard: string[] = [];
  const mine = new ReleaseNotices(messaging, owner("me"), (ids) => heard.push(`me ${ids}`));
  const other = new ReleaseNotices(messaging, owner("other"), (ids) => heard.push(`other ${ids}`));
  mine.announce(["a", "b"]);
  assert.deepEqual(heard, ["other a,b"]);
  other.close();
  mine.announce(["c"]);
  assert.equal(heard.length, 1);
});

Deno.test("nothing to say, nothing is said; much is said in pieces that a server takes", () => {
  const { messaging, sent } = wire();
  announceRelease(messaging, "g", "me", []);
  assert.equal(sent.length, 0);
  const ids = Array.from({ length: 5_000 }, (_, index) => `${"x".repeat(200)}-${index}`);
  announceRelease(messaging, "g", "me", ids);
  assert.ok(sent.length > 1);
  assert.ok(sent.every((data) => data.length < 100_000));
  assert.deepEqual(sent.flatMap((data) => decodeJsonObject(data)!["partitions"]), ids);
});

Deno.test("nonsense is ignored, and so is a connection that is closed", () => {
  const { messaging } = wire();
  const heard: unknown[] = [];
  new ReleaseNotices(messaging, owner("me"), (ids) => heard.push(ids));
  const nonsense = [new Uint8Array([255]), encodeJson([1]), encodeJson({ partitions: "a" })];
  for (const data of nonsense) messaging.publish("parti.g.released", data);
  messaging.publish("parti.g.released", encodeJson({ instance: "x", partitions: [1, "a", null] }));
  assert.deepEqual(heard, [["a"]]);
  messaging.publish = () => {
    throw new PartiError("PARTI_DISCONNECTED", "closed");
  };
  announceRelease(messaging, "g", "me", ["a"]);
});
