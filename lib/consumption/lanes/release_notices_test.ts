import assert from "node:assert/strict";
import { decodeJsonObject, encodeJson } from "../../codec.ts";
import { PartiError } from "../../errors.ts";
import type { Messaging, Notice } from "../../ports/messaging.ts";
import { announceRelease, ReleaseNotices } from "./release_notices.ts";

function wire() {
  const sent: Uint8Array[] = [];
  const subscriptions = new Set<{ subject: string; onNotice: (notice: Notice) => void }>();
  const messaging = {
    publish: (subject: string, data: Uint8Array) => {
      sent.push(data);
      for (const subscription of subscriptions) {
        if (subscription.subject !== subject) continue;
        subscription.onNotice({ subject, data, respond: () => {} });
      }
    },
    subscribe: (subject: string, onNotice: (notice: Notice) => void) => {
      const subscription = { subject, onNotice };
      subscriptions.add(subscription);
      return { close: () => void subscriptions.delete(subscription) };
    },
  } as Partial<Messaging> as Messaging;
  return { messaging, sent, subscriptions };
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

Deno.test("what is to go to somebody is told to him alone, the rest to everybody", () => {
  const { messaging, sent, subscriptions } = wire();
  const heard: string[] = [];
  const notices = ["a", "b", "c"].map((name) =>
    new ReleaseNotices(messaging, owner(name), (ids) => heard.push(`${name} ${ids}`))
  );
  const heirs = new Map([["1", "b"], ["2", "c"], ["3", "b"], ["5", "stranger"]]);
  notices[0]!.announce(["1", "2", "3", "4", "5"], (id) => heirs.get(id));
  assert.deepEqual(heard, ["b 1,3", "c 2", "b 4", "c 4"]);
  assert.equal(sent.length, 4, "one for each");
  for (const each of notices) each.close();
  assert.equal(subscriptions.size, 0);
});

Deno.test("nothing to say, nothing is said; much is said in pieces that a server takes", () => {
  const { messaging, sent } = wire();
  announceRelease({ messaging, group: "g", instance: "me" }, []);
  assert.equal(sent.length, 0);
  const ids = Array.from({ length: 5_000 }, (_, index) => `${"x".repeat(200)}-${index}`);
  announceRelease({ messaging, group: "g", instance: "me" }, ids);
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
  announceRelease({ messaging, group: "g", instance: "me" }, ["a"]);
});
