/**
 * What core messaging promises.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ConnectionStatus, Notice } from "../messaging.ts";
import { bytes, numbers, refused, textOf, until } from "./helpers_test.ts";
import type { ContractCase } from "./rig_test.ts";

/** The cases. */
export const messagingCases: ContractCase[] = [
  {
    name: "messaging: notices reach every subscriber until it is closed",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const got: string[] = [];
      const take = (notice: Notice) => void got.push(`${notice.subject}=${textOf(notice.data)}`);
      const exact = one.world.messaging.subscribe("a.b", take);
      const same = one.world.messaging.subscribe("a.b", take);
      const wild = one.world.messaging.subscribe("a.*", take);
      await one.world.messaging.flush(2_000);
      two.world.messaging.publish("a.b", bytes("1"));
      two.world.messaging.publish("a.c", bytes("2"));
      two.world.messaging.publish("b.b", bytes("3"));
      await until(two.world.clock, "four notices", () => got.length === 4);
      assert.deepEqual(got.sort(), ["a.b=1", "a.b=1", "a.b=1", "a.c=2"]);
      exact.close();
      exact.close();
      two.world.messaging.publish("a.b", bytes("4"));
      await until(two.world.clock, "two more", () => got.length === 6);
      same.close();
      wild.close();
      two.world.messaging.publish("a.b", bytes("5"));
      await two.world.messaging.flush(2_000);
      await one.world.messaging.flush(2_000);
      assert.equal(got.length, 6);
      await one.close();
      await two.close();
    },
  },
  {
    name: "messaging: a request is answered, times out, or fails at once where nobody serves",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { messaging, clock } = one.world;
      two.world.messaging.subscribe("echo", (notice) => notice.respond(notice.data));
      two.world.messaging.subscribe("mute", () => {});
      await two.world.messaging.flush(2_000);
      assert.equal(textOf(await messaging.request("echo", bytes("hi"), 2_000)), "hi");
      const startMs = clock.monotonicMs();
      await refused(messaging.request("nobody", bytes("?"), 5_000), "PARTI_NO_RESPONDERS");
      assert.ok(clock.monotonicMs() - startMs < 1_000, "at once");
      await refused(messaging.request("mute", bytes("?"), 100), "PARTI_TIMEOUT");
      await refused(messaging.request("echo", bytes(""), 2_000), "PARTI_REFUSED");
      assert.throws(() => messaging.publish("echo", bytes("")), { code: "PARTI_REFUSED" });
      await refused(messaging.request("a".repeat(3_968), bytes("?"), 2_000), "PARTI_NO_RESPONDERS");
      const long = "a".repeat(5_000);
      await refused(messaging.request(long, bytes("?"), 2_000), "PARTI_REFUSED");
      assert.throws(() => messaging.publish(long, bytes("?")), { code: "PARTI_REFUSED" });
      assert.throws(() => messaging.subscribe(long, () => {}), { code: "PARTI_REFUSED" });
      const largest = new Uint8Array(messaging.maxPayloadBytes);
      assert.equal((await messaging.request("echo", largest, 5_000)).length, largest.length);
      const tooLarge = new Uint8Array(largest.length + 1);
      assert.throws(() => messaging.publish("echo", tooLarge), { code: "PARTI_TOO_LARGE" });
      const tried = Promise.withResolvers<void>();
      two.world.messaging.subscribe("large", (notice) => {
        tried.resolve(Promise.try(() => notice.respond(tooLarge)));
      });
      await two.world.messaging.flush(2_000);
      const asked = refused(messaging.request("large", bytes("?"), 50), "PARTI_TIMEOUT");
      await refused(tried.promise, "PARTI_TOO_LARGE");
      await asked;
      await two.close();
      await until(
        clock,
        "no responders",
        () =>
          messaging.request("echo", bytes("?"), 250).then(
            () => false,
            (error) => error.code === "PARTI_NO_RESPONDERS",
          ),
      );
      await one.close();
    },
  },
  {
    name: "messaging: of many subjects it is known at once which nobody serves",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { messaging, clock } = one.world;
      const subjects = Array.from({ length: 500 }, (_, i) => `who.${i}`);
      const heard: Uint8Array[] = [];
      const served = subjects.filter((_, i) => i % 7 === 0);
      for (const subject of served) {
        two.world.messaging.subscribe(subject, ({ data }) => void heard.push(data));
      }
      messaging.subscribe("who.1", () => {});
      await two.world.messaging.flush(2_000);
      const missing = subjects.filter((subject) =>
        subject !== "who.1" && !served.includes(subject)
      );
      for (let round = 0; round < 20; round++) {
        assert.deepEqual(await messaging.unserved(subjects, 5_000), missing);
      }
      assert.deepEqual(await messaging.unserved([], 5_000), []);
      // What is sent after the probes arrives after them.
      messaging.publish(served[0]!, bytes("x"));
      await until(clock, "the message", () => heard.length > 0);
      assert.deepEqual(heard, [bytes("x")], "of probes nobody is told");
      await two.close();
      await until(
        clock,
        "nobody but oneself",
        async () => (await messaging.unserved(subjects, 5_000)).length === 499,
      );
      await one.close();
      await refused(messaging.unserved(["who.1"], 1_000), "PARTI_DISCONNECTED");
    },
  },
  {
    name: "messaging: who serves what is unknown while the server says nothing or is gone",
    async run(rig) {
      const { world: { messaging, clock }, close } = await rig.connect();
      await rig.pause();
      await refused(messaging.unserved(["nobody"], 200), "PARTI_TIMEOUT", "PARTI_DISCONNECTED");
      rig.resume();
      await until(
        clock,
        "the answer",
        () => messaging.unserved(["nobody"], 1_000).then(() => true, () => false),
        6_000,
      );
      await rig.pause();
      const unserved = messaging.unserved(["nobody"], 60_000);
      const asked = refused(unserved, "PARTI_TIMEOUT", "PARTI_DISCONNECTED");
      await rig.crash();
      await asked;
      await close();
    },
  },
  {
    name: "messaging: of an answer that comes too late, and of a second one, nobody hears",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { messaging, clock } = one.world;
      const asked: Notice[] = [];
      two.world.messaging.subscribe("slow", (notice) => void asked.push(notice));
      await two.world.messaging.flush(2_000);
      await refused(messaging.request("slow", bytes("1"), 100), "PARTI_TIMEOUT");
      asked[0]!.respond(bytes("late"));
      const second = messaging.request("slow", bytes("2"), 2_000);
      await until(clock, "the second request", () => asked.length === 2);
      asked[1]!.respond(bytes("2"));
      asked[1]!.respond(bytes("3"));
      assert.equal(textOf(await second), "2");
      await two.world.messaging.flush(2_000);
      await messaging.flush(2_000);
      await one.close();
      await two.close();
    },
  },
  {
    name: "messaging: a subscriber that closes its connection is gone at once for those who probe",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      two.world.messaging.subscribe("probe", (notice) => notice.respond(bytes("ok")));
      await two.world.messaging.flush(2_000);
      await one.world.messaging.request("probe", bytes("?"), 1_000);
      two.hold();
      two.cut();
      const { clock, messaging } = one.world;
      const startMs = clock.monotonicMs();
      // It comes back by itself, with its subscriptions.
      await until(
        clock,
        "the answer",
        () => messaging.request("probe", bytes("?"), 250).then(() => true, () => false),
      );
      assert.ok(clock.monotonicMs() - startMs < 5_000);
      await one.close();
      await two.close();
    },
  },
  {
    name: "messaging: the state of the connection is told, and requests follow it",
    async run(rig) {
      const { world: { messaging, clock }, close } = await rig.connect();
      const seen: ConnectionStatus[] = [];
      const unwanted: ConnectionStatus[] = [];
      messaging.onStatus((status) => void seen.push(status));
      messaging.onStatus((status) => void unwanted.push(status)).close();
      assert.equal(messaging.connected, true);
      messaging.subscribe("me", (notice) => notice.respond(bytes("still here")));
      await rig.crash();
      await until(clock, "the disconnect", () => seen.length === 1);
      assert.equal(messaging.connected, false);
      await refused(messaging.request("me", bytes("?"), 1_000), "PARTI_DISCONNECTED");
      await refused(messaging.flush(1_000), "PARTI_DISCONNECTED");
      messaging.publish("me", bytes("dropped"));
      await rig.restart();
      await until(clock, "the reconnect", () => seen.length === 2);
      assert.equal(messaging.connected, true);
      assert.equal(textOf(await messaging.request("me", bytes("?"), 2_000)), "still here");
      await close();
      await until(clock, "the close", () => seen.length === 3);
      assert.deepEqual(seen, ["disconnected", "reconnected", "closed"]);
      // Whoever asks only now would wait for ever otherwise.
      messaging.onStatus((status) => void seen.push(status));
      messaging.onStatus((status) => void unwanted.push(status)).close();
      await until(clock, "the close, told later", () => seen.length === 4);
      assert.equal(seen.at(-1), "closed");
      assert.deepEqual(unwanted, []);
      assert.equal(messaging.connected, false);
      await refused(messaging.request("me", bytes("?"), 1_000), "PARTI_DISCONNECTED");
    },
  },
  {
    name: "messaging: what is closed in the instant in which the connection is back serves no more",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { messaging } = one.world;
      const subjects = numbers(1, 20).map((i) => `who.${i}`);
      let closed = 0;
      for (const subject of subjects) {
        const subscription = messaging.subscribe(subject, (notice) => notice.respond(bytes("")));
        messaging.onStatus((status) => {
          if (status !== "reconnected") return;
          subscription.close();
          closed++;
        });
      }
      await messaging.flush(2_000);
      assert.deepEqual(await two.world.messaging.unserved(subjects, 5_000), []);
      one.cut();
      await until(two.world.clock, "the reconnect", () => closed === subjects.length);
      await messaging.flush(2_000);
      assert.deepEqual(await two.world.messaging.unserved(subjects, 5_000), subjects);
      await one.close();
      await two.close();
    },
  },
  {
    name: "messaging: a connection is closed at once also while the server says nothing",
    async run(rig) {
      const one = await rig.connect();
      const two = await rig.connect();
      const { clock } = two.world;
      one.world.messaging.subscribe("who", (notice) => notice.respond(bytes("")));
      await one.world.messaging.flush(2_000);
      const seen: ConnectionStatus[] = [];
      one.world.messaging.onStatus((status) => void seen.push(status));
      await rig.pause();
      const startMs = clock.monotonicMs();
      await one.close();
      await until(clock, "the close", () => seen.includes("closed"));
      assert.ok(clock.monotonicMs() - startMs < 1_000, "at once");
      rig.resume();
      await until(
        clock,
        "nobody there",
        () =>
          two.world.messaging.unserved(["who"], 1_000).then(
            ({ length }) => length === 1,
            () => false,
          ),
      );
      assert.deepEqual(seen, ["closed"]);
      await two.close();
    },
  },
  {
    name: "messaging: requests under way are ended when the connection goes",
    async run(rig) {
      const one = await rig.connect();
      const { messaging, clock } = one.world;
      messaging.subscribe("mute", () => {});
      const startMs = clock.monotonicMs();
      const request = refused(messaging.request("mute", bytes("?"), 60_000), "PARTI_TIMEOUT");
      await messaging.flush(2_000);
      await rig.crash();
      await request;
      assert.ok(clock.monotonicMs() - startMs < 10_000);
      await one.close();
    },
  },
  {
    name: "messaging: a paused server is noticed by the connection and by a flush",
    async run(rig) {
      const { world: { messaging, clock }, close } = await rig.connect();
      await rig.pause();
      await refused(messaging.flush(200), "PARTI_TIMEOUT", "PARTI_DISCONNECTED");
      await until(clock, "the stale connection", () => !messaging.connected, 6_000);
      rig.resume();
      await until(clock, "the reconnect", () => messaging.connected, 6_000);
      await messaging.flush(2_000);
      await close();
    },
  },
];
