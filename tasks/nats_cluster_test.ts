import assert from "node:assert/strict";
import { jetstream, type JetStreamClient, jetstreamManager } from "@nats-io/jetstream";
import { connect, errors } from "@nats-io/transport-node";
import { isPartiError } from "../lib/errors.ts";
import { isPortFree } from "./free_port.ts";
import { launchNatsCluster, type NatsCluster } from "./nats_cluster.ts";
import { until } from "./until.ts";

function runs(pid: number): boolean {
  try {
    // What has ended and was not asked for its exit code yet can be signalled still.
    Deno.kill(pid, "SIGCONT");
    const { stdout } = new Deno.Command("ps", { args: ["-o", "stat=", "-p", String(pid)] })
      .outputSync();
    return !/^(Z|$)/.test(new TextDecoder().decode(stdout).trim());
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

async function storing(cluster: NatsCluster) {
  const connection = await connect({ servers: cluster.urls, maxReconnectAttempts: -1 });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "s", subjects: ["s.>"], num_replicas: cluster.nodes.length });
  return { connection, manager, js: jetstream(connection) };
}

/**
 * The stream's first message. That a stream is there may be told before the asker's node has learnt from the others that its subjects are
 * served (1 of 150 times, for 3 ms): nothing has been stored then.
 */
async function publishFirst(js: JetStreamClient, data: string): Promise<void> {
  await until("the new stream's subjects are served", async () => {
    try {
      await js.publish("s.1", data);
      return true;
    } catch (error) {
      const { cause } = error as Error;
      if (cause instanceof errors.RequestError && cause.isNoResponders()) return false;
      throw error;
    }
  });
}

Deno.test("a cluster is whole when it is there: a stream can have its copies, and a message goes on all of them", async () => {
  await using cluster = await launchNatsCluster({ size: 3 });
  assert.deepEqual(cluster.names, ["n1", "n2", "n3"]);
  assert.equal(new Set(cluster.urls).size, 3);
  const { connection, manager, js } = await storing(cluster);
  await publishFirst(js, "kept");
  const { cluster: group } = await manager.streams.info("s");
  assert.equal(await cluster.leaderOf("s"), group!.leader);
  assert.equal(group!.replicas!.length, 2);
  assert.equal(await cluster.leaderOf("nothing"), undefined);
  await connection.close();
});

Deno.test("a node that is killed leaves its clients to the others, and comes back to its place with what it had", async () => {
  await using cluster = await launchNatsCluster({ size: 3 });
  const { connection, js } = await storing(cluster);
  const name = (await cluster.leaderOf("s"))!;
  const node = cluster.node(name)!;
  const { pid, port } = node;
  const homeless = await connect({ servers: node.url, maxReconnectAttempts: -1 });
  await publishFirst(js, "before");
  await node.kill();
  assert.ok(!runs(pid));
  assert.ok(cluster.nodes.every((other) => other.running === (other !== node)));
  await until("its client is with another node", async () => {
    if (homeless.isClosed()) return false;
    return homeless.getServer() !== `127.0.0.1:${port}` &&
      await homeless.rtt().then(() => true, () => false);
  });
  await until("the others have a new leader", async () => {
    return await js.publish("s.1", "meanwhile").then(() => true, () => false);
  }, 30_000);
  await node.restart();
  await cluster.untilWhole();
  assert.notEqual(node.pid, pid);
  assert.equal(node.port, port);
  // It is asked alone: what was stored while it was away is there, too.
  const alone = await connect({ servers: node.url, ignoreClusterUpdates: true });
  const { state } = await (await jetstreamManager(alone)).streams.info("s");
  assert.ok(state.messages >= 2);
  for (const one of [connection, homeless, alone]) await one.close();
});

Deno.test("a cluster that lacks a node is not whole, and says why", async () => {
  await using cluster = await launchNatsCluster({ size: 3 });
  await cluster.nodes[1]!.kill();
  await assert.rejects(cluster.untilWhole(300), (error) => {
    assert.ok(isPartiError(error, "PARTI_TIMEOUT"));
    assert.match(error.message, /n2: it does not run/);
    return true;
  });
});

Deno.test("all nodes killed at once come back with what was stored", async () => {
  await using cluster = await launchNatsCluster({ size: 3 });
  const { connection, manager, js } = await storing(cluster);
  await publishFirst(js, "kept");
  await cluster.kill();
  assert.ok(cluster.nodes.every(({ running }) => !running));
  await cluster.restart();
  await until("the stream is there", async () => {
    return await manager.streams.info("s").then(({ state }) => state.messages === 1, () => false);
  }, 30_000);
  await connection.close();
});

const launcher = import.meta.resolve("./nats_cluster.ts");

for (const signal of ["SIGKILL", "SIGINT"] as const) {
  Deno.test(`nothing of a cluster is left behind when the parent ends by ${signal}`, async () => {
    const code = `
      import { launchNatsCluster } from ${JSON.stringify(launcher)};
      const cluster = await launchNatsCluster({ size: 3 });
      await cluster.nodes[2].kill();
      const pids = cluster.nodes.slice(0, 2).map(({ pid }) => pid);
      console.log(JSON.stringify({ pids, dirs: cluster.nodes.map(({ storeDir }) => storeDir) }));
      await new Promise(() => setInterval(() => {}, 1000));
    `;
    const parent = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--quiet", "--allow-all", "-"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = parent.stdin.getWriter();
    await writer.write(new TextEncoder().encode(code));
    await writer.close();
    const reader = parent.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const said = JSON.parse((await reader.read()).value ?? "");
    const { pids, dirs } = said as { pids: number[]; dirs: string[] };
    parent.kill(signal);
    await parent.status;
    await reader.cancel();
    await until("the nodes have ended", () => !pids.some(runs));
    await until("their directories are gone", () => !dirs.some(exists));
  });
}

Deno.test("stop ends all nodes and frees their ports", async () => {
  const cluster = await launchNatsCluster({ size: 3 });
  const pids = cluster.nodes.map(({ pid }) => pid);
  await cluster.stop();
  assert.ok(!pids.some(runs));
  for (const { port, monitorPort } of cluster.nodes) {
    assert.ok(isPortFree(port) && isPortFree(monitorPort!));
  }
});
