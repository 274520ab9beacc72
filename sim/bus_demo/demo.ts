/**
 * The demonstration: things are put into carts while the processes on which the carts live are killed, one after the other.
 *
 * @module
 */
import { ActorSystem, MessageBus } from "../../lib/bus/mod.ts";
import { describeError, PartiError } from "../../lib/errors.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import { note, say } from "../../tasks/console.ts";
import { exitCodes } from "../../tasks/exit_codes.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { spawnSelf } from "../../tasks/spawn.ts";
import { BUS, CART, type CartView, LEASE_TTL_MS, readCart } from "./cart.ts";

const CARTS_DEFAULT = 10;
const CARTS_MAX = 10_000;
const CALL_TIMEOUT_MS = 30_000;
const NODES = ["node-a", "node-b"] as const;
const NOTHING = new Uint8Array();

/**
 * Runs the demonstration.
 *
 * @param count how many carts, as it was given
 * @returns the exit code
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for a number that is none
 */
export async function runBusDemo(count: string | undefined): Promise<number> {
  const carts = readCount(count);
  await using server = await launchNats();
  await using nodes = new Nodes(server.url);
  for (const node of NODES) await nodes.start(node);
  const nc = await connectNats({ servers: server.url, name: "caller" });
  const world = natsWorld(nc);
  try {
    await using bus = new MessageBus({ world, bus: BUS, node: "caller" });
    // No cart may live here: this node defines none.
    await using actors = new ActorSystem({ world, bus, leaseTtlMs: LEASE_TTL_MS });
    await bus.start();
    await actors.start();
    const shop = new Shop(actors, carts);
    await shop.putIntoAll("apple");
    for (const victim of NODES) {
      await nodes.kill(victim);
      say(`${victim} was killed by SIGKILL`);
      await shop.putIntoAll(`item after ${victim}`);
      await nodes.start(victim);
      say(`${victim} is back`);
    }
    return await shop.check(["apple", ...NODES.map((node) => `item after ${node}`)]);
  } finally {
    await nc.close();
  }
}

/** Calls the carts. */
class Shop {
  readonly #actors: ActorSystem;
  readonly #carts: number;

  constructor(actors: ActorSystem, carts: number) {
    this.#actors = actors;
    this.#carts = carts;
  }

  /** Puts the same thing into all carts, and says where they live. */
  async putIntoAll(item: string): Promise<void> {
    const startMs = performance.now();
    const views = await this.#askAll("add", item);
    const tookMs = Math.round(performance.now() - startMs);
    const places = NODES.map((node) =>
      `${views.filter((view) => view.node === node).length} on ${node}`
    );
    say(`"${item}" put into ${views.length} carts in ${tookMs} ms: ${places.join(", ")}`);
  }

  /** Whether every cart has each thing once. */
  async check(wanted: readonly string[]): Promise<number> {
    const views = await this.#askAll("look", undefined);
    const wrong = views.flatMap(({ items }, n) =>
      JSON.stringify(items) === JSON.stringify(wanted) ? [] : [`cart ${n} has ${items.join(", ")}`]
    );
    for (const line of wrong) note(line);
    if (wrong.length > 0) return exitCodes.fail;
    say(`every cart has each thing once: ${wanted.join(", ")}`);
    return exitCodes.pass;
  }

  async #askAll(method: string, item: string | undefined): Promise<CartView[]> {
    return await Promise.all(
      Array.from({ length: this.#carts }, async (_, n) => {
        const options = { timeoutMs: CALL_TIMEOUT_MS, idempotencyKey: item ?? `look-${n}` };
        return readCart(await this.#actors.request(`${CART}/${n}`, method, NOTHING, options));
      }),
    );
  }
}

/** The processes. */
class Nodes implements AsyncDisposable {
  readonly #url: string;
  readonly #children = new Map<string, Deno.ChildProcess>();

  constructor(url: string) {
    this.#url = url;
  }

  /** Starts one; resolves when carts may live there. */
  async start(node: string): Promise<void> {
    const child = spawnSelf(["bus-demo-node", this.#url, node], {
      permissions: ["--allow-net", "--allow-env", "--allow-read", "--allow-sys"],
      stdout: "piped",
    });
    this.#children.set(node, child);
    let said = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      said += text;
      if (said.includes("ready")) return;
    }
    throw new PartiError("PARTI_STARTUP_TIMEOUT", `${node} ended before it was ready`, {
      value: node,
      hint: "what it has said about that is above",
    });
  }

  /** Kills one, as a loss of power does. */
  async kill(node: string): Promise<void> {
    const child = this.#children.get(node);
    this.#children.delete(node);
    if (child !== undefined) await end(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#children.values()].map(end));
  }
}

async function end(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    note(`it had ended already: ${describeError(error)}`);
  }
  await child.stdin.close().catch(() => {});
  await child.status;
}

function readCount(text: string | undefined): number {
  const count = text === undefined ? CARTS_DEFAULT : Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= CARTS_MAX) return count;
  throw new PartiError("PARTI_INVALID_CONFIG", `--carts ${text} is no number of carts`, {
    value: text,
    hint: `a whole number from 1 to ${CARTS_MAX}`,
  });
}
