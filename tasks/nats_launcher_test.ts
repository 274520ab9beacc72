import assert from "node:assert/strict";
import { connect } from "@nats-io/transport-node";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { isPartiError } from "../lib/errors.ts";
import { isPortFree } from "./free_port.ts";
import { launchNats } from "./nats_launcher.ts";
import { until } from "./until.ts";

/** A zombie (`Z`) has ended; only nobody has asked for its exit code yet, which is init's business and not ours. */
function state(pid: number): string {
  return ps(pid, "stat").charAt(0) || "gone";
}

function ps(pid: number, column: string): string {
  const args = ["-o", `${column}=`, "-p", String(pid)];
  const { stdout } = new Deno.Command("ps", { args, stderr: "null" }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}

const hasEnded = (pid: number) => ["gone", "Z"].includes(state(pid));

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("a launched server answers, with JetStream, on its own port and store", async () => {
  await using server = await launchNats();
  assert.match(server.version, /^2\.\d+\.\d+/);
  assert.ok(server.running);
  assert.equal(server.url, `nats://127.0.0.1:${server.port}`);
  assert.ok(server.port < 32_768, "a port that the kernel gives to nobody's outgoing connection");
  const connection = await connect({ servers: server.url });
  const info = await (await jetstreamManager(connection)).getAccountInfo();
  assert.equal(info.streams, 0);
  assert.match(server.logTail(), /Server is ready/);
  await connection.close();
});

Deno.test("stop ends the process and removes its directory", async () => {
  const server = await launchNats();
  const { pid, storeDir } = server;
  assert.ok(exists(storeDir));
  await server.stop();
  assert.ok(hasEnded(pid));
  assert.ok(!exists(storeDir));
  assert.ok(!exists(storeDir.replace(/\/store$/, "")));
  assert.ok(isPortFree(server.port));
  assert.equal(server.running, false);
  await server.stop();
});

Deno.test("kill and restart keep the port and what was stored", async () => {
  await using server = await launchNats();
  const { port, pid } = server;
  const before = await connect({ servers: server.url });
  await (await jetstreamManager(before)).streams.add({ name: "s", subjects: ["s.>"] });
  await jetstream(before).publish("s.1", "kept");
  await before.close();

  await server.kill();
  assert.equal(server.running, false);
  assert.ok(hasEnded(pid), "the nats-server itself was killed, not a process in between");
  assert.equal(await server.exited, 137);

  await server.restart();
  assert.equal(server.port, port);
  assert.notEqual(server.pid, pid);
  const after = await connect({ servers: server.url });
  const stream = await (await jetstreamManager(after)).streams.info("s");
  assert.equal(stream.state.messages, 1);
  await after.close();
});

Deno.test("a server that ends by itself is told of, one that was ended from here is not", async () => {
  await using server = await launchNats();
  const told: number[] = [];
  server.onEnded = (code) => told.push(code);
  await server.restart();
  await server.kill();
  await server.restart();
  assert.deepEqual(told, []);
  const { exited } = server;
  Deno.kill(server.pid, "SIGKILL");
  await exited;
  assert.deepEqual(told, [137]);
});

Deno.test("restart of a running server shuts it down first", async () => {
  await using server = await launchNats();
  const { pid } = server;
  await server.restart();
  assert.ok(hasEnded(pid));
  assert.notEqual(server.pid, pid);
  assert.ok(server.running);
});

Deno.test("pause stops the server's process, resume lets it go on, stop works on a paused one", async () => {
  const server = await launchNats();
  const { pid } = server;
  server.pause();
  assert.equal(state(pid), "T", "it has stopped when pause returns");
  server.resume();
  await until("the process goes on", () => state(pid) !== "T");
  server.pause();
  await server.stop();
  assert.ok(hasEnded(pid));
});

Deno.test("Ctrl-C in the terminal does not reach the server, only whoever launched it", async () => {
  await using server = await launchNats();
  assert.notEqual(ps(server.pid, "pgid"), ps(Deno.pid, "pgid"));
});

Deno.test("a busy port is one clear error and leaves nothing", async () => {
  await using server = await launchNats();
  await assert.rejects(launchNats({ port: server.port }), (error) => {
    assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
    assert.equal(error.message, `port ${server.port} is in use by another process`);
    assert.equal(error.value, server.port);
    return true;
  });
});

Deno.test("a server that does not start shows the end of its log", async () => {
  await assert.rejects(launchNats({ extraConfig: "no_such_option: 1" }), (error) => {
    assert.ok(isPartiError(error, "PARTI_REFUSED"));
    assert.match(error.message, /unknown field "no_such_option"/);
    return true;
  });
});

Deno.test("a store directory of the caller's is used and left alone", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "parti-store-test-" });
  try {
    const server = await launchNats({ storeDir: dir });
    assert.equal(server.storeDir, dir);
    await server.stop();
    assert.ok(exists(`${dir}/jetstream`));
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("monitoring answers when asked for", async () => {
  await using server = await launchNats({ monitorPort: true });
  const response = await fetch(`http://127.0.0.1:${server.monitorPort}/healthz`);
  assert.deepEqual(await response.json(), { status: "ok" });
});

const launcher = import.meta.resolve("./nats_launcher.ts");

/** Starts a process that launches a server, and tells when the server runs. */
async function parentOfServer(then = "") {
  const code = `
    import { launchNats } from ${JSON.stringify(launcher)};
    let server = await launchNats();
    const { pid, storeDir } = server;
    ${then}
    console.log(JSON.stringify({ pid, storeDir }));
    await new Promise(() => setInterval(() => {}, 1000));
  `;
  const parent = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--quiet", "--allow-all", "--v8-flags=--expose-gc", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = parent.stdin.getWriter();
  await writer.write(new TextEncoder().encode(code));
  await writer.close();
  const reader = parent.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  const { pid, storeDir } = JSON.parse(value ?? "") as { pid: number; storeDir: string };
  assert.ok(exists(storeDir));
  return { parent, reader, pid, storeDir };
}

for (const signal of ["SIGKILL", "SIGINT", "SIGTERM"] as const) {
  Deno.test(`nothing is left behind when the parent ends by ${signal}`, async () => {
    const { parent, reader, pid, storeDir } = await parentOfServer();
    parent.kill(signal);
    await parent.status;
    await reader.cancel();
    await until("the server has ended", () => hasEnded(pid));
    await until("its directory is gone", () => !exists(storeDir.replace(/\/store$/, "")));
  });
}

Deno.test("a paused server does not outlive its parent either", async () => {
  const { parent, reader, pid, storeDir } = await parentOfServer("server.pause()");
  parent.kill("SIGKILL");
  await parent.status;
  await reader.cancel();
  await until("the server has ended", () => hasEnded(pid));
  await until("its directory is gone", () => !exists(storeDir.replace(/\/store$/, "")));
});

Deno.test("a server lives on when nothing in the program refers to it any more", async () => {
  const collect = `
    server = undefined;
    for (let i = 0; i < 5; i++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }`;
  const { parent, reader, pid } = await parentOfServer(collect);
  assert.ok(!hasEnded(pid));
  parent.kill("SIGKILL");
  await parent.status;
  await reader.cancel();
  await until("the server has ended", () => hasEnded(pid));
});

Deno.test("what a killed server has stored is removed with its parent, too", async () => {
  const { parent, reader, storeDir } = await parentOfServer("await server.kill()");
  parent.kill("SIGKILL");
  await parent.status;
  await reader.cancel();
  await until("its directory is gone", () => !exists(storeDir.replace(/\/store$/, "")));
});
