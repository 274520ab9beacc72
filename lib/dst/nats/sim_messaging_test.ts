import assert from "node:assert/strict";
import { bytes, refused, textOf } from "../../ports/contract/helpers_test.ts";
import type { Messaging } from "../../ports/messaging.ts";
import { CoreModel } from "./core_model.ts";
import { FaultBoard } from "./fault_board.ts";
import { NO_FAULTS } from "./faults.ts";
import { MAX_PAYLOAD_BYTES } from "./payload.ts";
import { simulate } from "./simulate_test.ts";

function heard(messaging: Messaging, subject: string): string[] {
  const got: string[] = [];
  messaging.subscribe(subject, (notice) => void got.push(textOf(notice.data)));
  return got;
}

Deno.test("a lost notice is never heard, and a request whose way is lost times out", () =>
  simulate("2.15.1", async ({ kernel, server, connect }) => {
    const [one, two, three] = [connect(), connect(), connect()];
    const board = FaultBoard.of(server);
    const [first, second] = [one, two].map(({ world }) => heard(world.messaging, "s"));
    one.world.messaging.subscribe("echo", (notice) => notice.respond(notice.data));
    await kernel.sleep(10);
    const lost = { ...NO_FAULTS, messaging: { noticeLost: 1 } };
    board.setFor(one.link, lost);
    three.world.messaging.publish("s", bytes("x"));
    await refused(three.world.messaging.request("echo", bytes("x"), 200), "PARTI_TIMEOUT");
    assert.deepEqual([first, second], [[], ["x"]]);
    board.setFor(one.link, undefined);
    // The way back counts too: here it is the asking side that loses what is sent to it.
    board.setFor(three.link, lost);
    await refused(three.world.messaging.request("echo", bytes("x"), 200), "PARTI_TIMEOUT");
    board.setFor(three.link, undefined);
    const answer = await three.world.messaging.request("echo", bytes("x"), 200);
    assert.equal(textOf(answer), "x");
  }));

Deno.test("of several answers the first counts, and one that comes too late is nobody's", () =>
  simulate("2.15.1", async ({ kernel, connect }) => {
    const [one, two] = [connect().world.messaging, connect().world.messaging];
    one.subscribe("s", (notice) => {
      notice.respond(bytes("1"));
      notice.respond(bytes("2"));
    });
    one.subscribe("late", (notice) => {
      void kernel.sleep(500).then(() => notice.respond(bytes("late")));
    });
    one.subscribe("notice", (notice) => notice.respond(bytes("nobody asked")));
    await one.flush(1_000);
    assert.equal(textOf(await two.request("s", bytes("?"), 1_000)), "1");
    await refused(two.request("late", bytes("?"), 100), "PARTI_TIMEOUT");
    two.publish("notice", bytes("?"));
    await kernel.sleep(1_000);
  }));

Deno.test("after a reconnect every notice comes once, whatever the server still holds for open", () =>
  simulate("2.15.1", async ({ kernel, server, connect }) => {
    const [one, two] = [connect(), connect()];
    const got = heard(one.world.messaging, "s");
    await one.world.messaging.flush(1_000);
    one.link.block();
    await kernel.sleep(4_000);
    assert.equal(one.link.connected, false);
    two.world.messaging.publish("s", bytes("lost"));
    await kernel.sleep(1);
    one.link.unblock();
    await kernel.sleep(500);
    assert.equal(one.link.connected, true);
    two.world.messaging.publish("s", bytes("once"));
    await kernel.sleep(10);
    assert.deepEqual(got, ["once"]);
    // The server finds out about the first connection some time within half a minute.
    await kernel.sleep(30_000);
    assert.equal(CoreModel.of(server).subscriptionCount, 1);
  }));

Deno.test("a connection that was closed behind a partition does not stay for ever", () =>
  simulate("2.15.1", async ({ kernel, server, connect }) => {
    const [one, two] = [connect(), connect()];
    for (const { world } of [one, two]) heard(world.messaging, "s");
    await kernel.sleep(10);
    one.link.block();
    two.link.block();
    one.link.close();
    two.owner.kill();
    assert.equal(CoreModel.of(server).subscriptionCount, 2);
    await kernel.sleep(30_000);
    assert.equal(CoreModel.of(server).subscriptionCount, 0);
  }));

Deno.test("nothing is heard after the connection was closed", () =>
  simulate("2.15.1", async ({ kernel, connect }) => {
    const [one, two] = [connect(), connect()];
    const got = heard(one.world.messaging, "s");
    await one.world.messaging.flush(1_000);
    one.link.hold();
    two.world.messaging.publish("s", bytes("x"));
    await kernel.sleep(10);
    one.link.release();
    one.link.close();
    await kernel.sleep(1_000);
    assert.deepEqual(got, []);
    assert.throws(() => heard(one.world.messaging, "s"), { code: "PARTI_DISCONNECTED" });
    one.world.messaging.publish("s", bytes("x"));
    await refused(one.world.messaging.flush(100), "PARTI_DISCONNECTED");
  }));

Deno.test("a flush says whether its time is up or its connection gone", () =>
  simulate("2.15.1", async ({ kernel, connect }) => {
    const { world: { messaging }, link, owner } = connect();
    link.hold();
    await refused(messaging.flush(100), "PARTI_TIMEOUT");
    const flush = refused(messaging.flush(60_000), "PARTI_DISCONNECTED");
    await kernel.sleep(10);
    link.cut();
    await flush;
    assert.equal(owner.pendingTimers, 0);
  }));

Deno.test("a process that stands still learns of a cut when it goes on", () =>
  simulate("2.15.1", async ({ kernel, connect }) => {
    const { world: { messaging }, link, owner } = connect();
    const seen: string[] = [];
    messaging.onStatus((status) => void seen.push(status));
    link.hold();
    const flush = refused(messaging.flush(60_000), "PARTI_DISCONNECTED").then(() => seen.push("-"));
    await kernel.sleep(10);
    owner.pause();
    link.cut();
    await kernel.sleep(1_000);
    assert.deepEqual(seen, []);
    owner.resume();
    await flush;
    assert.deepEqual(seen, ["disconnected", "-"]);
    await kernel.sleep(1_000);
    assert.equal(seen.at(-1), "reconnected");
  }));

Deno.test("a subscription made while the connection is down begins when it is back", () =>
  simulate("2.15.1", async ({ kernel, connect }) => {
    const [one, two] = [connect(), connect()];
    one.link.cut();
    const got = heard(one.world.messaging, "s");
    const closed = one.world.messaging.subscribe("s", () => assert.fail("it was closed"));
    closed.close();
    await kernel.sleep(500);
    two.world.messaging.publish("s", bytes("x"));
    await kernel.sleep(10);
    assert.deepEqual(got, ["x"]);
  }));

Deno.test("what is no subject, or too much, is refused", () =>
  simulate("2.15.1", async ({ connect }) => {
    const { messaging } = connect().world;
    const tooMuch = new Uint8Array(MAX_PAYLOAD_BYTES + 1);
    assert.throws(() => messaging.publish("", bytes("?")), { code: "PARTI_REFUSED" });
    assert.throws(() => messaging.publish("s", tooMuch), { code: "PARTI_TOO_LARGE" });
    assert.throws(() => messaging.subscribe("a b", () => {}), { code: "PARTI_REFUSED" });
    await refused(messaging.request("", bytes("?"), 100), "PARTI_REFUSED");
    await refused(messaging.request("s", tooMuch, 100), "PARTI_TOO_LARGE");
  }));
