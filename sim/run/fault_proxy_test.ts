import assert from "node:assert/strict";
import { FaultProxy } from "./fault_proxy.ts";

/** A server that sends back whatever it is sent, and a proxy before it. */
class Rig implements AsyncDisposable {
  readonly proxy: FaultProxy;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #echoing = new Set<Promise<void>>();
  readonly #sockets: Deno.Conn[] = [];

  constructor() {
    const { port } = this.#listener.addr as Deno.NetAddr;
    this.proxy = new FaultProxy({ hostname: "127.0.0.1", port });
    this.#echoing.add(this.#serve());
  }

  async connect(): Promise<Deno.Conn> {
    const socket = await Deno.connect({
      hostname: "127.0.0.1",
      port: Number(new URL(this.proxy.url).port),
    });
    this.#sockets.push(socket);
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy.close();
    this.#listener.close();
    for (const socket of this.#sockets) {
      try {
        socket.close();
      } catch {
        // A test has closed it.
      }
    }
    await Promise.allSettled(this.#echoing);
  }

  async #serve(): Promise<void> {
    for await (const socket of this.#listener) {
      this.#echoing.add(
        socket.readable.pipeTo(socket.writable).catch(() => {}),
      );
    }
  }
}

const text = (value: string) => new TextEncoder().encode(value);

/** The next text that arrives; undefined at the end of the connection. */
async function hear(socket: Deno.Conn): Promise<string | undefined> {
  const buffer = new Uint8Array(1_000);
  const read = await socket.read(buffer).catch(() => null);
  return read === null ? undefined : new TextDecoder().decode(buffer.subarray(0, read));
}

/** Whether something arrives within a time that is long for a loopback. */
async function isSilent(heard: Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(true), 150);
  const silent = await Promise.race([heard.then(() => false), promise]);
  clearTimeout(timer);
  return silent;
}

Deno.test("fault proxy: a network that is well passes everything on, both ways", async () => {
  await using rig = new Rig();
  const socket = await rig.connect();
  await socket.write(text("hello"));
  assert.equal(await hear(socket), "hello");
  assert.equal(rig.proxy.connectionCount, 1);
});

Deno.test("fault proxy: a cut ends the connections there are, and new ones pass", async () => {
  await using rig = new Rig();
  const socket = await rig.connect();
  await socket.write(text("a"));
  assert.equal(await hear(socket), "a");
  rig.proxy.cut();
  assert.equal(await hear(socket), undefined);
  const again = await rig.connect();
  await again.write(text("b"));
  assert.equal(await hear(again), "b");
});

Deno.test("fault proxy: refused, nobody gets in until it is well again", async () => {
  await using rig = new Rig();
  assert.ok(rig.proxy.well);
  rig.proxy.become({ refused: true });
  assert.ok(!rig.proxy.well);
  assert.equal(await hear(await rig.connect()), undefined);
  rig.proxy.become({});
  const socket = await rig.connect();
  await socket.write(text("b"));
  assert.equal(await hear(socket), "b");
});

for (const state of [{ up: "held" }, { down: "held" }, { up: "held", down: "held" }] as const) {
  Deno.test(`fault proxy: with ${JSON.stringify(state)} it is silent, and what was sent arrives in the end`, async () => {
    await using rig = new Rig();
    const socket = await rig.connect();
    await socket.write(text("a"));
    assert.equal(await hear(socket), "a");
    rig.proxy.become(state);
    await socket.write(text("b"));
    const heard = hear(socket);
    assert.equal(await isSilent(heard), true);
    assert.equal(rig.proxy.connectionCount, 1, "it is open all the time");
    rig.proxy.become({});
    assert.equal(await heard, "b");
  });
}

Deno.test("fault proxy: a slow network is late by what it says, and in order", async () => {
  await using rig = new Rig();
  rig.proxy.become({ up: 60, down: 60 });
  const socket = await rig.connect();
  const sinceMs = performance.now();
  await socket.write(text("a"));
  await socket.write(text("b"));
  let heard = "";
  while (heard.length < 2) heard += await hear(socket);
  assert.equal(heard, "ab");
  assert.ok(performance.now() - sinceMs >= 119, "there and back");
});

Deno.test("fault proxy: closed while something is held it leaves nothing behind", async () => {
  await using rig = new Rig();
  const socket = await rig.connect();
  await socket.write(text("a"));
  assert.equal(await hear(socket), "a");
  rig.proxy.become({ up: "held", down: "held" });
  await socket.write(text("b"));
  await rig.proxy.close();
  assert.equal(rig.proxy.connectionCount, 0);
  assert.equal(await hear(socket), undefined);
});

Deno.test("fault proxy: where no server listens a connection ends at once", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  await using proxy = new FaultProxy({ hostname: "127.0.0.1", port });
  // Only now: the proxy might have got this very port, and be its own server.
  listener.close();
  const socket = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(proxy.url).port),
  });
  assert.equal(await hear(socket), undefined);
  socket.close();
});

for (
  const [what, fail] of [
    ["refused", (proxy: FaultProxy) => proxy.become({ refused: true })],
    ["cut", (proxy: FaultProxy) => proxy.cut()],
  ] as const
) {
  Deno.test(`fault proxy: planted: a connection that is being dialled while the network is ${what} does not survive`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const dialled = Promise.withResolvers<void>();
    const failed = Promise.withResolvers<void>();
    await using proxy = new FaultProxy({ hostname: "127.0.0.1", port }, async () => {
      dialled.resolve();
      await failed.promise;
      return await Deno.connect({ hostname: "127.0.0.1", port });
    });
    using client = await Deno.connect({
      hostname: "127.0.0.1",
      port: Number(new URL(proxy.url).port),
    });
    await dialled.promise;
    fail(proxy);
    failed.resolve();
    using server = await listener.accept();
    const ended = hear(client);
    assert.equal(await isSilent(ended), false);
    assert.equal(await ended, undefined);
    assert.equal(await hear(server), undefined);
    assert.equal(proxy.connectionCount, 0);
  });
}
