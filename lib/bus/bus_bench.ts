/**
 * How fast the bus is beside bare NATS, in one run: `deno run -A lib/bus/bus_bench.ts [rounds] [actors]`.
 *
 * @module
 */
import { say } from "../../tasks/console.ts";
import { invariant } from "../errors.ts";
import { connectNats, natsWorld } from "../ports/nats/world.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { ActorSystem } from "./actors/actor_system.ts";
import { MessageBus } from "./bus.ts";
import type { Answer } from "./envelope.ts";
import { addressSubject } from "./names.ts";
import { valueOf } from "./outcome.ts";

const PAYLOAD = new Uint8Array(128).fill(7);
const TARGET = { node: "server", type: "echo" };
const TYPE = "bench::echo";

/** So long one measurement takes, in milliseconds. */
const MEASURE_MS = 1_500;
const WARM_UP_MS = 500;
const CREATE_AT_ONCE = 200;
const ACTORS = 100;
/** So many in turn that each was called longer ago than what a node has read of it counts. */
const FORGOTTEN_ACTORS = 20_000;

/** How many calls per second so many callers make, each one call after another. */
async function perSecond(
  concurrency: number,
  call: (n: number) => Promise<unknown>,
): Promise<number> {
  const run = async (forMs: number): Promise<number> => {
    const startMs = performance.now();
    let count = 0;
    await Promise.all(
      Array.from({ length: concurrency }, async (_, caller) => {
        for (let n = 0; performance.now() - startMs < forMs; n++) {
          await call(caller + n * concurrency);
          count++;
        }
      }),
    );
    return count / (performance.now() - startMs) * 1_000;
  };
  await run(WARM_UP_MS);
  return await run(MEASURE_MS);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function kilo(perSecond: number): string {
  return `${(perSecond / 1_000).toFixed(1)} k/s`;
}

async function main(rounds: number, actorCount: number): Promise<void> {
  await using server = await launchNats();
  const connect = () => connectNats({ servers: server.url });
  const [here, there] = [await connect(), await connect()];
  there.subscribe("bare", { callback: (_error, message) => void message.respond(message.data) });
  const nodes = await Promise.all(["server", "node-1", "node-2"].map(async (node, n) => {
    const world = natsWorld(n === 0 ? there : await connect());
    const bus = new MessageBus({ world, bus: "bench", node });
    const actors = new ActorSystem({ world, bus });
    actors.define(TYPE, { create: () => ({ handle: ({ payload }) => payload }) });
    await bus.start();
    await actors.start();
    return { bus, actors };
  }));
  nodes[0]!.bus.handle("echo", ({ payload }) => payload);
  const world = natsWorld(here);
  const bus = new MessageBus({ world, bus: "bench", node: "caller" });
  const actors = new ActorSystem({ world, bus });
  await bus.start();
  await actors.start();
  const systems = nodes.map((node) => node.actors);
  const forgotten = await aroundOnce(bus, systems, "forgotten", FORGOTTEN_ACTORS);
  const ways: [string, (n: number) => Promise<unknown>][] = [
    ["bare NATS request", () => here.request("bare", PAYLOAD)],
    ["bus request", () => bus.request(TARGET, "echo", PAYLOAD)],
    ["actor request", (n) => actors.request(`${TYPE}/${n % ACTORS}`, "echo", PAYLOAD)],
    ["… sent on, read", forgotten],
    ["… sent on again", await aroundOnce(bus, systems, "known", ACTORS)],
  ];
  for (const concurrency of [1, 100]) {
    const figures = new Map<string, number[]>(ways.map(([name]) => [name, []]));
    // In turns, so that all of them have the same machine.
    for (let round = 0; round < rounds; round++) {
      for (const [name, call] of ways) figures.get(name)!.push(await perSecond(concurrency, call));
    }
    const bare = figures.get(ways[0]![0])!;
    for (const [name, values] of figures) {
      const ratios = values.map((value, round) => value / bare[round]!);
      say(
        `${concurrency} at once  ${name.padEnd(18)} ${kilo(median(values)).padStart(10)}  ratio ${
          median(ratios).toFixed(2)
        } (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`,
      );
    }
  }
  await measureActors(actors, actorCount);
  await actors.stop();
  for (const node of nodes) await node.actors.stop();
  await Promise.all([bus.stop(), ...nodes.map((node) => node.bus.stop())]);
  await Promise.all([here, there].map((nc) => nc.close()));
}

/**
 * Calls so many actors in turn, each by way of a node where it does not live: that one sends the call on, and reads where to unless it has
 * done so a moment ago.
 */
async function aroundOnce(
  bus: MessageBus,
  systems: readonly ActorSystem[],
  name: string,
  count: number,
): Promise<() => Promise<unknown>> {
  const callAt = (id: string, address: string): Promise<Answer> => {
    const subject = addressSubject(bus.name, address);
    const errand = { subject, to: id, method: "echo", payload: PAYLOAD };
    return bus.caller.call(bus.outbox.to(subject), errand, {});
  };
  const addresses = systems.map(({ address }) => address!);
  const wrong: string[] = [];
  const idOf = (n: number) => `${TYPE}/${name}-${n}`;
  await inBatches(count, async (n) => {
    const { at } = await callAt(idOf(n), addresses[0]!);
    wrong[n] = addresses.find((address) => address !== at)!;
  });
  let calls = 0;
  return async () => {
    const n = calls++ % count;
    const answer = await callAt(idOf(n), wrong[n]!);
    valueOf(answer);
    invariant(answer.hops === 1, "a call to the wrong node was not sent on once");
  };
}

async function inBatches(count: number, work: (n: number) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < count; first += CREATE_AT_ONCE) {
    const length = Math.min(CREATE_AT_ONCE, count - first);
    await Promise.all(Array.from({ length }, (_, n) => work(first + n)));
  }
}

/** All nodes are in this process, so its heap is theirs together. */
async function measureActors(actors: ActorSystem, count: number): Promise<void> {
  const before = heapBytes();
  const startMs = performance.now();
  await inBatches(count, (n) => actors.request(`${TYPE}/idle-${n}`, "echo", PAYLOAD));
  const tookMs = performance.now() - startMs;
  const bytes = (heapBytes() - before) / count;
  say(
    `${count} actors on 3 nodes: ${kilo(count / tookMs * 1_000)} activated, ${
      Math.round(bytes)
    } bytes of heap for each, its place in the caller's memory included`,
  );
}

function heapBytes(): number {
  const { gc } = globalThis as { gc?: () => void };
  for (let n = 0; n < 4; n++) gc?.();
  return Deno.memoryUsage().heapUsed;
}

if (import.meta.main) {
  await main(Number(Deno.args[0] ?? 5), Number(Deno.args[1] ?? 10_000));
  Deno.exit(0);
}
